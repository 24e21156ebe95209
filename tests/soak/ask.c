/*
 * Load: asks for names at a steady rate and opens a TCP connection to each
 * address right after the answer.
 *
 *	ask RATE SECONDS NAMES PORT FILE CLIENT=SERVER...
 *
 * RATE queries a second of all clients together, for the A or AAAA record, by
 * the client's family, of "sN.load.test" or "vN.load.test", N below NAMES.
 * Each query becomes a struct record in FILE.  Ends after SECONDS, or soon
 * after SIGTERM.  What it could not send in time, it does not send later: a
 * burst would be another load.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND		1000000000ULL	/* ns */
#define ANSWER_TIME	(2 * SECOND)
#define CONNECT_TIME	(5 * SECOND)
#define LATE_PERIOD	(SECOND / 10)	/* between looks for what is late */
#define BEHIND_MAX	50		/* a second's part of the rate */

#define HEADER		12
#define MESSAGE_MAX	512
#define CLIENTS_MAX	8
#define SOCKETS		8	/* of each client */
#define SLOTS		65536	/* queries under way: all DNS ids */
#define FILES		20000
#define BURST		64	/* queries sent in one turn */
#define EVENTS		256
#define UDP_EVENT	(1U << 31)

enum outcome { CONNECTED, CONNECT_FAILED, NO_ADDRESS, LOST, SOCKET_ERROR };

/* Times are CLOCK_MONOTONIC, ns; 0: never.  Read by e2e/load.py. */
struct record {
	uint64_t	asked;
	uint64_t	arrived;	/* the answer, at the socket */
	uint64_t	answered;	/* when it was read */
	uint64_t	ended;
	uint16_t	name;
	uint16_t	detail;		/* errno, or the RCODE */
	uint8_t		kind;		/* 's' or 'v' */
	uint8_t		client;		/* its number among the arguments */
	uint8_t		outcome;
	uint8_t		pad;
};

struct slot {
	struct record	record;
	enum { FREE, ASKED, CONNECTING } state;
	int		fd;		/* of the connection */
};

struct client {
	struct sockaddr_storage addr, server;
	socklen_t	addr_len;
	int		fds[SOCKETS];
};

static struct slot slots[SLOTS];
static struct client clients[CLIENTS_MAX];
static unsigned int nclients, next_slot, in_use;
static uint32_t names;
static uint16_t port;
static uint64_t now, skipped;
static uint64_t real_ahead;	/* of CLOCK_REALTIME, ns */
static int epoll;
static FILE *out;
static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t
nanoseconds(const struct timespec *ts)
{
	return ((uint64_t)ts->tv_sec * SECOND + (uint64_t)ts->tv_nsec);
}

static uint64_t
clock_now(void)
{
	struct timespec ts, real;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1 ||
	    clock_gettime(CLOCK_REALTIME, &real) == -1)
		err(1, "clock_gettime");
	real_ahead = nanoseconds(&real) - nanoseconds(&ts);
	return (nanoseconds(&ts));
}

static void
watch(int fd, uint32_t events, uint32_t what)
{
	struct epoll_event ev = { .events = events, .data.u32 = what };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* An address with a port; returns its length. */
static socklen_t
address(const char *text, uint16_t to, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(to);
		return (sizeof(*sin));
	}
	if (inet_pton(AF_INET6, text, &sin6->sin6_addr) != 1)
		errx(2, "%s: no address", text);
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(to);
	return (sizeof(*sin6));
}

static void
open_client(char *text)
{
	struct client *c = &clients[nclients];
	char *server = strchr(text, '=');
	int i, fd, on = 1;

	if (server == NULL || nclients == CLIENTS_MAX)
		errx(2, "%s: want CLIENT=SERVER, at most %d", text,
		    CLIENTS_MAX);
	*server++ = '\0';
	c->addr_len = address(text, 0, &c->addr);
	(void)address(server, 53, &c->server);
	for (i = 0; i < SOCKETS; i++) {
		fd = socket(c->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS,
		    &on, sizeof(on)) == -1 ||
		    bind(fd, (struct sockaddr *)&c->addr, c->addr_len) == -1 ||
		    connect(fd, (struct sockaddr *)&c->server,
		    c->addr_len) == -1)
			err(1, "UDP socket of %s", text);
		c->fds[i] = fd;
		watch(fd, EPOLLIN, UDP_EVENT |
		    (nclients * SOCKETS + (unsigned int)i));
	}
	nclients++;
}

