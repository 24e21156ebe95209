/*
 * What the tests of connections to upstreams share: calls of the kernel that fail
 * when they are told to, an owner of attempts, and a server.
 */
#ifndef BACK_TCP_RIG_H
#define BACK_TCP_RIG_H

#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <limits.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"
#include "serve/back_conn.h"
#include "serve/back_tcp.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/settings.h"
#include "serve/upstream.h"

#define SIZE	64U		/* octets of a question */
#define COMMON	8U		/* connections, where each takes only a few */
#define WAITING	16384U
#define MAX	(WAITING + 100)	/* attempts */
#define IDLE	(10 * CLOCK_SECOND)
#define TIMEOUT	(100 * CLOCK_SECOND)

struct loop loop;
struct settings settings;
struct counters counters;

/* What the owner of an attempt has seen of it. */
struct mine {
	struct attempt	*t;		/* NULL: it has ended */
	uint8_t		 msg[SIZE];
	unsigned int	 narrived, nfailed, nleft;
	enum way	 way;
};

static struct mine mine[MAX];
static unsigned int narrived, nfailed, nsilent;	/* of all */
static void (*on_arrival)(struct mine *);
static struct sockaddr_storage server;
static int listener;
/* Calls of the kernel, how many were made, and the error of the next ones. */
static struct {
	unsigned int	connects, sends, recvs;
	int		connect, send, event;
	size_t		most;		/* octets that are sent at once, or 0 */
	unsigned int	refuse_at;	/* which call of all from now on, or 0 */
} kernel;

int __wrap_connect(int, const struct sockaddr *, socklen_t);
int __real_connect(int, const struct sockaddr *, socklen_t);
ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __real_recv(int, void *, size_t, int);
int __wrap_socket(int, int, int);
int __real_socket(int, int, int);
int __wrap_event_add(struct event *, const struct timeval *);
int __real_event_add(struct event *, const struct timeval *);
struct event *__wrap_event_new(struct event_base *, evutil_socket_t, short,
    event_callback_fn, void *);
struct event *__real_event_new(struct event_base *, evutil_socket_t, short,
    event_callback_fn, void *);
void *__wrap_calloc(size_t, size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__real_malloc(size_t);
void *__wrap_realloc(void *, size_t);
void *__real_realloc(void *, size_t);

static inline int
fail(int error)
{
	errno = error;
	return (-1);
}

/* Is it the one that is refused? */
static inline bool
refused(void)
{
	if (kernel.refuse_at == 0 || --kernel.refuse_at > 0)
		return (false);
	errno = ENOMEM;
	return (true);
}

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	if (refused())
		return (-1);
	kernel.connects++;
	return (kernel.connect != 0 ? fail(kernel.connect) :
	    __real_connect(fd, sa, len));
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	kernel.sends++;
	if (kernel.most != 0 && len > kernel.most)
		len = kernel.most;
	return (kernel.send != 0 ? fail(kernel.send) :
	    __real_send(fd, buf, len, flags));
}

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
	kernel.recvs++;
	return (__real_recv(fd, buf, len, flags));
}

int
__wrap_socket(int family, int type, int protocol)
{
	return (refused() ? -1 : __real_socket(family, type, protocol));
}

int
__wrap_event_add(struct event *e, const struct timeval *tv)
{
	if (refused())
		return (-1);
	return (kernel.event != 0 ? fail(kernel.event) :
	    __real_event_add(e, tv));
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn callback, void *arg)
{
	return (refused() ? NULL :
	    __real_event_new(base, fd, what, callback, arg));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (refused() ? NULL : __real_calloc(n, size));
}

