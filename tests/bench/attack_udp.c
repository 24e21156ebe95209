/*
 * Datagrams at a rate, all from one port.
 *
 *	plain		questions of the benchmark, each its own
 *	silent		that the upstream does not answer
 *	variants	250 of a name that differ in an option of EDNS
 *	again		250 that the upstream does not answer, over and over
 *	grants		for many addresses each
 *	large		for large answers, with room for them announced
 */
#include "attack.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "worst.h"

#define OPT		11		/* octets without options */
#define OPTION		6
#define DATAGRAM_MAX	(DNS_QUERY_LEN + OPT + OPTION)
#define VARIANTS	250
#define SIZE		65535		/* that is announced */
#define GRANT_NAMES	64

static size_t
put_opt(uint8_t *p, uint16_t option)
{
	static const uint8_t model[OPT + OPTION] = { 0, 0, 41, SIZE >> 8,
	    SIZE & 0xff, 0, 0, 0, 0, 0, OPTION, 65001 >> 8, 65001 & 0xff, 0,
	    2 };

	memcpy(p, model, sizeof(model));
	p[OPT + 4] = (uint8_t)(option >> 8);
	p[OPT + 5] = (uint8_t)option;
	return (sizeof(model));
}

/* The nth datagram; 0: no such kind. */
static size_t
make(const struct attack *a, uint8_t *msg, uint32_t n)
{
	bool opt = false;

	if (strcmp(a->kind, "plain") == 0)
		attack_query(msg, 'n', (uint16_t)n, 0x80000000 | n);
	else if (strcmp(a->kind, "silent") == 0)
		attack_query(msg, 's', (uint16_t)n, n);
	else if (strcmp(a->kind, "again") == 0)
		attack_query(msg, 's', (uint16_t)(n % VARIANTS),
		    n % VARIANTS);
	else if (strcmp(a->kind, "grants") == 0)
		attack_query(msg, 'g', (uint16_t)n, n % GRANT_NAMES);
	else {
		opt = true;
		if (strcmp(a->kind, "variants") == 0)
			attack_query(msg, 'v', (uint16_t)(n % VARIANTS),
			    n / VARIANTS);
		else if (strcmp(a->kind, "large") == 0)
			attack_query(msg, 'b', (uint16_t)n, n);
		else
			return (0);
	}
	if (!opt)
		return (DNS_QUERY_LEN);
	msg[11] = 1;
	return (DNS_QUERY_LEN + put_opt(msg + DNS_QUERY_LEN,
	    (uint16_t)(n % VARIANTS)));
}

static void
drain(struct attack *a, int fd)
{
	static uint8_t buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) >= 0) {
		a->answered++;
		a->octets_in += (size_t)n;
	}
}

/* Datagrams leave as they are due, or as soon as they can. */
static void
send_due(struct attack *a, int fd, uint64_t now)
{
	uint64_t due = (now - a->start) * a->number / SECOND;
	uint8_t msg[DATAGRAM_MAX];
	size_t len;

	for (; a->sent < due && !attack_stopping; a->sent++) {
		len = make(a, msg, (uint32_t)a->sent);
		if (send(fd, msg, len, 0) == -1 && errno != EAGAIN &&
		    errno != ECONNREFUSED)
			err(1, "send");
		a->octets_out += len;
		if (a->sent % 64 == 0)
			drain(a, fd);
	}
}

bool
attack_udp(struct attack *a)
{
	struct pollfd pfd = { .events = POLLIN };
	uint8_t msg[DATAGRAM_MAX];

	if (make(a, msg, 0) == 0)
		return (false);
	pfd.fd = attack_socket(a, SOCK_DGRAM);
	while (attack_goes_on(a)) {
		send_due(a, pfd.fd, attack_now());
		drain(a, pfd.fd);
		poll(&pfd, 1, 1);
	}
	close(pfd.fd);
	return (true);
}
