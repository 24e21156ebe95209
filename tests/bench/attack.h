/*
 * A client of bad will: what its three parts (TCP, UDP, ICMP) share.
 */
#ifndef BENCH_ATTACK_H
#define BENCH_ATTACK_H

#include <sys/socket.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "query.h"

#define SECOND		1000000000ULL
#define LETTER		13	/* offset of the name's first letter */

struct attack {
	/* what to do */
	const char		*kind;
	struct sockaddr_storage	server, client;
	socklen_t		size;		/* of both */
	uint32_t		number;		/* connections; or a second */
	uint64_t		count;		/* answers, and then the end */

	/* what came of it */
	uint64_t		start, end;
	uint64_t		sent;
	uint64_t		answered;
	uint64_t		octets_out, octets_in;	/* of DNS messages */
	uint64_t		closed;		/* connections, by dnsfw */
	struct histogram	latency;
};

extern volatile sig_atomic_t attack_stopping;

uint64_t attack_now(void);

/* May more be sent? */
bool	attack_goes_on(const struct attack *);

/* A nonblocking socket from the client, connected to the server. */
int	attack_socket(const struct attack *, int type);

/* A query of DNS_QUERY_LEN octets for a name with that letter. */
void	attack_query(uint8_t *msg, char letter, uint16_t id, uint32_t number);

/* Each knows some kinds, and returns false for any other. */
bool	attack_tcp(struct attack *);
bool	attack_udp(struct attack *);
bool	attack_icmp(struct attack *);

#endif
