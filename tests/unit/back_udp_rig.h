/* What the parts of test_back_udp.c stand on.  To be included once, by a test program. */
#ifndef BACK_UDP_RIG_H
#define BACK_UDP_RIG_H

#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <linux/icmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "serve/back_udp.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/settings.h"
#include "serve/upstream.h"

#define MAX	2000U		/* attempts */
#define IDLE	1024U		/* sockets that are kept */
#define SIZE	64U
#define V4	0U
#define V6	1U

struct loop loop;
struct settings settings;
struct counters counters;

/* What the owner of an attempt has seen of it. */
struct mine {
	struct attempt	*t;		/* NULL: it has ended */
	uint8_t		 msg[SIZE];
	unsigned int	 narrived, ndoubted, nfailed;
	enum way	 way;
};

static struct mine mine[MAX];
static struct sockaddr_storage servers[2];
static int server_fds[2];
static unsigned int nsilent;
static void (*on_arrival)(struct mine *);
static void (*on_failure)(struct mine *);
/* Calls of the kernel, how many were made, and the error of the next ones. */
static struct {
	unsigned int	connects, sends, recvs, sockets;
	int		connect, disconnect, send, socket, option, event;
	bool		calloc;
	bool		blind;		/* recv finds nothing */
} kernel;
static unsigned int batches = UINT_MAX;	/* that there is time for */

int __wrap_connect(int, const struct sockaddr *, socklen_t);
int __real_connect(int, const struct sockaddr *, socklen_t);
ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __real_recv(int, void *, size_t, int);
int __wrap_socket(int, int, int);
int __real_socket(int, int, int);
int __wrap_setsockopt(int, int, int, const void *, socklen_t);
int __real_setsockopt(int, int, int, const void *, socklen_t);
int __wrap_event_add(struct event *, const struct timeval *);
int __real_event_add(struct event *, const struct timeval *);
void *__wrap_calloc(size_t, size_t);
void *__real_calloc(size_t, size_t);

static int
fail(int error)
{
	errno = error;
	return (-1);
}

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int error = sa->sa_family == AF_UNSPEC ? kernel.disconnect :
	    kernel.connect;

	kernel.connects++;
	return (error != 0 ? fail(error) : __real_connect(fd, sa, len));
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	kernel.sends++;
	return (kernel.send != 0 ? fail(kernel.send) :
	    __real_send(fd, buf, len, flags));
}

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
	kernel.recvs++;
	if (kernel.blind)
		return (fail(EAGAIN));
	return (__real_recv(fd, buf, len, flags));
}

int
__wrap_socket(int family, int type, int protocol)
{
	kernel.sockets++;
	return (kernel.socket != 0 ? fail(kernel.socket) :
	    __real_socket(family, type, protocol));
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (kernel.option != 0 ? fail(kernel.option) :
	    __real_setsockopt(fd, level, name, value, len));
}

int
__wrap_event_add(struct event *e, const struct timeval *tv)
{
	return (kernel.event != 0 ? fail(kernel.event) :
	    __real_event_add(e, tv));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (kernel.calloc ? NULL : __real_calloc(n, size));
}

/* --- stand-ins --- */

void
loop_clock(void)
{
}

bool
loop_has_time(struct loop_share *share)
{
	(void)share;
	return (batches > 0 && batches-- > 0);
}

const struct sockaddr_storage *
upstream_sockaddr(size_t i, socklen_t *len)
{
	*len = i == V4 ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);
	return (&servers[i]);
}

void
upstream_silent(size_t i)
{
	(void)i;
	nsilent++;
}

/* --- the owner --- */

static struct mine *
mine_of(struct attempt *t)
{
	return ((struct mine *)(void *)t->exchange);
}

static void
end(struct mine *m)
{
	back_udp_end(m->t);
	m->t = NULL;
}

/* 'A' is the answer, all else is not. */
static bool
arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	struct mine *m = mine_of(t);

	cr_assert_eq(m->t, t);
	m->narrived++;
	if (len != 3 || msg[2] != 'A')
		return (false);
	cr_assert_eq(msg[0] << 8 | msg[1], t->id);
	end(m);
	if (on_arrival != NULL)
		on_arrival(m);
	return (true);
}

static void
failed(struct attempt *t, enum way way)
{
	struct mine *m = mine_of(t);

	cr_assert_eq(m->t, t);
	m->nfailed++;
	m->way = way;
	end(m);
	if (on_failure != NULL)
		on_failure(m);
}

static void
doubted(struct attempt *t)
{
	mine_of(t)->ndoubted++;
}

static bool
begin_at(size_t upstream, struct mine *m)
{
	m->t = back_udp_send(upstream, m->msg, sizeof(m->msg));
	if (m->t == NULL)
		return (false);
	cr_assert_null(m->t->exchange);
	m->t->exchange = (struct exchange *)(void *)m;
	m->t->upstream = (uint8_t)upstream;
	return (true);
}

static void
begin(struct mine *m)
{
	cr_assert(begin_at(V4, m));
}

static void
turn(void)
{
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	back_udp_flush();
}

/* --- the server --- */

/* A question, and who asked. */
struct question {
	uint8_t		 msg[SIZE];
	struct sockaddr_storage from;
	socklen_t	 len;
};

static void
receive_at(size_t upstream, struct question *q)
{
	q->len = sizeof(q->from);
	cr_assert_eq(recvfrom(server_fds[upstream], q->msg, sizeof(q->msg),
	    MSG_DONTWAIT, (struct sockaddr *)&q->from, &q->len), SIZE, "%s",
	    strerror(errno));
}

static void
reply_at(size_t upstream, const struct question *q, char octet)
{
	uint8_t msg[3] = { q->msg[0], q->msg[1], (uint8_t)octet };

	cr_assert_eq(sendto(server_fds[upstream], msg, sizeof(msg), 0,
	    (const struct sockaddr *)&q->from, q->len), 3);
}

static void
receive(struct question *q)
{
	receive_at(V4, q);
}

static void
reply(const struct question *q, char octet)
{
	reply_at(V4, q, octet);
}

static int
bind_at(struct sockaddr_storage *ss, socklen_t len)
{
	const int size = 1 << 22;
	int fd = __real_socket(ss->ss_family, SOCK_DGRAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)ss, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);
	__real_setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return (fd);
}

static void
set_up(void)
{
	static const struct attempt_events events = { .arrived = arrived,
	    .failed = failed, .doubted = doubted };
	struct sockaddr_in *in = (void *)&servers[V4];
	struct sockaddr_in6 *in6 = (void *)&servers[V6];

	new_netns();
	run("ip link set lo up");
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = in6addr_loopback;
	server_fds[V4] = bind_at(&servers[V4], sizeof(*in));
	server_fds[V6] = bind_at(&servers[V6], sizeof(*in6));
	loop.base = event_base_new();
	settings.config.max_connections = MAX;
	attempt_init(&events);
	back_udp_init();
}

TestSuite(back_udp, .init = set_up);

/* From the question to the answer. */
static void
ask_at(size_t upstream, struct mine *m, struct question *q)
{
	unsigned int before = m->narrived;

	cr_assert(begin_at(upstream, m));
	turn();
	receive_at(upstream, q);
	cr_assert_eq(q->msg[0] << 8 | q->msg[1], m->t->id);
	reply_at(upstream, q, 'A');
	turn();
	cr_assert_eq(m->narrived, before + 1);
	cr_assert_null(m->t);
}

#endif
