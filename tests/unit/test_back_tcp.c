/* Questions over TCP, with connections of the kernel's. */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
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
#define LEFT	8U		/* that hang */
#define WAITING	16384U
#define MAX	(WAITING + 100)	/* attempts */
#define STALL	CLOCK_SECOND
#define PROBE	(5 * CLOCK_SECOND)
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
	unsigned int	refuse_at;	/* the so-manieth of all from now on */
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

static int
fail(int error)
{
	errno = error;
	return (-1);
}

/* Is it the one that is refused? */
static bool
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

static struct mine *
mine_of(struct attempt *t)
{
	struct mine *m = (struct mine *)(void *)t->exchange;

	cr_assert_eq(m->t, t);
	return (m);
}

static void
end(struct mine *m)
{
	back_tcp_end(m->t);
	m->t = NULL;
}

/* 'A' is the answer, all else is not. */
static bool
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

static void
failed(struct attempt *t, enum way way)
{
	struct mine *m = mine_of(t);

	m->nfailed++;
	nfailed++;
	m->way = way;
	end(m);
}

static void
left(struct attempt *t)
{
	mine_of(t)->nleft++;
}

static bool
begin_as(struct mine *m, bool suspect)
{
	m->t = back_tcp_send(0, m->msg, sizeof(m->msg), suspect);
	if (m->t == NULL)
		return (false);
	cr_assert_null(m->t->exchange);
	m->t->exchange = (struct exchange *)(void *)m;
	return (true);
}

static void
begin(struct mine *m)
{
	cr_assert(begin_as(m, false));
}

static void
begin_all(unsigned int from, unsigned int to)
{
	for (; from < to; from++)
		begin(&mine[from]);
}

/* Until something has happened. */
static void
turn(void)
{
	event_base_loop(loop.base, EVLOOP_ONCE);
}

static void
until(const unsigned int *count, unsigned int n)
{
	while (*count < n)
		turn();
	cr_assert_eq(*count, n);
}

static bool
at(uint64_t when)
{
	loop.now = when;
	return (back_tcp_tick());
}

/* --- the server --- */

static int
accept_conn(void)
{
	const int one = 1;
	int fd = accept(listener, NULL, NULL);

	cr_assert_neq(fd, -1, "%s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return (fd);
}

/* A question's id. */
static uint16_t
receive(int fd)
{
	uint8_t buf[2 + SIZE];

	cr_assert_eq(__real_recv(fd, buf, sizeof(buf), MSG_WAITALL),
	    sizeof(buf));
	cr_assert_eq(buf[0] << 8 | buf[1], SIZE);
	return ((uint16_t)(buf[2] << 8 | buf[3]));
}

static void
put(int fd, const void *buf, size_t len)
{
	cr_assert_eq(__real_send(fd, buf, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
frame(uint8_t buf[5], uint16_t id, char octet)
{
	buf[0] = 0;
	buf[1] = 3;
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	buf[4] = (uint8_t)octet;
}

static void
reply(int fd, uint16_t id, char octet)
{
	uint8_t buf[5];

	frame(buf, id, octet);
	put(fd, buf, sizeof(buf));
}

/* The other side has closed it. */
static void
assert_closed(int fd)
{
	uint8_t octet;

	cr_assert_eq(__real_recv(fd, &octet, sizeof(octet), 0), 0);
	close(fd);
}

static void
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

TestSuite(back_tcp, .init = set_up, .timeout = 20);

/* A new connection, with a question on it. */
static int
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
static void
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
static int
open_answered(struct mine *m)
{
	unsigned int before = narrived;
	uint16_t id;
	int fd = open_with(m, &id);

	reply(fd, id, 'A');
	until(&narrived, before + 1);
	return (fd);
}

/* --- what this host refuses --- */

Test(back_tcp, a_connect_that_fails_is_no_attempt)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS };
	unsigned int i;
	int fd = dup(0);

	close(fd);
	for (i = 0; i < 10 * COMMON; i++) {
		kernel.connect = errors[i % 4];
		cr_assert(!begin_as(&mine[0], false));
	}
	cr_assert(!back_tcp_tick());
	/* Nothing is left of them. */
	cr_assert_eq(dup(0), fd);
	cr_assert_eq(nsilent, 0);
	kernel.connect = 0;
	open_answered(&mine[0]);
}

Test(back_tcp, what_cannot_be_sent_may_pass)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS };
	unsigned int i;

	for (i = 0; i < 10 * COMMON; i++) {
		begin_all(0, 2);
		kernel.send = errors[i % 4];
		until(&nfailed, 2 * i + 2);
		cr_assert_eq(mine[0].way, WAY_UNSENT);
		cr_assert_eq(mine[1].way, WAY_UNSENT);
		close(accept_conn());
	}
	cr_assert_eq(nsilent, 0);
	kernel.send = 0;
	open_answered(&mine[0]);
}

