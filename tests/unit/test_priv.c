/* The channel: what comes first in a turn, but not for all of it. */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "chan.h"
#include "clock.h"
#include "serve/loop.h"
#include "serve/priv.h"

#define RECORDS		200U	/* as many as the socket takes */

static uint64_t now = CLOCK_SECOND;
static uint64_t cost;			/* of a record */
static unsigned int taken, others, stop_at;
static int peer, channel;	/* in the place of that of msg.h */
static struct event *other;

uint64_t __wrap_clock_now(void);
ssize_t __wrap_chan_send(int, const void *, size_t, int);
ssize_t __real_chan_send(int, const void *, size_t, int);
struct event *__wrap_event_new(struct event_base *, evutil_socket_t, short,
    event_callback_fn, void *);
struct event *__real_event_new(struct event_base *, evutil_socket_t, short,
    event_callback_fn, void *);

static unsigned int fails;		/* so often there is no memory */

int __wrap_event_add(struct event *, const struct timeval *);
int __real_event_add(struct event *, const struct timeval *);

int
__wrap_event_add(struct event *e, const struct timeval *after)
{
	if (fails == 0)
		return (__real_event_add(e, after));
	fails--;
	return (-1);
}

ssize_t
__wrap_chan_send(int fd, const void *buf, size_t len, int passed)
{
	return (__real_chan_send(fd == MSG_FD_CHANNEL ? channel : fd, buf, len,
	    passed));
}

struct event *
__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn callback, void *arg)
{
	return (__real_event_new(base, fd == MSG_FD_CHANNEL ? channel : fd,
	    what, callback, arg));
}

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

static bool
take(const uint8_t *buf, size_t len, int fd)
{
	cr_assert_eq(len, sizeof(unsigned int));
	cr_assert_eq(memcmp(buf, &taken, len), 0, "not the next one");
	cr_assert_eq(fd, -1);
	now += cost;
	return (++taken != stop_at);
}

static void
on_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	others++;
}

static bool
no_tick(void)
{
	return (false);
}

static void
set_up(void)
{
	struct msg_ready ready;
	int fds[2], size = 1 << 20;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	channel = fds[0];
	peer = fds[1];
	cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	loop_init(no_tick);
	priv_init(take);
	priv_start();
	cr_assert_eq(recv(peer, &ready, sizeof(ready), 0), sizeof(ready));
	other = event_new(loop.base, -1, 0, on_other, NULL);
	cr_assert_not_null(other);
}

TestSuite(priv, .init = set_up, .timeout = 10);

static void
send_records(unsigned int from, unsigned int n)
{
	for (; n > 0; n--, from++)
		cr_assert_eq(chan_send(peer, &from, sizeof(from), -1),
		    sizeof(from));
}

static void
turn(void)
{
	event_active(other, EV_TIMEOUT, 0);
	loop_turn();
	priv_renew();
}

Test(priv, records_have_the_time_of_a_turn)
{
	cost = LOOP_TURN / 4;
	send_records(0, 10);
	turn();
	cr_assert_eq(taken, 4);
	cr_assert_eq(others, 1);
	turn();
	cr_assert_eq(taken, 8);
	cr_assert_eq(others, 2);
	turn();
	cr_assert_eq(taken, 10);
	cr_assert_eq(others, 3);
}

Test(priv, one_in_a_turn_however_long_it_takes)
{
	unsigned int i;

	cost = CLOCK_SECOND;
	send_records(0, 20);
	for (i = 1; i <= 20; i++) {
		turn();
		cr_assert_eq(taken, i);
		cr_assert_eq(others, i);
	}
}

Test(priv, those_that_take_no_time_are_all_taken)
{
	send_records(0, RECORDS);
	turn();
	cr_assert_eq(taken, RECORDS);
	send_records(RECORDS, 1);
	turn();
	cr_assert_eq(taken, RECORDS + 1);
}

/* STOP ends the turn, whatever is behind it. */
Test(priv, nothing_is_taken_after_the_last_one)
{
	stop_at = 3;
	send_records(0, 10);
	turn();
	cr_assert_eq(taken, 3);
}

/* No turn waits for anything else meanwhile. */
Test(priv, D22_who_cannot_be_listened_to_now_is_later)
{
	static const struct timeval never = { .tv_sec = 1000 };

	cost = CLOCK_SECOND;
	send_records(0, 3);
	event_add(other, &never);
	fails = 3;
	loop_turn();
	priv_renew();
	while (fails > 0) {
		loop_turn();
		priv_renew();
	}
	loop_turn();
	priv_renew();
	cr_assert_eq(taken, 1);
	loop_turn();
	cr_assert_eq(taken, 2);
}
