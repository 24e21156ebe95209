/* Clients over TCP, over real sockets (D7, D21, D22). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "msg.h"
#include "serve/counters.h"
#include "serve/front_tcp.h"
#include "serve/loop.h"
#include "serve/quota.h"
#include "serve/settings.h"

#define MAX		400U		/* --max-connections */
#define TIMEOUT		(10 * CLOCK_SECOND)
#define QUERY		20		/* octets, and two for the length */
#define LONGEST		65535U
#define HELD_MAX	2000U
#define UNANSWERED	256U		/* of a connection */
#define OUT_STOP	65536U

struct settings settings;

static uint64_t now = 1000 * CLOCK_SECOND;
static uint64_t cost;			/* of a message */
static uint64_t accept_cost;		/* of a connection */
static unsigned int accepted, looks;	/* at the clock */
static bool stuck;			/* clients take nothing */
static bool no_descriptor, no_event;
static int no_memory;			/* the allocation that fails, from 1 */
static unsigned int sends, writables;
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

	hash_init();
	settings.config.max_connections = MAX;
	settings.config.nbinds = 1;
	settings.timeout = TIMEOUT;
	quota_init();
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
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
	int fd = unseen_client(host);

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

/* --- limits --- */

Test(front_tcp, a_connection_has_256_unanswered_queries)
{
	int fd = client(1);

	ask(fd, 600);
	turns(200);
	cr_assert_eq(taken, UNANSWERED);
	reply(0, 100);
	turns(10);
	cr_assert_eq(taken, UNANSWERED + 1);
	while (nheld > 0) {
		reply(0, 100);
		turn();
	}
	cr_assert_eq(taken, 600);
	take(fd, 600 * 102);
}

Test(front_tcp, who_takes_no_answers_is_read_no_more)
{
	int fd = client(1);

	stuck = true;
	answer_at_once = 1022;
	ask(fd, 100);
	turns(100);
	cr_assert_eq(taken, OUT_STOP / 1024);
	stuck = false;
	take(fd, 100 * 1024);
	cr_assert_eq(taken, 100);
	cr_assert_eq(octets_of_the_first(), 0);
}

Test(front_tcp, all_answers_of_a_connection_may_be_the_longest)
{
	int fd = client(1);

	ask(fd, UNANSWERED);
	turns(50);
	stuck = true;
	while (nheld > 0)
		reply(0, LONGEST);
	turn();
	cr_assert(!is_closed(fd));
	cr_assert_eq(counters.overload, 0);
	stuck = false;
	take(fd, UNANSWERED * (2 + LONGEST));
	cr_assert_eq(octets_of_the_first(), 0);
}

/* A client with so many connections, that keeps all answers of one. */
static void
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

Test(front_tcp, who_is_at_its_share_loses_its_own_oldest)
{
	int good = client(2), fds[4];

	stuck = true;
	answer_at_once = 100;
	ask(good, 1);
	turn();
	answer_at_once = 0;
	hoard(1, fds, 4, 100);		/* 6.25 MiB each */
	cr_assert(is_closed(fds[0]));
	cr_assert(!is_closed(fds[1]));
	cr_assert(!is_closed(fds[2]));
	cr_assert(!is_closed(fds[3]));
	cr_assert(!is_closed(good));
	cr_assert_eq(counters.overload, 1);
	cr_assert_leq(octets_of_the_first(), QUOTA_OCTETS_SHARE);
	cr_assert_gt(octets_of_the_first(), QUOTA_OCTETS_SHARE * 9 / 10);
}

Test(front_tcp, when_all_is_used_the_one_that_hoards_most_makes_room)
{
	int most[1], others[4][1], good;
	uint8_t i;

	hoard(9, most, 1, 240);
	for (i = 0; i < 3; i++)
		hoard((uint8_t)(10 + i), others[i], 1, 200);
	good = client(2);
	cr_assert_eq(counters.overload, 0);
	hoard(20, others[3], 1, 240);
	cr_assert_eq(counters.overload, 1);
	cr_assert(is_closed(most[0]));
	for (i = 0; i < 4; i++)
		cr_assert(!is_closed(others[i][0]));
	stuck = false;
	answer_at_once = 100;
	ask(good, 1);
	take(good, 102);
}