/* It ends with an error of the socket's, though there is nothing to read. */
Test(back_tcp, what_the_server_ends_does_not_pass)
{
	begin(&mine[0]);
	kernel.send = EPIPE;
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 1);
}

Test(back_tcp, what_took_questions_was_no_fault_of_this_host)
{
	uint16_t id;

	open_with(&mine[0], &id);
	kernel.send = EPERM;
	begin(&mine[1]);
	until(&nfailed, 2);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(mine[1].way, WAY_SENT);
}

Test(back_tcp, nobody_listens)
{
	close(listener);
	begin_all(0, 5);
	until(&nfailed, 5);
	cr_assert_eq(mine[0].way, WAY_NONE);
	/* Once, however many waited. */
	cr_assert_eq(nsilent, 1);
}

/* Eleven of them, for the first question. */
Test(back_tcp, each_call_may_be_refused)
{
	unsigned int n;
	int fd = dup(0);

	close(fd);
	for (n = 1;; n++) {
		kernel.refuse_at = n;
		if (begin_as(&mine[0], false))
			break;
		cr_assert(!at(loop.now + IDLE));
		cr_assert_eq(dup(0), fd, "%u", n);
		close(fd);
	}
	cr_assert_eq(n, 12);
	kernel.refuse_at = 0;
	until(&kernel.sends, 1);
	for (; kernel.connects > 1; kernel.connects--)
		close(accept_conn());
	receive(accept_conn());
}

/* What is refused before it is put on a connection leaves that as it was. */
Test(back_tcp, a_connection_goes_on_after_a_refusal)
{
	unsigned int n;
	int fd = open_answered(&mine[0]);

	for (n = 1;; n++) {
		kernel.refuse_at = n;
		if (begin_as(&mine[0], false))
			break;
	}
	cr_assert_eq(n, 3);
	kernel.refuse_at = 0;
	until(&kernel.sends, 2);
	reply(fd, receive(fd), 'A');
	until(&narrived, 2);
	ask(fd, &mine[0]);
	cr_assert_eq(kernel.connects, 1);
}

/* Nothing would ever say that there is room for the rest. */
Test(back_tcp, what_cannot_wait_to_be_sent_fails)
{
	int fd = open_answered(&mine[0]);

	begin_all(0, 2);
	kernel.send = EAGAIN;
	kernel.event = ENOMEM;
	until(&nfailed, 2);
	cr_assert_eq(mine[0].way, WAY_ANSWERED);
	kernel.send = kernel.event = 0;
	assert_closed(fd);
	begin_all(0, 2);
	kernel.send = EAGAIN;
	kernel.event = ENOMEM;
	until(&nfailed, 4);
	cr_assert_eq(mine[0].way, WAY_UNSENT);
}

Test(back_tcp, what_does_not_fit_is_sent_later)
{
	unsigned int i;
	int fd;

	begin_all(0, 100);
	kernel.send = EAGAIN;
	until(&kernel.sends, 10);
	kernel.send = 0;
	kernel.most = 7;
	until(&kernel.sends, 10 + (100 * (2 + SIZE) + 6) / 7);
	fd = accept_conn();
	for (i = 0; i < 100; i++)
		cr_assert_eq(receive(fd), mine[i].t->id);
}

/* It ends at once, but what was to be sent still waits. */
static bool
fill(uint8_t *msg, size_t len)
{
	struct attempt *t = back_tcp_send(0, msg, len, false);

	if (t != NULL)
		back_tcp_end(t);
	return (t != NULL);
}