static void
finish(struct slot *s, enum outcome outcome, int detail)
{
	s->record.outcome = (uint8_t)outcome;
	s->record.detail = (uint16_t)detail;
	s->record.ended = now;
	if (s->state == CONNECTING)
		close(s->fd);
	s->state = FREE;
	in_use--;
	if (fwrite(&s->record, sizeof(s->record), 1, out) != 1)
		err(1, "write");
}

/* The query's question for this slot.  Returns the length of the message. */
static size_t
make_query(const struct slot *s, uint8_t buf[MESSAGE_MAX])
{
	uint16_t id = (uint16_t)(s - slots);
	const uint8_t header[HEADER] = { (uint8_t)(id >> 8), (uint8_t)id,
	    1, 0, 0, 1 };
	char label[8];
	size_t len;
	uint8_t type = clients[s->record.client].addr.ss_family == AF_INET ?
	    1 : 28;
	const uint8_t tail[] = { 4, 'l', 'o', 'a', 'd', 4, 't', 'e', 's', 't',
	    0, 0, type, 0, 1 };

	len = (size_t)snprintf(label, sizeof(label), "%c%u", s->record.kind,
	    s->record.name);
	memcpy(buf, header, HEADER);
	buf[HEADER] = (uint8_t)len;
	memcpy(buf + HEADER + 1, label, len);
	memcpy(buf + HEADER + 1 + len, tail, sizeof(tail));
	return (HEADER + 1 + len + sizeof(tail));
}

static void
ask(void)
{
	struct slot *s = &slots[next_slot];
	uint8_t buf[MESSAGE_MAX];
	uint32_t random = (uint32_t)rand();
	unsigned int i;
	int fd;

	/* Round and round, so that an id is not used again too soon. */
	for (i = 0; s->state != FREE && i < SLOTS; i++)
		s = &slots[++next_slot % SLOTS];
	next_slot = (unsigned int)(s - slots + 1) % SLOTS;
	if (s->state != FREE) {
		skipped++;
		return;
	}
	s->record = (struct record){ .asked = now,
	    .name = (uint16_t)((random >> 4) % names),
	    .kind = random & 8 ? 's' : 'v',
	    .client = (uint8_t)((random & 7) % nclients) };
	s->state = ASKED;
	in_use++;
	fd = clients[s->record.client].fds[next_slot % SOCKETS];
	/* An error of before is told first. */
	if (send(fd, buf, make_query(s, buf), 0) == -1 &&
	    send(fd, buf, make_query(s, buf), 0) == -1)
		finish(s, SOCKET_ERROR, errno);
}