Test(front_tcp, half_messages_have_the_share_too)
{
	static uint8_t half[60000];
	int fds[MAX / 4], good = client(2);
	unsigned int i, closed = 0;

	settings.config.max_connections = MAX;
	half[0] = half[1] = 0xff;
	put(good, half, 100);
	turn();
	/* 100 connections are the share; 64 KiB of each would be 6.4 MiB. */
	for (i = 0; i < MAX / 4; i++) {
		fds[i] = client(1);
		put(fds[i], half, sizeof(half));
		turns(30);
	}
	cr_assert_gt(octets_of_the_first(), MAX / 4 * sizeof(half));
	/* Beside them there is room for 14 MiB of something else. */
	cr_assert_eq(quota_take_octets(quota_most_octets(),
	    QUOTA_OCTETS_SHARE - octets_of_the_first()), QUOTA_TAKEN);
	close(fds[99]);
	turns(2);
	fds[99] = client(1);
	put(fds[99], half, sizeof(half));
	turns(30);
	quota_give_octets(quota_most_octets(), 0);
	cr_assert_leq(octets_of_the_first(), QUOTA_OCTETS_SHARE);
	for (i = 0; i < 100; i++)
		closed += is_closed(fds[i]);
	cr_assert_leq(closed, 1);
	/* One octet more than there is: the oldest makes room. */
	put(fds[50], half, 1000);
	put(fds[50], half, 5000);
	turns(5);
	cr_assert(!is_closed(good));
	cr_assert(!is_closed(fds[99]));
}

Test(front_tcp, an_idle_connection_keeps_nothing)
{
	int fd = client(1);

	cr_assert_eq(octets_of_the_first(), 0);
	put(fd, "\0", 1);
	turn();
	cr_assert_eq(octets_of_the_first(), 512);
	answer_at_once = 10;
	put(fd, "\024\1\2aaaaaaaaaaaaaaaaaa", 21);
	take(fd, 12);
	cr_assert_eq(octets_of_the_first(), 0);
}

Test(front_tcp, connections_have_their_number_and_who_has_most_makes_room)
{
	int busy[MAX / 4], few[20], most[MAX / 4], fd;
	unsigned int i;

	for (i = 0; i < MAX / 4; i++) {
		busy[i] = client(1);
		ask(busy[i], 1);
	}
	turns(20);
	for (i = 0; i < 20; i++)
		few[i] = client(2);
	for (i = 0; i < MAX / 4; i++)
		most[i] = client(3);
	for (i = 0; i < MAX / 4 - 20; i++)
		client(4);
	for (i = 0; i < MAX / 4; i++)
		client(5);
	cr_assert(!is_closed(most[0]));
	/* The oldest are others', but those are not as many. */
	fd = client(6);
	cr_assert(!is_closed(fd));
	cr_assert(is_closed(most[0]));
	cr_assert(!is_closed(most[1]));
	for (i = 0; i < MAX / 4; i++)
		cr_assert(!is_closed(busy[i]));
	for (i = 0; i < 20; i++)
		cr_assert(!is_closed(few[i]));
	/* Who is at its share takes nobody's place. */
	cr_assert_eq(counters.overload, 0);
	fd = client(1);
	turn();
	cr_assert(is_closed(fd));
	cr_assert(!is_closed(most[1]));
	cr_assert_eq(counters.overload, 1);
}

Test(front_tcp, who_waits_for_nothing_makes_room_first)
{
	int asked, unsent, idle, fd, more;

	settings.config.max_connections = 3;
	asked = client(1);
	unsent = client(1);
	idle = client(1);
	ask(asked, 1);
	turn();
	answer_at_once = 100;
	stuck = true;
	ask(unsent, 1);
	turn();
	answer_at_once = 0;
	fd = client(2);
	cr_assert(is_closed(idle));
	cr_assert(!is_closed(asked) && !is_closed(unsent) && !is_closed(fd));
	ask(fd, 1);
	turn();
	/* All wait: now it is the oldest of the one who has most. */
	cr_assert_eq(counters.overload, 0);
	more = client(2);
	cr_assert(is_closed(asked));
	cr_assert(!is_closed(unsent) && !is_closed(fd) && !is_closed(more));
	cr_assert_eq(counters.overload, 1);
	ask(more, 1);
	turn();
	/* Also if that is the one who comes. */
	asked = client(2);
	cr_assert(is_closed(fd));
	cr_assert(!is_closed(unsent) && !is_closed(more) && !is_closed(asked));
	ask(asked, 1);
	turn();
	/* Now one has its answer. */
	stuck = false;
	take(unsent, 102);
	turn();
	fd = client(2);
	cr_assert(!is_closed(fd));
	cr_assert(is_closed(unsent));
	cr_assert_eq(counters.overload, 2);
}