/* Half of four MiB is for messages of 512 octets and less; each has two more. */
Test(back_tcp, long_messages_leave_room_to_others)
{
	static uint8_t msg[65535];
	unsigned int i;

	kernel.send = EAGAIN;
	for (i = 0; fill(msg, 65535); i++)
		;
	cr_assert_eq(i, 31);
	cr_assert(!fill(msg, 65504));
	cr_assert(fill(msg, 65503));
	cr_assert(!fill(msg, 513));
	for (i = 0; fill(msg, 512); i++)
		;
	cr_assert_eq(i, (2U << 20) / 514);
	cr_assert(!fill(msg, 31));
	cr_assert(fill(msg, 30));
	cr_assert_eq(kernel.connects, 1);
}

/* --- ids --- */

Test(back_tcp, so_many_on_a_connection_with_an_id_each)
{
	static bool seen[65536];
	unsigned int i;

	begin_all(0, BACK_CONN_TRIES);
	cr_assert(!begin_as(&mine[i = BACK_CONN_TRIES], false));
	end(&mine[0]);
	begin(&mine[i]);
	for (; i > 0; i--) {
		cr_assert(!seen[mine[i].t->id]);
		seen[mine[i].t->id] = true;
	}
	cr_assert_eq(kernel.connects, 1);
}

Test(back_tcp, a_connection_carries_ten_times_as_many)
{
	static uint8_t answers[5 * BACK_CONN_TRIES / 16];
	const unsigned int batch = BACK_CONN_TRIES / 16;
	unsigned int round, i;
	uint16_t id;
	int fd = open_answered(&mine[0]);

	for (round = 0; round < 10 * 16; round++) {
		begin_all(0, batch);
		turn();
		for (i = 0; i < batch; i++) {
			id = receive(fd);
			cr_assert_eq(id, mine[i].t->id);
			frame(answers + 5 * i, id, 'A');
		}
		put(fd, answers, sizeof(answers));
		until(&narrived, 1 + batch * (round + 1));
	}
	cr_assert_eq(kernel.connects, 1);
	cr_assert_eq(nfailed + counters.junk, 0);
}

Test(back_tcp, what_has_ended_gets_no_answer)
{
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	end(&mine[0]);
	reply(fd, id, 'A');
	turn();
	cr_assert_eq(counters.junk, 1);
	ask(fd, &mine[1]);
	cr_assert_eq(mine[0].narrived, 0);
}

/* --- what arrives --- */

Test(back_tcp, an_answer_comes_octet_by_octet)
{
	uint8_t buf[5];
	unsigned int i;
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	frame(buf, id, 'A');
	for (i = 0; i < 5; i++) {
		cr_assert_eq(mine[0].narrived, 0);
		put(fd, buf + i, 1);
		turn();
	}
	cr_assert_eq(mine[0].narrived, 1);
	ask(fd, &mine[1]);
}

Test(back_tcp, many_answers_and_a_half_come_together)
{
	uint8_t buf[5 * 11];
	unsigned int i;
	int fd;

	begin_all(0, 11);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i < 11; i++)
		frame(buf + 5 * i, receive(fd), 'A');
	put(fd, buf, sizeof(buf) - 1);
	turn();
	cr_assert_eq(narrived, 10);
	put(fd, buf + sizeof(buf) - 1, 1);
	turn();
	cr_assert_eq(narrived, 11);
}

Test(back_tcp, the_answer_before_the_end_counts)
{
	uint16_t id;
	int fd;

	begin_all(0, 2);
	until(&kernel.sends, 1);
	fd = accept_conn();
	id = receive(fd);
	receive(fd);
	reply(fd, id, 'A');
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 1);
	cr_assert_eq(mine[1].nfailed, 1);
	cr_assert_eq(mine[1].way, WAY_ANSWERED);
}

Test(back_tcp, half_an_answer_before_the_end_is_none)
{
	uint8_t buf[5];
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	frame(buf, id, 'A');
	put(fd, buf, 4);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 0);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(nsilent, 1);
}

/* Whether it was read before, or is there still. */
Test(back_tcp, answers_are_read_where_nothing_can_be_sent)
{
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	begin(&mine[1]);
	kernel.send = EPIPE;
	reply(fd, id, 'A');
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 1);
	cr_assert_eq(mine[1].way, WAY_ANSWERED);
}

