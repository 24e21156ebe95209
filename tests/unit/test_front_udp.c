/* Clients over UDP, over real sockets (D1, D21). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "msg.h"
#include "serve/counters.h"
#include "serve/front_udp.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/quota.h"
#include "serve/rate.h"
#include "serve/settings.h"

#define BATCH	64U

struct policy policy;
struct settings settings;

static uint64_t now = 1000 * CLOCK_SECOND;
static uint64_t cost;			/* of a message */
static struct sockaddr_in servers[2];
static unsigned int taken;
static uint16_t numbers[10000];		/* what came, in its order */
static unsigned int listeners[10000];
static struct asker last;
static unsigned int reads, broken;	/* broken: the datagram that fails */
static struct in_pktinfo info_out;
static int sockets[2];			/* in the places of those of msg.h */

uint64_t	__wrap_clock_now(void);
int		__real_recvmmsg(int, struct mmsghdr *, unsigned int, int,
		    struct timespec *);
int		__wrap_recvmmsg(int, struct mmsghdr *, unsigned int, int,
		    struct timespec *);
int		__real_sendmmsg(int, struct mmsghdr *, unsigned int, int);
int		__wrap_sendmmsg(int, struct mmsghdr *, unsigned int, int);

struct event	*__real_event_new(struct event_base *, evutil_socket_t, short,
		    event_callback_fn, void *);
struct event	*__wrap_event_new(struct event_base *, evutil_socket_t, short,
		    event_callback_fn, void *);
int		__real_getsockname(int, struct sockaddr *, socklen_t *);
int		__wrap_getsockname(int, struct sockaddr *, socklen_t *);

static int
real(int fd)
{
	return (fd == MSG_FD_LISTEN ? sockets[0] :
	    fd == MSG_FD_LISTEN + 2 ? sockets[1] : fd);
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn callback, void *arg)
{
	return (__real_event_new(base, real(fd), what, callback, arg));
}

int
__wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	return (__real_getsockname(real(fd), sa, len));
}

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

int
__wrap_recvmmsg(int fd, struct mmsghdr *hdrs, unsigned int n, int flags,
    struct timespec *ts)
{
	reads++;
	return (__real_recvmmsg(real(fd), hdrs, n, flags, ts));
}

/* Looks at what is sent; fails once, at the datagram that is told. */
int
__wrap_sendmmsg(int fd, struct mmsghdr *hdrs, unsigned int n, int flags)
{
	if (hdrs->msg_hdr.msg_controllen > 0)
		memcpy(&info_out, CMSG_DATA((struct cmsghdr *)
		    hdrs->msg_hdr.msg_control), sizeof(info_out));
	if (broken == 1) {
		broken = 0;
		errno = ENETUNREACH;
		return (-1);
	}
	if (broken > 1 && n >= broken) {
		n = broken - 1;
		broken = 1;
	}
	return (__real_sendmmsg(real(fd), hdrs, n, flags));
}

static void
receive(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct asker *from)
{
	(void)addr;
	now += cost;
	cr_assert_geq(len, 2);
	memcpy(&numbers[taken], msg, 2);
	listeners[taken++] = from->listener;
	last = *from;
	front_udp_send(from, msg, 2);
}

static void
listen_on(unsigned int i, in_addr_t where)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;
	socklen_t len = sizeof(servers[i]);

	servers[i].sin_family = AF_INET;
	servers[i].sin_addr.s_addr = htonl(where);
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	on = 1 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &on, sizeof(on));
	cr_assert_eq(bind(fd, (struct sockaddr *)&servers[i], len), 0);
	cr_assert_eq(__real_getsockname(fd, (struct sockaddr *)&servers[i],
	    &len), 0);
	servers[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sockets[i] = fd;
}

static bool
no_tick(void)
{
	return (false);
}

static void
set_up(void)
{
	hash_init();
	settings.config.max_connections = 100;
	settings.config.nbinds = 2;
	quota_init();
	listen_on(0, INADDR_LOOPBACK);
	listen_on(1, INADDR_ANY);
	loop_init(no_tick);
	front_udp_init(receive);
	front_udp_start();
}

TestSuite(front_udp, .init = set_up, .timeout = 20);

static void
turn(void)
{
	loop_begin_turn();
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	front_udp_flush();
}

static int
client(unsigned int server)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 1 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	cr_assert_eq(connect(fd, (struct sockaddr *)&servers[server],
	    sizeof(servers[server])), 0);
	return (fd);
}

static void
ask(int fd, uint16_t from, unsigned int count, size_t len)
{
	static uint8_t msg[65000];
	uint16_t i;

	for (i = from; i < from + count; i++) {
		memcpy(msg, &i, 2);
		cr_assert_eq(send(fd, msg, len, 0), (ssize_t)len);
	}
}

/* How many answers are there? */
static unsigned int
answers(int fd)
{
	unsigned int n = 0;
	uint16_t number;

	while (recv(fd, &number, sizeof(number), 0) == 2)
		n++;
	return (n);
}