/* --- frames --- */

Test(front_tcp, a_frame_shorter_than_a_header_ends_the_connection)
{
	static const uint8_t longer[2 + 12] = { 0, 12 };
	uint8_t frame[2 + 11] = { 0, 11 };
	int fds[3], i;

	for (i = 0; i < 3; i++)
		fds[i] = client(1);
	put(fds[0], "\0", 2);
	put(fds[1], frame, sizeof(frame));
	put(fds[2], longer, sizeof(longer));
	turns(3);
	cr_assert(is_closed(fds[0]));
	cr_assert(is_closed(fds[1]));
	cr_assert(!is_closed(fds[2]));
	cr_assert_eq(taken, 1);
}

Test(front_tcp, what_is_no_query_does_not_keep_a_connection)
{
	static const uint8_t reply_frame[2 + 12] = { 0, 12, 1, 2, 0x80 };
	int junk = client(1), good = client(1), i;

	answer_at_once = 10;
	for (i = 0; i < 4; i++) {
		cr_assert(!is_closed(good));
		cr_assert_eq(is_closed(junk), i == 3, "%d", i);
		ask(good, 1);
		take(good, 12);
		if (i < 3)
			put(junk, reply_frame, sizeof(reply_frame));
		turns(2);
		later(TIMEOUT / 3 + 1);
	}
}

Test(front_tcp, who_asks_on_and_takes_nothing_ends)
{
	int fd = client(1), i;

	answer_at_once = 10;
	stuck = true;
	for (i = 0; i < 2; i++) {
		ask(fd, 1);
		turns(2);
		cr_assert(!is_closed(fd));
		later(TIMEOUT * 2 / 3);
	}
	cr_assert(is_closed(fd));
}

/* --- deadlines --- */

Test(front_tcp, a_half_message_ends_even_beside_a_query)
{
	int half = client(1), asked = client(1), idle = client(1);

	ask(half, 1);
	put(half, "\0", 1);
	ask(asked, 1);
	turns(3);
	later(TIMEOUT - 1);
	cr_assert(!is_closed(half) && !is_closed(asked) && !is_closed(idle));
	later(1);
	cr_assert(is_closed(half));
	cr_assert(is_closed(idle));
	cr_assert(!is_closed(asked));
	reply(nheld - 1, 10);
	turn();
	take(asked, 12);
}

Test(front_tcp, a_message_that_waits_for_its_turn_keeps_the_connection)
{
	int busy = client(1), fd = client(1);

	cost = CLOCK_SECOND;
	answer_at_once = 10;
	ask(busy, 1);
	ask(fd, 100);
	turn();
	turn();
	cr_assert_lt(taken, 100);
	later(TIMEOUT);
	cr_assert(!is_closed(fd));
	cost = 0;
	take(fd, 100 * 12);
}

/* --- turns --- */

Test(front_tcp, clients_take_turns_whatever_their_connections_are)
{
	unsigned int i, n = 0, last = 0;
	int fd;

	answer_at_once = 10;
	cost = CLOCK_SECOND / 1000;		/* a slice is a turn's work */
	for (i = 0; i < 20; i++) {
		fd = client(1);
		ask(fd, 200);
	}
	fd = client(2);
	ask(fd, 160);
	for (i = 0; i < 400 && n < 160; i++) {
		turn();
		for (n = 0, last = 0; last < taken; last++)
			n += order[last] == 2;
	}
	cr_assert_eq(n, 160);
	/* Ten slices of 16, and as many of the other one between them. */
	cr_assert_leq(i, 24, "%u turns", i);
}

Test(front_tcp, a_turn_has_its_time)
{
	int fds[8], i;

	answer_at_once = 10;
	for (i = 0; i < 8; i++)
		fds[i] = client((uint8_t)(1 + i));
	cost = LOOP_TURN * 2 / 5;
	for (i = 0; i < 8; i++)
		ask(fds[i], 1);
	turn();
	cr_assert_eq(taken, 3);
	turn();
	cr_assert_eq(taken, 6);
	turn();
	cr_assert_eq(taken, 8);
}

/* Those that wait are not looked at again in each turn, however many. */
Test(front_tcp, a_turn_costs_nothing_for_who_waits)
{
	int fds[100], i;

	answer_at_once = 10;
	for (i = 0; i < 100; i++)
		fds[i] = client((uint8_t)(1 + i));
	cost = LOOP_TURN;
	for (i = 0; i < 100; i++)
		ask(fds[i], 1);
	while (looks == 0 || looks >= 40) {
		looks = 0;
		turn();
	}
	cr_assert_lt(taken, 20);
	while (taken < 100) {
		looks = 0;
		turn();
		cr_assert_lt(looks, 40, "%u", looks);
	}
	/* And each is read on then. */
	for (i = 0; i < 100; i++)
		ask(fds[i], 1);
	turns(110);
	cr_assert_eq(taken, 200);
}