Test(back_tcp, what_is_no_answer_ends_nothing)
{
	static uint8_t buf[3 + 2 + 65535] = { [1] = 1, [4] = 2, [6] = 1 };
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	/* A message without any octet. */
	put(fd, buf + 7, 2);
	turn();
	cr_assert_eq(counters.junk, 1);
	/* One with the id's first; the other one is the next message's first. */
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	buf[5] = (uint8_t)~buf[2];
	put(fd, buf, 3 + 2 + (size_t)(buf[3] << 8 | buf[4]));
	reply(fd, id ^ 1, 'A');
	reply(fd, id, 'B');
	reply(fd, id, 'A');
	until(&narrived, 1);
	cr_assert_eq(mine[0].narrived, 2);
	/* Who asked has seen one of them. */
	cr_assert_eq(counters.junk, 4);
	ask(fd, &mine[1]);
}

Test(back_tcp, one_call_an_answer)
{
	int fd = open_answered(&mine[0]);

	kernel.sends = kernel.recvs = 0;
	ask(fd, &mine[0]);
	cr_assert_eq(kernel.sends, 1);
	cr_assert_eq(kernel.recvs, 1);
}

Test(back_tcp, what_has_answered_before_breaks)
{
	int fd = open_answered(&mine[0]);

	begin(&mine[0]);
	until(&kernel.sends, 2);
	receive(fd);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_ANSWERED);
}

/* More than is read in a turn, and each fills all the room there is. */
Test(back_tcp, the_longest_answers)
{
	static uint8_t buf[2 + 65535] = { 0xff, 0xff, [4] = 'A' };
	unsigned int i;
	uint16_t id;
	int fd;

	begin_all(0, 20);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i < 20; i++) {
		id = receive(fd);
		buf[2] = (uint8_t)(id >> 8);
		buf[3] = (uint8_t)id;
		put(fd, buf, sizeof(buf));
		if (i % 4 == 3)
			until(&narrived, i + 1);
	}
	ask(fd, &mine[0]);
}

static void
begin_another(struct mine *m)
{
	if (m < &mine[50])
		begin(m + 1);
}

Test(back_tcp, an_answer_may_begin_the_next_attempt)
{
	unsigned int i;
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	on_arrival = begin_another;
	reply(fd, id, 'A');
	for (i = 1; i <= 50; i++) {
		until(&kernel.sends, i + 1);
		reply(fd, receive(fd), 'A');
	}
	until(&narrived, 51);
	cr_assert_eq(kernel.connects, 1);
}

/* --- so many questions on each --- */

/* One connection answers so many, and ends with another question. */
static void
learn(unsigned int limit)
{
	unsigned int i, before = nfailed;
	uint16_t id;
	int fd;

	begin_all(0, limit + 1);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i <= limit; i++) {
		id = receive(fd);
		if (i < limit)
			reply(fd, id, 'A');
	}
	close(fd);
	until(&nfailed, before + 1);
	cr_assert_eq(mine[limit].way, WAY_ANSWERED);
	kernel.connects = 0;
}

static void
begin_on(unsigned int i, unsigned int conns)
{
	begin(&mine[i]);
	cr_assert_eq(kernel.connects, conns, "question %u: connection %u", i,
	    kernel.connects);
}

Test(back_tcp, a_limit_is_kept_and_looked_at_now_and_then)
{
	static const unsigned int conns[] = { 3, 3, 3, 3, 4, 4, 5, 5, 6 };
	unsigned int i;

	learn(2);
	loop.now += PROBE - 1;
	begin_on(0, 1);
	begin_on(1, 1);
	begin_on(2, 2);
	begin_on(3, 2);
	/* Four on one, two on each of the others. */
	loop.now++;
	for (i = 0; i < 9; i++)
		begin_on(4 + i, conns[i]);
}

