/* What the parts of test_front_tcp.c stand on.  To be included once, by a test program. */
#ifndef FRONT_TCP_RIG_H
#define FRONT_TCP_RIG_H

#include <criterion/criterion.h>

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "msg.h"
#include "serve/counters.h"
#include "serve/front_tcp.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/quota.h"
#include "serve/settings.h"
#include "serve/tcp_conn.h"

#define MAX		400U		/* --max-connections */
#define TIMEOUT		(10 * CLOCK_SECOND)
#define QUERY		20		/* octets, and two for the length */
#define LONGEST		65535U
#define HELD_MAX	2000U
#define UNANSWERED	256U		/* of a connection */
#define OUT_STOP	65536U

struct policy policy;
struct settings settings;

static uint64_t now = 1000 * CLOCK_SECOND;
static uint64_t cost;			/* of a message */
static uint64_t accept_cost;		/* of a connection */
static unsigned int accepted, looks;	/* at the clock */
static bool stuck;			/* clients take nothing */
static bool no_descriptor, no_event;
static int no_memory;			/* the allocation that fails, from 1 */
static unsigned int pieces = UINT_MAX;	/* of the next ticks */
static unsigned int sends, adds, writables;	/* events */
static struct sockaddr_in server;
static int listening;			/* in the place of that of msg.h */

/* What has come, and who waits for an answer. */
static unsigned int taken;
static uint8_t order[100000];		/* last octets of the askers' addresses */
static struct asker *held[HELD_MAX];
static unsigned int nheld;
static size_t answer_at_once;		/* octets; 0: hold it */
static uint8_t answer[LONGEST];

uint64_t	__wrap_clock_now(void);
bool		__wrap_loop_tick_over(void);
ssize_t		__real_send(int, const void *, size_t, int);
ssize_t		__wrap_send(int, const void *, size_t, int);
int		__real_accept4(int, struct sockaddr *, socklen_t *, int);
int		__wrap_accept4(int, struct sockaddr *, socklen_t *, int);
int		__real_event_add(struct event *, const struct timeval *);
int		__wrap_event_add(struct event *, const struct timeval *);
struct event	*__real_event_new(struct event_base *, evutil_socket_t, short,
		    event_callback_fn, void *);
struct event	*__wrap_event_new(struct event_base *, evutil_socket_t, short,
		    event_callback_fn, void *);
void		*__real_malloc(size_t);
void		*__wrap_malloc(size_t);
void		*__real_calloc(size_t, size_t);
void		*__wrap_calloc(size_t, size_t);
void		*__real_realloc(void *, size_t);
void		*__wrap_realloc(void *, size_t);

uint64_t
__wrap_clock_now(void)
{
	looks++;
	return (now);
}

/* later() begins no tick of the loop; what such a one has is in test_loop.c. */
bool
__wrap_loop_tick_over(void)
{
	if (pieces == 0)
		return (true);
	pieces--;
	return (false);
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	sends++;
	if (stuck) {
		errno = EAGAIN;
		return (-1);
	}
	return (__real_send(fd, buf, len, flags));
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int conn;

	if (no_descriptor) {
		errno = EMFILE;
		return (-1);
	}
	if ((conn = __real_accept4(fd, sa, len, flags)) != -1) {
		now += accept_cost;
		accepted++;
	}
	return (conn);
}

int
__wrap_event_add(struct event *e, const struct timeval *tv)
{
	if (no_event)
		return (-1);
	/* That of the loop is armed in its own time. */
	adds += (event_get_events(e) & (EV_READ | EV_WRITE)) != 0;
	writables += (event_get_events(e) & EV_WRITE) != 0;
	return (__real_event_add(e, tv));
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn callback, void *arg)
{
	return (__real_event_new(base, fd == MSG_FD_LISTEN + 1 ? listening :
	    fd, what, callback, arg));
}

static bool
allocation_fails(void)
{
	return (no_memory > 0 && --no_memory == 0);
}