Test(front_tcp, connections_that_take_long_to_accept)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		unseen_client((uint8_t)(1 + i));
	turn();
	cr_assert_eq(accepted, 16);
	accept_cost = LOOP_TURN / 10;
	turn();
	cr_assert_eq(accepted, 26, "%u", accepted);
	accept_cost = LOOP_TURN;
	turn();
	cr_assert_eq(accepted, 34);
	turns(9);
	cr_assert_eq(accepted, 100);
}

Test(front_tcp, a_slice_has_16_messages_or_2048_octets)
{
	static uint8_t frames[3][2 + 1100];
	int fd = client(1), i;

	answer_at_once = 10;
	cost = CLOCK_SECOND;
	ask(fd, 40);
	turn();
	cr_assert_eq(taken, 16);
	turn();
	cr_assert_eq(taken, 32, "%u", taken);
	turn();
	cr_assert_eq(taken, 40);
	for (i = 0; i < 3; i++) {
		frames[i][0] = 1100 >> 8;
		frames[i][1] = 1100 & 0xff;
	}
	put(fd, frames, sizeof(frames));
	turn();
	cr_assert_eq(taken, 42);
	turn();
	cr_assert_eq(taken, 43);
}

/* What was refused for want of anything has no place. */
Test(front_tcp, a_connection_that_cannot_be_kept_gives_its_place_back)
{
	int fd, i;

	for (i = 0; i < 3 * (int)MAX; i++) {
		no_event = i % 2 == 0;
		no_memory = i % 2 == 0 ? 0 : 1 + i / 2 % 2;
		fd = client(1);
		cr_assert(is_closed(fd));
		close(fd);
	}
	no_event = false;
	no_memory = 0;
	fd = client(1);
	answer_at_once = 10;
	ask(fd, 1);
	take(fd, 12);
	cr_assert(!is_closed(fd));
}

/* --- answers --- */

Test(front_tcp, answers_that_come_together_go_together_and_arm_nothing)
{
	int fd = client(1);

	ask(fd, 10);
	turns(2);
	sends = writables = 0;
	while (nheld > 0)
		reply(0, 100);
	turn();
	cr_assert_eq(sends, 1);
	cr_assert_eq(writables, 0);
	take(fd, 10 * 102);
	/* Only where the client takes no more, and then once. */
	stuck = true;
	answer_at_once = 100;
	ask(fd, 1);
	turn();
	ask(fd, 1);
	turn();
	cr_assert_geq(writables, 1);
	stuck = false;
	take(fd, 2 * 102);
}

/* --- windows --- */

Test(front_tcp, a_client_that_resets_detaches_its_queries)
{
	struct linger linger = { .l_onoff = 1 };
	int fd = client(1);

	ask(fd, 3);
	turns(2);
	cr_assert_eq(nheld, 3);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	turns(2);
	cr_assert_null(held[0]->conn);
	cr_assert_null(held[2]->conn);
	while (nheld > 0)
		reply(0, 100);
	turn();
	cr_assert_eq(octets_of_the_first(), 0);
}

Test(front_tcp, a_client_that_resets_with_answers_unsent)
{
	struct linger linger = { .l_onoff = 1 };
	int fd = client(1);

	ask(fd, 3);
	turns(2);
	reply(0, 100);
	reply(0, 100);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	front_tcp_flush();
	turns(2);
	cr_assert_null(held[0]->conn);
	cr_assert_eq(octets_of_the_first(), 0);
}

Test(front_tcp, a_client_that_sends_no_more_has_its_answers)
{
	int fd = client(1);

	ask(fd, 40);
	shutdown(fd, SHUT_WR);
	turns(10);
	cr_assert_eq(nheld, 40);
	while (nheld > 0) {
		cr_assert(!is_closed(fd) || nheld < 40);
		reply(0, 100);
	}
	take(fd, 40 * 102);
	turn();
	cr_assert(is_closed(fd));
}