Test(back_tcp, a_limit_is_looked_at_again_and_again)
{
	unsigned int i;

	learn(2);
	for (i = 0; i < 3; i++) {
		loop.now += PROBE;
		begin_on(6 * i, 2 * i + 1);
		begin_on(6 * i + 1, 2 * i + 1);
		begin_on(6 * i + 2, 2 * i + 1);
		begin_on(6 * i + 3, 2 * i + 1);
		loop.now += PROBE - 1;
		begin_on(6 * i + 4, 2 * i + 2);
		begin_on(6 * i + 5, 2 * i + 2);
		loop.now -= PROBE - 1;
	}
}

Test(back_tcp, a_limit_that_was_none_is_forgotten)
{
	unsigned int i;
	uint16_t id;
	int fd;

	learn(2);
	loop.now += PROBE;
	fd = open_with(&mine[0], &id);
	reply(fd, id, 'A');
	until(&narrived, 3);
	ask(fd, &mine[1]);
	ask(fd, &mine[2]);
	for (i = 0; i < 100; i++)
		begin_on(i, 1);
}

Test(back_tcp, a_limit_becomes_smaller)
{
	unsigned int i;
	int fd;

	learn(5);
	begin_all(0, 5);
	until(&kernel.sends, 2);
	fd = accept_conn();
	for (i = 0; i < 5; i++) {
		if (i < 3)
			reply(fd, receive(fd), 'A');
		else
			receive(fd);
	}
	close(fd);
	until(&nfailed, 3);
	kernel.connects = 0;
	for (i = 0; i < 9; i++)
		begin_on(i, i / 3 + 1);
}

Test(back_tcp, an_end_without_answers_is_no_limit)
{
	unsigned int i;
	uint16_t id;

	learn(2);
	close(open_with(&mine[0], &id));
	until(&nfailed, 2);
	for (i = 0; i < 6; i++)
		begin_on(i, 2 + i / 2);
}

Test(back_tcp, where_few_share_a_connection_suspects_are_as_others)
{
	unsigned int i;

	learn(10);
	for (i = 0; i < 20; i++) {
		cr_assert(begin_as(&mine[i], i % 2 == 0));
		cr_assert_eq(kernel.connects, 1 + i / 10);
	}
}

/* It has answered all: it was idle, or a restart. */
Test(back_tcp, an_end_without_questions_is_no_limit)
{
	unsigned int i;
	int fd = open_answered(&mine[0]);

	close(fd);
	turn();
	for (i = 0; i < 100; i++)
		begin_on(i, 2);
}

Test(back_tcp, who_finds_no_room_waits)
{
	unsigned int i;
	uint16_t id;
	int fds[COMMON];

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, COMMON + 3);
	end(&mine[COMMON]);
	cr_assert_eq(kernel.connects, COMMON);
	/* Its turn comes with a connection of its own, the first one first. */
	reply(fds[3], mine[3].t->id, 'A');
	until(&kernel.sends, COMMON + 2);
	cr_assert_eq(kernel.connects, COMMON + 1);
	cr_assert_eq(receive(accept_conn()), mine[COMMON + 1].t->id);
	assert_closed(fds[3]);
	/* Or when one has failed. */
	close(fds[0]);
	until(&kernel.sends, COMMON + 3);
	cr_assert_eq(receive(accept_conn()), mine[COMMON + 2].t->id);
}

/* Ten times as many as there may be at a time. */
Test(back_tcp, connections_come_and_go)
{
	unsigned int i;
	uint16_t id;

	learn(1);
	for (i = 0; i < 10 * COMMON; i++)
		assert_closed(open_answered(&mine[0]));
	for (i = 0; i < 10 * COMMON; i++) {
		close(open_with(&mine[0], &id));
		until(&nfailed, i + 2);
	}
	cr_assert_eq(kernel.connects, 20 * COMMON);
}

Test(back_tcp, so_many_wait_and_no_more)
{
	unsigned int i, n = COMMON + WAITING;

	learn(1);
	begin_all(0, n);
	for (i = 0; i < 10 * WAITING; i++) {
		cr_assert(!begin_as(&mine[n], false));
		end(&mine[n - 1]);
		begin(&mine[n - 1]);
	}
	/* That there are as many is no reason that any of them fails. */
	back_tcp_tick();
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(kernel.connects, COMMON);
}