Test(front_udp, what_takes_no_time_is_taken_in_a_turn)
{
	int fd = client(0);

	ask(fd, 0, 200, 20);
	turn();
	cr_assert_eq(taken, 200);
	/* A short batch tells that there is no more. */
	cr_assert_eq(reads, 4);
	cr_assert_eq(answers(fd), 200);
}

Test(front_udp, a_turn_has_its_time)
{
	unsigned int i;
	int fd = client(0);

	cost = LOOP_TURN / 20;	/* 8 of them: two fifths of a turn */
	ask(fd, 0, 100, 20);
	turn();
	cr_assert_eq(taken, 24);
	/* What was taken is answered in that turn. */
	cr_assert_eq(answers(fd), 24);
	turn();
	cr_assert_eq(taken, 48);
	while (taken < 100)
		turn();
	for (i = 0; i < 100; i++)
		cr_assert_eq(numbers[i], i);
	cr_assert_eq(answers(fd), 76);
	cr_assert_leq(reads, 3);
}

Test(front_udp, after_a_long_one_the_clock_is_looked_at)
{
	int fd = client(0);

	cost = CLOCK_SECOND / 1000;
	ask(fd, 0, 4, 513);
	turn();
	cr_assert_eq(taken, 1);
	turn();
	cr_assert_eq(taken, 2);
	ask(fd, 4, 8, 512);
	while (taken < 4)
		turn();
	turn();
	cr_assert_eq(taken, 12);
}

Test(front_udp, sockets_take_turns)
{
	int fds[2] = { client(0), client(1) };
	unsigned int i, n = 0;

	cost = LOOP_TURN;
	ask(fds[0], 0, 600, 20);
	ask(fds[1], 1000, BATCH, 20);
	/* The first one may have read twice before the other was seen. */
	while (taken < 3 * BATCH)
		turn();
	for (i = 0; i < taken; i++)
		n += listeners[i] == 1;
	cr_assert_eq(n, BATCH);
	while (taken < 600 + BATCH)
		turn();
	turn();
	cr_assert_eq(answers(fds[0]), 600);
	cr_assert_eq(answers(fds[1]), BATCH);
}

Test(front_udp, nothing_is_lost_in_a_hundred_batches)
{
	unsigned int round, i;
	int fd = client(0);

	for (round = 0; round < 25; round++) {
		cost = round % 3 * CLOCK_SECOND / 20000;
		ask(fd, (uint16_t)(round * 300), 300, round % 2 ? 20 : 600);
		for (i = 0; i < 1000 && taken < (round + 1) * 300; i++)
			turn();
		turn();
		cr_assert_eq(answers(fd), 300);
	}
	for (i = 0; i < taken; i++)
		cr_assert_eq(numbers[i], i);
}

Test(front_udp, a_datagram_that_cannot_be_sent_loses_no_other)
{
	int fd = client(0);

	ask(fd, 0, 10, 20);
	broken = 5;
	turn();
	cr_assert_eq(answers(fd), 9);
}

Test(front_udp, the_route_decides_on_the_interface)
{
	int fd = client(1);

	ask(fd, 0, 1, 20);
	turn();
	cr_assert_eq(answers(fd), 1);
	cr_assert_eq(last.local_family, ADDR_V4);
	cr_assert_neq(last.local.in.ipi_ifindex, 0);
	cr_assert_eq(info_out.ipi_ifindex, 0);
	cr_assert_eq(info_out.ipi_spec_dst.s_addr, htonl(INADDR_LOOPBACK));
}

/* --- --client-rate --- */

/* A socket of 127.0.0.host. */
static int
client_of(uint8_t host)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&servers[1],
	    sizeof(servers[1])), 0);
	return (fd);
}

Test(front_udp, what_is_above_the_rate_is_dropped)
{
	int fd = client_of(2), same = client_of(2), other = client_of(3);

	settings.config.client_rate = 5;
	rate_init();
	ask(fd, 0, 12, 20);
	ask(same, 100, 3, 20);
	ask(other, 200, 5, 20);
	turn();
	cr_assert_eq(taken, 10, "%u", taken);
	cr_assert_eq(answers(fd), 5);
	cr_assert_eq(answers(same), 0);
	cr_assert_eq(answers(other), 5);
	cr_assert_eq(counters.limited, 10);
	/* It is not kept for later. */
	now += CLOCK_SECOND / 5;
	turn();
	cr_assert_eq(taken, 10);
	ask(same, 300, 2, 20);
	turn();
	cr_assert_eq(answers(same), 1);
	cr_assert_eq(numbers[10], 300);
	cr_assert_eq(counters.limited, 11);
}

Test(front_udp, without_a_rate_nothing_is_dropped)
{
	int fd = client(0);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		ask(fd, 0, 200, 20);
		turn();
	}
	cr_assert_eq(answers(fd), 2000);
	cr_assert_eq(counters.limited, 0);
}
