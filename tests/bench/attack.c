/*
 * A client of bad will.  Prints what came of it as one line of JSON.
 *
 *	attack KIND SERVER CLIENT NUMBER [COUNT]
 *
 * KIND is one of attack_tcp.c, where NUMBER is of connections, or of
 * attack_udp.c and attack_icmp.c, where it is a rate a second.  Ends after
 * COUNT answers, or at SIGTERM.
 */
#include "attack.h"

#include <sys/resource.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NUMBER_MAX	10000000U

volatile sig_atomic_t attack_stopping;

static void
on_signal(int number)
{
	(void)number;
	attack_stopping = 1;
}

uint64_t
attack_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec);
}

bool
attack_goes_on(const struct attack *a)
{
	return (!attack_stopping && a->answered < a->count);
}

void
attack_query(uint8_t *msg, char letter, uint16_t id, uint32_t number)
{
	query_build(msg, id, number);
	msg[LETTER] = (uint8_t)letter;
}

int
attack_socket(const struct attack *a, int type)
{
	int fd, on = 1, size = 8 << 20;

	if ((fd = socket(a->client.ss_family, type | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	if (type == SOCK_STREAM) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		    sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	} else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		    sizeof(size));
	if (bind(fd, (const struct sockaddr *)&a->client, a->size) == -1)
		err(1, "bind");
	if (connect(fd, (const struct sockaddr *)&a->server, a->size) == -1 &&
	    errno != EINPROGRESS)
		err(1, "connect");
	return (fd);
}

static socklen_t
endpoint(const char *text, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return (sizeof(*v4));
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		errx(2, "%s: no address", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return (sizeof(*v6));
}

static uint32_t
number(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n == 0 || n > NUMBER_MAX)
		errx(2, "%s: not between 1 and %u", text, NUMBER_MAX);
	return ((uint32_t)n);
}

static void
more_descriptors(void)
{
	struct rlimit limit = { 65536, 65536 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
report(const struct attack *a)
{
	printf("{\"sent\": %ju, \"answered\": %ju, \"octets_out\": %ju, "
	    "\"octets_in\": %ju, \"closed\": %ju, \"seconds\": %.6f, "
	    "\"p50\": %ju, \"p99\": %ju, \"p999\": %ju}\n", a->sent,
	    a->answered, a->octets_out, a->octets_in, a->closed,
	    (double)(a->end - a->start) / 1e9,
	    histogram_quantile(&a->latency, 0.5),
	    histogram_quantile(&a->latency, 0.99),
	    histogram_quantile(&a->latency, 0.999));
}

int
main(int argc, char *argv[])
{
	static struct attack a = { .count = UINT64_MAX };
	struct sigaction sa = { .sa_handler = on_signal };

	if (argc != 5 && argc != 6)
		errx(2, "usage: attack KIND SERVER CLIENT NUMBER [COUNT]");
	a.kind = argv[1];
	a.size = endpoint(argv[2], 53, &a.server);
	if (endpoint(argv[3], 0, &a.client) != a.size)
		errx(2, "two families");
	a.number = number(argv[4]);
	if (argc == 6)
		a.count = number(argv[5]);
	sigaction(SIGTERM, &sa, NULL);
	more_descriptors();
	a.start = attack_now();
	if (!attack_tcp(&a) && !attack_udp(&a) && !attack_icmp(&a))
		errx(2, "%s: no such attack", a.kind);
	a.end = attack_now();
	report(&a);
	return (0);
}