Test(back_tcp, who_waits_fails_where_there_is_no_way)
{
	unsigned int i;
	uint16_t id;
	int fds[COMMON];

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, COMMON + 2);
	kernel.connect = EPERM;
	reply(fds[0], mine[0].t->id, 'A');
	until(&nfailed, 3);
	cr_assert_eq(mine[COMMON].way, WAY_UNSENT);
	cr_assert_eq(mine[COMMON + 1].way, WAY_UNSENT);
}

/* All that were asked may be for slow names. */
Test(back_tcp, the_limit_is_forgotten_where_nothing_comes)
{
	unsigned int i;
	uint64_t start;

	learn(1);
	loop.now += STALL;
	start = loop.now;
	begin_all(0, COMMON + 100);
	at(start + STALL - 1);
	until(&kernel.sends, 1 + COMMON);
	at(start + STALL);
	until(&kernel.sends, 2 + COMMON);
	cr_assert_eq(kernel.connects, COMMON);
	begin(&mine[COMMON + 100]);
	cr_assert_eq(kernel.connects, COMMON);
	/* New ones have none either. */
	for (i = 0; i < COMMON; i++)
		close(accept_conn());
	until(&nfailed, 1 + COMMON + 101);
	begin_all(0, 100);
	cr_assert_eq(kernel.connects, COMMON + 1);
}

Test(back_tcp, the_limit_stays_while_answers_come)
{
	uint64_t start = loop.now;
	int fds[COMMON];
	unsigned int i;
	uint16_t id;

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, 2 * COMMON + 3);
	loop.now = start + STALL - 1;
	for (i = 0; i < COMMON; i++)
		reply(fds[i], mine[i].t->id, 'A');
	until(&kernel.sends, 1 + 2 * COMMON);
	at(start + STALL);
	/* The last three still wait. */
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	cr_assert_eq(kernel.sends, 1 + 2 * COMMON);
	cr_assert_eq(kernel.connects, 2 * COMMON);
}

/* --- what hangs --- */

/* A question that is not answered, on a connection that has brought answers. */
static int
hang(struct mine *m)
{
	int fd = open_answered(m);

	begin(m);
	until(&kernel.sends, kernel.sends + 1);
	receive(fd);
	return (fd);
}

Test(back_tcp, a_connection_that_stalls_is_left)
{
	uint64_t start = loop.now;
	uint16_t id;
	int fd = hang(&mine[0]);

	at(start + STALL - 1);
	/* The oldest counts. */
	begin(&mine[1]);
	cr_assert_eq(mine[0].nleft, 0);
	at(start + STALL);
	cr_assert_eq(mine[0].nleft, 1);
	cr_assert_eq(mine[1].nleft, 1);
	at(start + 2 * STALL);
	cr_assert_eq(mine[0].nleft, 1);
	until(&kernel.sends, 3);
	receive(fd);
	/* Others go on another one, and its answers may still come. */
	open_with(&mine[2], &id);
	reply(fd, mine[0].t->id, 'A');
	reply(fd, mine[1].t->id, 'A');
	until(&narrived, 3);
	assert_closed(fd);
	cr_assert_eq(nfailed, 0);
}

Test(back_tcp, an_answer_is_a_sign_of_life_and_octets_are_none)
{
	static const uint8_t half[] = { 0, 3, 1 };
	uint64_t start = loop.now;
	int fd = hang(&mine[0]);

	begin(&mine[1]);
	until(&kernel.sends, 3);
	loop.now = start + STALL - 1;
	reply(fd, receive(fd), 'A');
	until(&narrived, 2);
	at(start + 2 * STALL - 2);
	put(fd, half, sizeof(half));
	turn();
	cr_assert_eq(mine[0].nleft, 0);
	at(start + 2 * STALL - 1);
	cr_assert_eq(mine[0].nleft, 1);
}

Test(back_tcp, what_was_left_fails_as_that)
{
	int fd = hang(&mine[0]);

	at(loop.now + STALL);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_LEFT);
	cr_assert_eq(nsilent, 0);
}

/* Nor is it known whether it ever answers. */
Test(back_tcp, the_first_question_has_the_whole_time)
{
	uint64_t start = loop.now;
	uint16_t id;

	open_with(&mine[0], &id);
	at(start + TIMEOUT - 1);
	cr_assert_eq(mine[0].nleft + mine[0].nfailed, 0);
	at(start + TIMEOUT);
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(nsilent, 1);
}

