/*
 * An upstream of bad will.  It answers the questions of the benchmark as the
 * answerer does, and others by the first letter of their names:
 *
 *	a	worst_aliases()			h	worst_held()
 *	b	53 KB of addresses		c	worst_chain()
 *	g	many addresses, with a TTL that grows, so that none of their
 *		grants lives long enough
 *	r	to all who asked for "u" before it: 64 KiB, none of DNS
 *	s, u	nothing				v	after DELAYED
 *	w	worst_chain() after DELAYED
 *
 *	hostile ADDRESS [late]
 *
 * late: all over UDP comes after DELAYED.  Over UDP what is too long is
 * truncated.  Prints at the end how many "v" questions of one name were open
 * at once, and how many came over UDP.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "query.h"
#include "worst.h"

#define MS		1000000ULL
#define DELAYED		(20 * MS)
#define RING		65536U	/* power of two */
#define NAMES		65536U	/* that are told apart */
#define TTL_FIRST	3600U
#define TTL_STEP	20U	/* more than the grace of a grant */
#define LETTER		13	/* its offset */
#define UNANSWERED	64U	/* who asked for "u"; the last ones */
#define USELESS		65000U	/* octets for them */

/* An answer that waits for its time; they leave in the order they came in. */
struct late {
	struct sockaddr_in	peer;
	uint64_t		due;
	size_t			len;
	uint8_t			msg[DNS_MESSAGE_MAX];
};

static struct late ring[RING];
static unsigned int first, after;	/* of the ring; they wrap */
static struct sockaddr_in unanswered[UNANSWERED];
static unsigned int nunanswered;
static unsigned int open_of[NAMES], open_most, received;
static atomic_uint ttl_steps;
static volatile sig_atomic_t ending;
static bool late;
static int udp_fd, tcp_fd;

static void
on_signal(int sig)
{
	ending = sig;
}

static uint64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec);
}

/* The number of a name of any letter. */
static uint32_t
number_of(const uint8_t *msg)
{
	uint8_t copy[DNS_QUERY_LEN];
	uint32_t number = 0;

	memcpy(copy, msg, sizeof(copy));
	copy[LETTER] = 'n';
	query_number(copy, sizeof(copy), &number);
	return (number);
}

/* Answer in place, with room for WORST_MAX; 0: there is none. */
static size_t
respond(uint8_t *msg, size_t len)
{
	uint8_t query[DNS_QUERY_LEN];

	if (len < DNS_QUERY_LEN)
		return (0);
	memcpy(query, msg, sizeof(query));
	switch (msg[LETTER]) {
	case 'a':
		return (worst_aliases(msg, query));
	case 'b':
		return (worst_large(msg, query));
	case 'c':
	case 'w':
		return (worst_chain(msg, query));
	case 'g':
		return (worst_many(msg, query, TTL_FIRST + TTL_STEP *
		    (atomic_fetch_add(&ttl_steps, 1) / WORST_MANY)));
	case 'h':
		return (worst_held(msg, query));
	case 's':
	case 'u':
		return (0);
	default:
		return (query_respond(msg, len));
	}
}

static void
truncate_to(uint8_t *msg, size_t *len)
{
	if (*len <= DNS_MESSAGE_MAX)
		return;
	msg[2] |= 2;
	memset(msg + 6, 0, 6);
	*len = DNS_QUERY_LEN;
}

static void
keep(const uint8_t *msg, size_t len, const struct sockaddr_in *peer)
{
	struct late *l = &ring[after % RING];
	unsigned int *open = &open_of[number_of(msg) % NAMES];

	if (after - first == RING)
		return;
	after++;
	l->peer = *peer;
	l->due = now() + DELAYED;
	l->len = len;
	memcpy(l->msg, msg, len);
	if (msg[LETTER] == 'v' && ++*open > open_most)
		open_most = *open;
}

static void
send_kept(uint64_t time)
{
	struct late *l;

	for (; first != after && ring[first % RING].due <= time; first++) {
		l = &ring[first % RING];
		sendto(udp_fd, l->msg, l->len, 0, (struct sockaddr *)&l->peer,
		    sizeof(l->peer));
		if (l->msg[LETTER] == 'v')
			open_of[number_of(l->msg) % NAMES]--;
	}
}