/* Connect to the address of that many bytes, from the client's. */
static void
open_connection(struct slot *s, const uint8_t *bytes, size_t len)
{
	const struct client *c = &clients[s->record.client];
	const struct linger at_once = { .l_onoff = 1 };
	struct sockaddr_storage to = { .ss_family = c->addr.ss_family };
	int on = 1;

	if (len == 4) {
		memcpy(&((struct sockaddr_in *)&to)->sin_addr, bytes, len);
		((struct sockaddr_in *)&to)->sin_port = htons(port);
	} else {
		memcpy(&((struct sockaddr_in6 *)&to)->sin6_addr, bytes, len);
		((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
	}
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd == -1 || setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once,
	    sizeof(at_once)) == -1 || setsockopt(s->fd, IPPROTO_IP,
	    IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == -1 ||
	    bind(s->fd, (const struct sockaddr *)&c->addr, c->addr_len) == -1)
		err(1, "TCP socket");
	s->state = CONNECTING;
	if (connect(s->fd, (struct sockaddr *)&to, c->addr_len) == -1 &&
	    errno != EINPROGRESS)
		finish(s, CONNECT_FAILED, errno);
	else
		watch(s->fd, EPOLLOUT, (uint32_t)(s - slots));
}

/* One answer: header, question as asked, one record of an address. */
static void
take_answer(const uint8_t *msg, size_t len, uint64_t arrived)
{
	struct slot *s;
	uint8_t query[MESSAGE_MAX];
	size_t end, want;

	if (len < HEADER)
		return;
	s = &slots[msg[0] << 8 | msg[1]];
	if (s->state != ASKED)
		return;
	end = make_query(s, query);
	/* Of a query that is lost already, perhaps. */
	if (len < end || memcmp(msg + HEADER, query + HEADER, end - HEADER))
		return;
	s->record.arrived = arrived;
	s->record.answered = now;
	want = query[end - 3] == 1 ? 4 : 16;
	if ((msg[3] & 15) != 0 || msg[7] == 0 || len < end + 12 + want ||
	    msg[end + 3] != query[end - 3] || msg[end + 11] != want)
		finish(s, NO_ADDRESS, msg[3] & 15);
	else
		open_connection(s, msg + end + 12, want);
}

/* Like recv; *arrived is when the kernel got it. */
static ssize_t
receive(int fd, uint8_t *buf, uint64_t *arrived)
{
	union {
		struct cmsghdr	align;
		char		buf[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = MESSAGE_MAX };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	struct timespec ts = { 0 };
	struct cmsghdr *cmsg;
	ssize_t n = recvmsg(fd, &msg, 0);

	cmsg = n == -1 ? NULL : CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
	*arrived = nanoseconds(&ts) - real_ahead;
	return (n);
}

static void
on_datagrams(unsigned int i)
{
	int fd = clients[i / SOCKETS].fds[i % SOCKETS];
	uint8_t buf[MESSAGE_MAX];
	uint64_t arrived;
	ssize_t n;

	/* Refused: the query is lost, which is seen later. */
	while ((n = receive(fd, buf, &arrived)) != -1 ||
	    errno == ECONNREFUSED) {
		now = clock_now();
		if (n != -1)
			take_answer(buf, (size_t)n, arrived);
	}
}

static void
on_connection(struct slot *s)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (s->state != CONNECTING)
		return;
	now = clock_now();
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		err(1, "SO_ERROR");
	if (error == 0)
		finish(s, CONNECTED, 0);
	else
		finish(s, CONNECT_FAILED, error);
}

static void
look_for_late(void)
{
	static uint64_t next;
	struct slot *s;

	if (now < next)
		return;
	next = now + LATE_PERIOD;
	for (s = slots; s < slots + SLOTS; s++) {
		if (s->state == ASKED &&
		    now - s->record.asked > ANSWER_TIME)
			finish(s, LOST, 0);
		else if (s->state == CONNECTING &&
		    now - s->record.answered > CONNECT_TIME)
			finish(s, CONNECT_FAILED, ETIMEDOUT);
	}
}

static void
turn(void)
{
	struct epoll_event events[EVENTS];
	uint32_t what;
	int i, n;

	n = epoll_wait(epoll, events, EVENTS, 1);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_wait");
	for (i = 0; i < n; i++) {
		what = events[i].data.u32;
		if (what & UDP_EVENT)
			on_datagrams(what & ~UDP_EVENT);
		else
			on_connection(&slots[what]);
	}
	now = clock_now();
	look_for_late();
}

static void
load(uint64_t rate, uint64_t seconds)
{
	uint64_t begin = clock_now(), due, sent = 0;
	int i;

	now = begin;
	while (!stop && now < begin + seconds * SECOND) {
		due = (now - begin) * rate / SECOND;
		if (due > sent + rate / BEHIND_MAX) {
			skipped += due - sent;
			sent = due - 1;
		}
		for (i = 0; i < BURST && sent < due; i++, sent++)
			ask();
		turn();
	}
	while (in_use > 0)
		turn();
}

int
main(int argc, char **argv)
{
	struct rlimit files = { FILES, FILES };
	int i;

	if (argc < 7)
		errx(2, "usage: ask RATE SECONDS NAMES PORT FILE "
		    "CLIENT=SERVER...");
	names = (uint32_t)atoi(argv[3]);
	port = (uint16_t)atoi(argv[4]);
	if (names == 0 || names > 4096)
		errx(2, "%s: want 1 to 4096 names", argv[3]);
	signal(SIGTERM, on_signal);
	if (setrlimit(RLIMIT_NOFILE, &files) == -1)
		err(1, "setrlimit");
	if ((epoll = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	if ((out = fopen(argv[5], "w")) == NULL)
		err(1, "%s", argv[5]);
	for (i = 6; i < argc; i++)
		open_client(argv[i]);
	load((uint64_t)atoi(argv[1]), (uint64_t)atoi(argv[2]));
	if (fclose(out) != 0)
		err(1, "%s", argv[5]);
	if (skipped > 0)
		warnx("%llu queries could not be sent in time",
		    (unsigned long long)skipped);
	return (0);
}