Test(back_tcp, it_hangs_though_all_have_given_up)
{
	uint64_t start = loop.now;
	uint16_t id;
	int fd;

	/* Idle is what has had nothing to do for a while. */
	settings.timeout = IDLE / 2;
	fd = open_with(&mine[0], &id);
	end(&mine[0]);
	cr_assert(at(start + IDLE / 2 - 1));
	cr_assert(!at(start + IDLE / 2));
	cr_assert_eq(nsilent, 1);
	assert_closed(fd);
}

/* As above, but another one has brought an answer: no limit is learned. */
static int
hang_alone(struct mine *m)
{
	struct mine *suspect = &mine[MAX - 1];
	unsigned int before = narrived;
	uint16_t id;
	int other, fd = open_with(m, &id);

	loop.now++;
	cr_assert(begin_as(suspect, true));
	until(&kernel.sends, kernel.sends + 1);
	other = accept_conn();
	reply(other, receive(other), 'A');
	until(&narrived, before + 1);
	return (fd);
}

Test(back_tcp, so_many_are_left_at_a_time)
{
	unsigned int i;

	for (i = 0; i <= LEFT; i++) {
		hang_alone(&mine[i]);
		at(loop.now + STALL);
		cr_assert_eq(mine[i].nleft, i < LEFT, "%u", i);
	}
	end(&mine[0]);
	back_tcp_tick();
	back_tcp_tick();
	cr_assert_eq(mine[LEFT].nleft, 1);
}

Test(back_tcp, what_was_left_makes_room_again)
{
	unsigned int i;
	int fd;

	for (i = 0; i < 10 * LEFT; i++) {
		fd = hang_alone(&mine[i]);
		at(loop.now + STALL);
		cr_assert_eq(mine[i].nleft, 1);
		if (i % 2 == 0) {
			end(&mine[i]);
			back_tcp_tick();
			assert_closed(fd);
		} else {
			close(fd);
			until(&nfailed, i / 2 + 1);
		}
	}
}

Test(back_tcp, an_idle_connection_is_closed_in_the_end)
{
	uint64_t start = loop.now;
	int fd = open_answered(&mine[0]);

	loop.now = start + IDLE - 1;
	ask(fd, &mine[0]);
	cr_assert(at(start + IDLE));
	/* That nothing comes is no sign, where nothing was asked. */
	cr_assert(at(start + IDLE + STALL));
	cr_assert(at(start + 2 * IDLE - 2));
	cr_assert(!at(start + 2 * IDLE - 1));
	assert_closed(fd);
	open_answered(&mine[0]);
}

/* --- what may break connections --- */

Test(back_tcp, suspects_are_on_three_of_their_own)
{
	unsigned int i;

	begin(&mine[0]);
	for (i = 1; i <= 100; i++)
		cr_assert(begin_as(&mine[i], true));
	cr_assert_eq(kernel.connects, 4);
	begin_on(101, 4);
	for (i = 0; i <= 101; i++)
		end(&mine[i]);
	/* Those are closed sooner. */
	cr_assert(at(loop.now + CLOCK_SECOND));
	cr_assert(begin_as(&mine[0], true));
	cr_assert_eq(kernel.connects, 5);
}

Test(back_tcp, a_suspect_is_no_sign_of_silence)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		cr_assert(begin_as(&mine[0], true));
		until(&kernel.sends, i + 1);
		close(accept_conn());
		until(&nfailed, i + 1);
	}
	cr_assert_eq(nsilent, 0);
}

Test(back_tcp, while_answers_come_an_end_is_no_sign_of_silence)
{
	uint64_t start;
	uint16_t id;
	int fd;

	fd = open_answered(&mine[0]);
	start = loop.now;
	close(fd);
	turn();
	loop.now = start + STALL - 1;
	close(open_with(&mine[0], &id));
	until(&nfailed, 1);
	cr_assert_eq(nsilent, 0);
	loop.now = start + STALL;
	close(open_with(&mine[0], &id));
	until(&nfailed, 2);
	cr_assert_eq(nsilent, 1);
}