static void
send_useless(void)
{
	static const uint8_t msg[USELESS];
	unsigned int i;

	for (i = 0; i < nunanswered && i < UNANSWERED; i++)
		sendto(udp_fd, msg, sizeof(msg), 0,
		    (struct sockaddr *)&unanswered[i], sizeof(unanswered[i]));
}

static void
serve_udp(void)
{
	static uint8_t msg[WORST_MAX];
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	size_t len;
	ssize_t n;
	bool wait;

	while ((n = recvfrom(udp_fd, msg, sizeof(msg), MSG_DONTWAIT,
	    (struct sockaddr *)&peer, &size)) != -1) {
		received++;
		if (n > LETTER && msg[LETTER] == 'u')
			unanswered[nunanswered++ % UNANSWERED] = peer;
		if (n > LETTER && msg[LETTER] == 'r')
			send_useless();
		wait = late || (n > LETTER && msg[LETTER] == 'v');
		if ((len = respond(msg, (size_t)n)) == 0)
			continue;
		truncate_to(msg, &len);
		if (wait)
			keep(msg, len, &peer);
		else
			sendto(udp_fd, msg, len, 0, (struct sockaddr *)&peer,
			    size);
		size = sizeof(peer);
	}
}

static bool
read_all(int fd, uint8_t *p, size_t len)
{
	return (recv(fd, p, len, MSG_WAITALL) == (ssize_t)len);
}

static bool
write_all(int fd, const uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = send(fd, p, len, MSG_NOSIGNAL)) <= 0)
			return (false);
	return (true);
}

/* A connection, by a thread of its own: it may wait for dnsfw. */
static void *
serve_tcp(void *argument)
{
	int fd = (int)(intptr_t)argument;
	uint8_t frame[2 + WORST_MAX];
	size_t len;

	for (;;) {
		if (!read_all(fd, frame, 2))
			break;
		len = (size_t)frame[0] << 8 | frame[1];
		if (!read_all(fd, frame + 2, len))
			break;
		if (len > LETTER && frame[2 + LETTER] == 'w')
			poll(NULL, 0, DELAYED / MS);
		if ((len = respond(frame + 2, len)) == 0)
			continue;
		frame[0] = (uint8_t)(len >> 8);
		frame[1] = (uint8_t)len;
		if (!write_all(fd, frame, 2 + len))
			break;
	}
	close(fd);
	return (NULL);
}

static void
accept_one(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int fd, on = 1;

	if ((fd = accept(tcp_fd, NULL, NULL)) == -1)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, serve_tcp,
	    (void *)(intptr_t)fd) != 0)
		close(fd);
	pthread_attr_destroy(&attr);
}

static int
open_socket(const char *address, int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd, size = 8 << 20, on = 1;

	sin.sin_port = htons(53);
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", address);
	if ((fd = socket(AF_INET, type, 0)) == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %s", address);
	if (type == SOCK_STREAM && listen(fd, 1024) == -1)
		err(1, "listen");
	return (fd);
}

static void
wait_for_work(uint64_t time)
{
	struct pollfd fds[] = { { .fd = udp_fd, .events = POLLIN },
	    { .fd = tcp_fd, .events = POLLIN } };
	uint64_t due, ns = 100 * MS;
	struct timespec ts = { 0, 0 };

	if (first != after) {
		due = ring[first % RING].due;
		ns = due > time ? due - time : 0;
	}
	ts.tv_nsec = (long)ns;
	if (ppoll(fds, 2, &ts, NULL) == -1 && errno != EINTR)
		err(1, "ppoll");
	if ((fds[1].revents & POLLIN) != 0)
		accept_one();
}

int
main(int argc, char *argv[])
{
	uint64_t time;

	if (argc != 2 && argc != 3)
		errx(2, "usage: hostile ADDRESS [late]");
	late = argc == 3;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	udp_fd = open_socket(argv[1], SOCK_DGRAM);
	tcp_fd = open_socket(argv[1], SOCK_STREAM);
	while (!ending) {
		time = now();
		send_kept(time);
		wait_for_work(time);
		serve_udp();
	}
	printf("{\"open\": %u, \"received\": %u}\n", open_most, received);
	return (0);
}