void *
__wrap_malloc(size_t size)
{
	return (allocation_fails() ? NULL : __real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (allocation_fails() ? NULL : __real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	return (allocation_fails() ? NULL : __real_realloc(p, size));
}

static void
receive(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct asker *from)
{
	struct asker *q;

	(void)len;
	now += cost;
	if (msg[2] & 0x80)
		return;			/* no query, so no answer */
	order[taken++ % sizeof(order)] = addr->bytes[3];
	if (answer_at_once > 0) {
		front_tcp_send(from->conn, answer, answer_at_once);
		return;
	}
	cr_assert_lt(nheld, HELD_MAX);
	q = held[nheld++] = __real_malloc(sizeof(*q));
	*q = *from;
	front_tcp_attach(q);
}

/* The answer to the i-th that is held, as query.c does it. */
static void
reply(unsigned int i, size_t len)
{
	struct asker *q = held[i];

	if (q->conn != NULL)
		front_tcp_send(q->conn, answer, len);
	if (q->conn != NULL)
		front_tcp_detach(q);
	free(q);
	held[i] = held[--nheld];
}

static void
turn(void)
{
	loop_begin_turn();
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	front_tcp_flush();
}

static void
turns(unsigned int n)
{
	while (n-- > 0)
		turn();
}

/* So much later, and a tick. */
static void
later(uint64_t ns)
{
	now += ns;
	loop_clock();
	front_tcp_tick();
}

static void
set_up(void)
{
	socklen_t len = sizeof(server);
	const int one = 1;

	hash_init();
	settings.config.max_connections = MAX;
	settings.config.nbinds = 1;
	settings.timeout = TIMEOUT;
	quota_init();
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* As dnsfw makes it: an answer is there when it has been sent. */
	setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	server.sin_family = AF_INET;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(listening, (struct sockaddr *)&server,
	    sizeof(server)), 0);
	cr_assert_eq(listen(listening, 1000), 0);
	cr_assert_eq(getsockname(listening, (struct sockaddr *)&server, &len),
	    0);
	loop_init(front_tcp_tick);
	front_tcp_init(receive);
	front_tcp_start();
}

TestSuite(front_tcp, .init = set_up, .timeout = 20);

/* A connection of 127.0.0.host, which nobody has seen yet. */
static int
unseen_client(uint8_t host)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&server, sizeof(server)),
	    0);
	return (fd);
}

static int
client(uint8_t host)
{
	struct pollfd pfd = { .fd = listening, .events = POLLIN };
	int fd = unseen_client(host);

	/* It may be connected before it can be accepted. */
	cr_assert_eq(poll(&pfd, 1, 5000), 1);
	turn();
	return (fd);
}

static void
put(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	while (len > 0) {
		n = __real_send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN) {
			turn();
			continue;
		}
		cr_assert_gt(n, 0);
		p += n;
		len -= (size_t)n;
	}
}

/* All in one segment. */
static void
ask(int fd, unsigned int count)
{
	static uint8_t queries[600][2 + QUERY];
	unsigned int i;

	cr_assert_leq(count, 600);
	for (i = 0; i < count; i++) {
		queries[i][1] = QUERY;
		queries[i][2] = (uint8_t)i;
	}
	put(fd, queries, count * sizeof(queries[0]));
}

/* Has the other side closed, or reset it? */
static bool
is_closed(int fd)
{
	uint8_t octet;
	ssize_t n = recv(fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK);

	return (n == 0 || (n == -1 && errno != EAGAIN));
}

/* Take so many octets, meanwhile the loop goes on. */
static void
take(int fd, size_t len)
{
	static uint8_t octets[65536];
	ssize_t n;

	while (len > 0) {
		n = recv(fd, octets, len < sizeof(octets) ? len :
		    sizeof(octets), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN) {
			turn();
			continue;
		}
		cr_assert_gt(n, 0, "%zu octets are missing", len);
		len -= (size_t)n;
	}
}

static uint32_t
octets_of_the_first(void)
{
	struct quota *q = quota_most_octets();

	return (q == NULL ? 0 : q->octets);
}

/* A client with so many connections, that keeps all answers of one. */
static __attribute__((unused)) void
hoard(uint8_t host, int *fds, unsigned int n, unsigned int answers)
{
	unsigned int i;

	stuck = true;
	for (i = 0; i < n; i++) {
		fds[i] = client(host);
		ask(fds[i], answers);
		turns(50);
		while (nheld > 0)
			reply(0, LONGEST);
		turn();
	}
}

#endif