/* RFC 7766 section 6.2.1.1 allows that: it still takes them. */
Test(front_tcp, a_client_that_sends_no_more_has_its_unsent_answers)
{
	int fd = client(1);

	answer_at_once = 1000;
	stuck = true;
	ask(fd, 40);
	shutdown(fd, SHUT_WR);
	turns(10);
	cr_assert_eq(taken, 40);
	cr_assert(!is_closed(fd));
	stuck = false;
	take(fd, 40 * 1002);
	turn();
	cr_assert(is_closed(fd));
}

Test(front_tcp, one_that_is_evicted_in_its_own_slice_ends_once)
{
	int fd = client(1), others[4], last;

	hoard(1, others, 3, 100);
	/* Its own answers are what is too much, while it is being read. */
	answer_at_once = LONGEST;
	last = client(1);
	ask(last, 300);
	turns(60);
	answer_at_once = 0;
	cr_assert(!is_closed(fd));
	cr_assert_leq(octets_of_the_first(), QUOTA_OCTETS_SHARE);
	stuck = false;
	turns(10);
}

Test(front_tcp, one_that_ends_while_it_waits_has_no_turn)
{
	int busy = client(1), fd = client(2);

	cost = CLOCK_SECOND;
	answer_at_once = 10;
	ask(busy, 40);
	put(fd, "\0", 1);
	turn();
	later(TIMEOUT);
	cost = 0;
	turns(3);
	cr_assert(is_closed(fd));
	fd = client(2);
	ask(fd, 1);
	take(fd, 12);
}

Test(front_tcp, one_that_ends_before_its_answer_leaves)
{
	int fd = client(1), other = client(2);

	ask(fd, 1);
	turns(2);
	reply(0, 100);
	later(TIMEOUT);
	turns(2);
	cr_assert(is_closed(fd));
	cr_assert(is_closed(other));
	cr_assert_eq(octets_of_the_first(), 0);
}

Test(front_tcp, no_memory_for_an_answer_in_a_slice_ends_the_slice)
{
	int fd = client(1);

	answer_at_once = 100;
	no_memory = 1;
	ask(fd, 5);
	turns(2);
	cr_assert_eq(taken, 1);
	cr_assert(is_closed(fd));
}

/* --- wear --- */

Test(front_tcp, ten_times_more_connections_than_there_may_be)
{
	unsigned int i;
	int fd;

	answer_at_once = 100;
	for (i = 0; i < 10 * MAX; i++) {
		fd = client((uint8_t)(1 + i % 5));
		ask(fd, 1);
		turn();
		take(fd, 102);
		close(fd);
		turn();
	}
	cr_assert_eq(counters.overload, 0);
	cr_assert_eq(taken, 10 * MAX);
}

Test(front_tcp, ten_times_more_octets_than_there_may_be)
{
	unsigned int i;
	int fds[1];

	for (i = 0; i < 41; i++) {
		hoard((uint8_t)(1 + i % 3), fds, 1, UNANSWERED);
		cr_assert(!is_closed(fds[0]));
		close(fds[0]);
		/* Stuck: it ends by its deadline. */
		later(TIMEOUT);
		cr_assert_eq(octets_of_the_first(), 0);
	}
	cr_assert_eq(counters.overload, 0);
}

/* --- what the kernel does not give --- */

Test(front_tcp, an_allocation_that_fails_ends_one_connection)
{
	static uint8_t half[3000] = { 0xff, 0xff };
	int good = client(2), fd, i;

	answer_at_once = 100;
	for (i = 1; i < 12; i++) {
		no_memory = i;
		fd = client(1);
		put(fd, "\0\024\1\2aaaaaaaaaaaaaaaaaa", 22);
		turn();
		if (!is_closed(fd))
			put(fd, half, sizeof(half));
		turns(8);
		no_memory = 0;
		ask(good, 1);
		take(good, 102);
		close(fd);
		turns(2);
		cr_assert_eq(octets_of_the_first(), 0, "%d", i);
	}
	cr_assert(!is_closed(good));
	cr_assert_gt(counters.overload, 3);
}

Test(front_tcp, without_descriptors_the_idle_make_room_and_then_it_waits)
{
	int busy = client(1), idle = client(2), fd;

	ask(busy, 1);
	turns(2);
	no_descriptor = true;
	fd = client(3);
	turn();
	cr_assert(is_closed(idle));
	cr_assert(!is_closed(busy));
	/* Also where there is no memory for the event, and then again. */
	no_descriptor = false;
	no_event = true;
	later(1);
	no_event = false;
	turn();
	later(1);
	turns(2);
	answer_at_once = 10;
	ask(fd, 1);
	take(fd, 12);
}