void *
__wrap_malloc(size_t size)
{
	return (refused() ? NULL : __real_malloc(size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	return (refused() ? NULL : __real_realloc(p, size));
}

/* --- stand-ins --- */

void
loop_clock(void)
{
}

void
loop_need_tick(void)
{
}

/* So many pieces of work in a turn. */
static unsigned int pieces = UINT_MAX, pieces_left = UINT_MAX;

bool
loop_has_time(struct loop_share *share)
{
	(void)share;
	if (pieces_left > 0)
		pieces_left--;
	return (pieces_left > 0);
}

size_t
upstream_count(void)
{
	return (1);
}

const struct sockaddr_storage *
upstream_sockaddr(size_t i, socklen_t *len)
{
	cr_assert_eq(i, 0);
	*len = sizeof(struct sockaddr_in);
	return (&server);
}

void
upstream_silent(size_t i)
{
	cr_assert_eq(i, 0);
	nsilent++;
}

/* --- the owner --- */

static inline struct mine *
mine_of(struct attempt *t)
{
	struct mine *m = (struct mine *)(void *)t->exchange;

	cr_assert_eq(m->t, t);
	return (m);
}

static inline void
end(struct mine *m)
{
	back_tcp_end(m->t);
	m->t = NULL;
}

/* 'A' is the answer, all else is not. */
static inline bool
arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	struct mine *m = mine_of(t);

	cr_assert_eq(msg[0] << 8 | msg[1], t->id);
	m->narrived++;
	if (len < 3 || msg[2] != 'A')
		return (false);
	narrived++;
	end(m);
	if (on_arrival != NULL)
		on_arrival(m);
	return (true);
}

static inline void
failed(struct attempt *t, enum way way)
{
	struct mine *m = mine_of(t);

	m->nfailed++;
	nfailed++;
	m->way = way;
	end(m);
}

static inline void
left(struct attempt *t)
{
	mine_of(t)->nleft++;
}

static inline bool
begin_as(struct mine *m, bool suspect)
{
	m->t = back_tcp_send(0, m->msg, sizeof(m->msg), suspect);
	if (m->t == NULL)
		return (false);
	cr_assert_null(m->t->exchange);
	m->t->exchange = (struct exchange *)(void *)m;
	return (true);
}

static inline void
begin(struct mine *m)
{
	cr_assert(begin_as(m, false));
}

static inline void
begin_all(unsigned int from, unsigned int to)
{
	for (; from < to; from++)
		begin(&mine[from]);
}

/* Until something has happened. */
static inline void
turn(void)
{
	back_tcp_flush();
	pieces_left = pieces;
	event_base_loop(loop.base, EVLOOP_ONCE);
	back_tcp_flush();
}

static inline void
until(const unsigned int *count, unsigned int n)
{
	back_tcp_flush();
	while (*count < n)
		turn();
	cr_assert_eq(*count, n);
}

static inline bool
at(uint64_t when)
{
	loop.now = when;
	return (back_tcp_tick());
}

/* --- the server --- */

static inline int
accept_conn(void)
{
	const int one = 1;
	int fd = accept(listener, NULL, NULL);

	cr_assert_neq(fd, -1, "%s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return (fd);
}

/* A question's id. */
static inline uint16_t
receive(int fd)
{
	uint8_t buf[2 + SIZE];

	cr_assert_eq(__real_recv(fd, buf, sizeof(buf), MSG_WAITALL),
	    sizeof(buf));
	cr_assert_eq(buf[0] << 8 | buf[1], SIZE);
	return ((uint16_t)(buf[2] << 8 | buf[3]));
}

static inline void
put(int fd, const void *buf, size_t len)
{
	cr_assert_eq(__real_send(fd, buf, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void
frame(uint8_t buf[5], uint16_t id, char octet)
{
	buf[0] = 0;
	buf[1] = 3;
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	buf[4] = (uint8_t)octet;
}

static inline void
reply(int fd, uint16_t id, char octet)
{
	uint8_t buf[5];

	frame(buf, id, octet);
	put(fd, buf, sizeof(buf));
}

/* The other side has closed it. */
static inline void
assert_closed(int fd)
{
	uint8_t octet;

	cr_assert_eq(__real_recv(fd, &octet, sizeof(octet), 0), 0);
	close(fd);
}

static inline void
set_up(void)
{
	static const struct attempt_events events = { .arrived = arrived,
	    .failed = failed, .left = left };
	struct sockaddr_in *in = (void *)&server;
	socklen_t len = sizeof(*in);

	new_netns();
	run("ip link set lo up");
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = __real_socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)in, len), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)in, &len), 0);
	cr_assert_eq(listen(listener, 128), 0);
	loop.base = event_base_new();
	loop.now = 1000 * CLOCK_SECOND;
	settings.timeout = TIMEOUT;
	attempt_init(&events);
	back_tcp_init();
}

/* A new connection, with a question on it. */
static inline int
open_with(struct mine *m, uint16_t *id)
{
	int fd;

	begin(m);
	until(&kernel.sends, kernel.sends + 1);
	fd = accept_conn();
	*id = receive(fd);
	cr_assert_eq(*id, m->t->id);
	return (fd);
}

/* From the question to the answer. */
static inline void
ask(int fd, struct mine *m)
{
	unsigned int before = narrived;

	begin(m);
	until(&kernel.sends, kernel.sends + 1);
	reply(fd, receive(fd), 'A');
	until(&narrived, before + 1);
	cr_assert_null(m->t);
}

/* A connection that has brought an answer. */
static inline int
open_answered(struct mine *m)
{
	unsigned int before = narrived;
	uint16_t id;
	int fd = open_with(m, &id);

	reply(fd, id, 'A');
	until(&narrived, before + 1);
	return (fd);
}

#endif
