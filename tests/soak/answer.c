/*
 * Upstream and destination of the load: answers A and AAAA over UDP, and
 * accepts TCP connections on all addresses of its network namespace.
 *
 *	answer ADDRESS PORT		where to answer; where to accept
 *
 * The first letter and the number of a name say what it gets: "s7.load.test"
 * lives an hour, "v7.load.test" between 0 and 60 seconds; each has addresses of
 * its own, 10.78.0.0/16 and fd78::/64.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER		12
#define MESSAGE_MAX	512
#define RECORD		(12 + 16)
#define NUMBER_MAX	4095
#define BATCH		64	/* datagrams or connections in one go */
#define BACKLOG		4096

static int udp, tcp;

static void
open_udp(const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(53) };
	int size = 4 << 20;

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", address);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (udp == -1 || setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1 ||
	    bind(udp, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "UDP");
}

static void
open_tcp(const char *port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons((uint16_t)atoi(port)) };
	int off = 0, on = 1;

	tcp = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (tcp == -1 || setsockopt(tcp, IPPROTO_IPV6, IPV6_V6ONLY, &off,
	    sizeof(off)) == -1 || setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR,
	    &on, sizeof(on)) == -1 ||
	    bind(tcp, (struct sockaddr *)&sin6, sizeof(sin6)) == -1 ||
	    listen(tcp, BACKLOG) == -1)
		err(1, "TCP");
}

/* Where the question ends, or 0. */
static size_t
question_end(const uint8_t *msg, size_t len)
{
	size_t at = HEADER;

	while (at < len && msg[at] != 0 && msg[at] < 64)
		at += msg[at] + 1U;
	return (at + 5 <= len && msg[at] == 0 ? at + 5 : 0);
}

/* The number of the name, or -1. */
static int
number_of(const uint8_t *label)
{
	int i, number = 0;

	for (i = 2; i <= label[0]; i++) {
		if (!isdigit(label[i]) || number > NUMBER_MAX)
			return (-1);
		number = number * 10 + label[i] - '0';
	}
	return (number > NUMBER_MAX ? -1 : number);
}

/* The record behind the question, for the name's kind and number. */
static size_t
put_record(uint8_t *out, uint8_t type, uint8_t kind, int number)
{
	static const uint8_t ttls[] = { 0, 1, 3, 10, 60 };
	uint16_t ttl = kind == 's' ? 3600 : ttls[number % 5];
	uint8_t address[16] = { 0xfd, 0x78, [13] = kind,
	    [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number };
	uint8_t length = type == 1 ? 4 : 16;
	const uint8_t head[12] = { 0xc0, HEADER, 0, type, 0, 1, 0, 0,
	    (uint8_t)(ttl >> 8), (uint8_t)ttl, 0, length };

	if (type == 1) {
		address[0] = 10;
		address[1] = 78;
		address[2] = (uint8_t)((kind == 's' ? 16 : 64) +
		    (number >> 8));
		address[3] = (uint8_t)number;
	}
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), address, length);
	return (sizeof(head) + length);
}

/* Make the query an answer.  Returns its length, or 0. */
static size_t
answer(uint8_t *msg, size_t len)
{
	size_t end = len < HEADER ? 0 : question_end(msg, len);
	uint8_t type;
	int number;

	if (end == 0 || (number = number_of(msg + HEADER)) == -1)
		return (0);
	type = msg[end - 3];
	if (type != 1 && type != 28)
		return (0);
	msg[2] |= 0x80;
	msg[3] = 0x80;
	msg[7] = 1;
	memset(msg + 8, 0, 4);
	return (end + put_record(msg + end, type, msg[HEADER + 1], number));
}

static void
serve_udp(void)
{
	struct sockaddr_storage peer;
	uint8_t buf[MESSAGE_MAX + RECORD];
	socklen_t size;
	ssize_t n;
	size_t len;
	int i;

	for (i = 0; i < BATCH; i++) {
		size = sizeof(peer);
		n = recvfrom(udp, buf, MESSAGE_MAX, 0,
		    (struct sockaddr *)&peer, &size);
		/* The socket that asked may have been closed: an error. */
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 || (len = answer(buf, (size_t)n)) == 0)
			continue;
		(void)sendto(udp, buf, len, 0, (struct sockaddr *)&peer, size);
	}
}

/* The client ends each connection as soon as it is one. */
static void
serve_tcp(void)
{
	int fd, i;

	for (i = 0; i < BATCH; i++) {
		if ((fd = accept(tcp, NULL, NULL)) != -1)
			close(fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != ECONNABORTED && errno != EINTR)
			err(1, "accept");
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, ready[2];
	int epoll, i, n;

	if (argc != 3)
		errx(2, "usage: answer ADDRESS PORT");
	open_udp(argv[1]);
	open_tcp(argv[2]);
	ev.data.fd = udp;
	if ((epoll = epoll_create1(0)) == -1 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, udp, &ev) == -1)
		err(1, "epoll");
	ev.data.fd = tcp;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, tcp, &ev) == -1)
		err(1, "epoll");
	if (write(STDERR_FILENO, "ready\n", 6) != 6)
		err(1, "write");
	for (;;) {
		n = epoll_wait(epoll, ready, 2, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (ready[i].data.fd == udp)
				serve_udp();
			else
				serve_tcp();
		}
	}
}
