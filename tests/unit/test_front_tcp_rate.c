/* What is above --client-rate waits in its connection. */
#include "front_tcp_rig.h"

#include "serve/rate.h"

#define TICK	(CLOCK_SECOND / 10)
#define ANSWER	12U			/* octets, with its length */

static void
with(uint32_t rate)
{
	settings.config.client_rate = rate;
	rate_init();
	answer_at_once = ANSWER - 2;
}

/* What it sends is there, too. */
static int
prompt_client(uint8_t host)
{
	const int one = 1;
	int fd = client(host);

	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof(one)), 0);
	return (fd);
}

/* So many ticks, and what comes of each. */
static void
ticks(unsigned int n)
{
	while (n-- > 0) {
		later(TICK);
		turns(3);
	}
}

/* How many answers are there? */
static unsigned int
answers(int fd)
{
	static uint8_t octets[65536];
	ssize_t n = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);

	return (n > 0 ? (unsigned int)n / ANSWER : 0);
}

Test(front_tcp, above_the_rate_messages_wait)
{
	int fd = prompt_client(1);

	with(10);
	ask(fd, 31);
	turns(10);
	cr_assert_eq(answers(fd), 10);
	/* Each is counted once, when it begins to wait. */
	cr_assert_eq(counters.limited, 1);
	later(TICK - 1);
	turns(3);
	cr_assert_eq(answers(fd), 0);
	later(1);
	turns(3);
	later(TICK / 2);
	turns(3);
	cr_assert_eq(answers(fd), 1);
	cr_assert_eq(counters.limited, 2);
	ticks(10);
	cr_assert_eq(answers(fd), 10);
	cr_assert_eq(counters.limited, 12);
	ticks(10);
	cr_assert_eq(answers(fd), 10);
	cr_assert_eq(taken, 31);
	/* None waits now, and what comes is within the rate. */
	ticks(10);
	ask(fd, 10);
	turns(10);
	cr_assert_eq(answers(fd), 10);
	cr_assert_eq(counters.limited, 21);
}

/* More tokens than ticks: all that came are taken in a tick. */
Test(front_tcp, a_high_rate_is_reached)
{
	unsigned int n = 0, i;
	int fd = prompt_client(1);

	with(1000);
	for (i = 0; i < 5; i++) {
		ask(fd, 600);
		turns(60);
	}
	cr_assert_eq(answers(fd), 1000);
	for (i = 0; i < 10; i++) {
		later(TICK);
		turns(20);
		n += answers(fd);
	}
	cr_assert_eq(n, 1000, "%u", n);
}

Test(front_tcp, all_connections_of_a_client_share_its_rate)
{
	unsigned int n, all = 0;
	int fds[8], i;

	with(10);
	for (i = 0; i < 8; i++) {
		fds[i] = client(1);
		ask(fds[i], 100);
	}
	turns(50);
	cr_assert_eq(taken, 10, "%u", taken);
	for (i = 0; i < 8; i++)
		(void)answers(fds[i]);
	ticks(160);
	cr_assert_eq(taken, 170, "%u", taken);
	/* They take turns. */
	for (i = 0; i < 8; i++) {
		n = answers(fds[i]);
		cr_assert(n >= 19 && n <= 21, "%d: %u", i, n);
		all += n;
	}
	cr_assert_eq(all, 160);
}

Test(front_tcp, a_message_that_waits_long_is_counted_once)
{
	int fds[50], i;

	settings.timeout = 60 * CLOCK_SECOND;
	with(1);
	for (i = 0; i < 50; i++) {
		fds[i] = client(1);
		ask(fds[i], 1);
	}
	turns(10);
	cr_assert_eq(taken, 1);
	cr_assert_eq(counters.limited, 49);
	ticks(10 * 49);
	cr_assert_eq(taken, 50, "%u", taken);
	cr_assert_eq(counters.limited, 49);
}

Test(front_tcp, who_is_delayed_delays_nobody_else)
{
	int fds[50], fd, i;

	with(10);
	for (i = 0; i < 50; i++) {
		fds[i] = client(1);
		ask(fds[i], 50);
	}
	turns(20);
	cr_assert_eq(taken, 10);
	fd = client(2);
	ask(fd, 10);
	turn();
	cr_assert_eq(answers(fd), 10);
}

/* A tick is of a few pieces, and goes on in the next turn (D21). */
Test(front_tcp, many_that_are_delayed_are_looked_at_piece_by_piece)
{
	unsigned int i;
	int fds[40];

	with(1);
	for (i = 0; i < 40; i++) {
		fds[i] = client((uint8_t)(1 + i));
		ask(fds[i], 2);
	}
	turns(40);
	cr_assert_eq(taken, 40);
	for (i = 1; i <= 5; i++) {
		pieces = 10;
		later(i == 1 ? CLOCK_SECOND : 0);
		turns(10);
		cr_assert_eq(taken, i < 4 ? 40 + 10 * i : 80, "%u: %u", i, taken);
	}
}

/* Does the loop go on without waiting? */
static bool
has_work(void)
{
	return (tcp_conn_waits() || event_base_get_num_events(loop.base,
	    EVENT_BASE_COUNT_ACTIVE) > 0);
}

Test(front_tcp, who_is_delayed_costs_no_turn)
{
	int fds[20], i;

	with(1);
	for (i = 0; i < 20; i++) {
		fds[i] = prompt_client(1);
		ask(fds[i], 100);
	}
	turns(20);
	cr_assert(!has_work());
	later(TICK);
	turn();
	cr_assert(!has_work());
	/* Also if more comes. */
	for (i = 0; i < 20; i++)
		ask(fds[i], 100);
	turns(2);
	cr_assert(!has_work());
	cr_assert_eq(taken, 1);
}

/* As long as a message is taken now and then. */
Test(front_tcp, a_delayed_connection_is_not_idle)
{
	int fd = client(1);

	settings.timeout = 12 * TICK;
	with(1);
	ask(fd, 4);
	turns(5);
	ticks(29);
	cr_assert(!is_closed(fd));
	cr_assert_eq(taken, 3);
	ticks(1);
	cr_assert_eq(taken, 4);
	cr_assert_eq(answers(fd), 4);
	cr_assert(!is_closed(fd));
	ticks(13);
	cr_assert(is_closed(fd));
}

/* Nor is anything known of those that have left. */
Test(front_tcp, a_connection_that_gets_no_token_for_too_long_ends)
{
	int fds[5], i, closed = 0;

	settings.timeout = 12 * TICK;
	with(1);
	for (i = 0; i < 5; i++) {
		fds[i] = client(1);
		ask(fds[i], 2);
	}
	turns(5);
	close(fds[4]);
	ticks(30);
	cr_assert_leq(tcp_conn_count(), 1, "%u", tcp_conn_count());
	for (i = 0; i < 4; i++)
		closed += is_closed(fds[i]);
	cr_assert_geq(closed, 3);
}

Test(front_tcp, a_delayed_connection_is_not_closed_for_another_one)
{
	int delayed, idle, fd;

	settings.config.max_connections = 2;
	with(1);
	delayed = client(1);
	ask(delayed, 2);
	turns(5);
	cr_assert_eq(answers(delayed), 1);
	idle = client(1);
	fd = client(2);
	cr_assert(is_closed(idle));
	cr_assert(!is_closed(delayed) && !is_closed(fd));
	ticks(10);
	cr_assert_eq(answers(delayed), 1);
}

/* It may be delayed for long, which is no reason to keep answers for so long. */
Test(front_tcp, who_is_delayed_and_takes_no_answers_ends)
{
	int fd = client(1);

	settings.timeout = 3 * TICK;
	with(10);
	stuck = true;
	ask(fd, 100);
	turns(5);
	ticks(2);
	cr_assert(!is_closed(fd));
	ticks(2);
	cr_assert(is_closed(fd));
	cr_assert_eq(tcp_conn_count(), 0);
}

Test(front_tcp, who_is_delayed_and_leaves)
{
	struct linger linger = { .l_onoff = 1 };
	int fds[20], i;

	with(10);
	for (i = 0; i < 20; i++) {
		fds[i] = client(1);
		ask(fds[i], 2);
	}
	turns(20);
	for (i = 0; i < 20; i++) {
		if (i % 2 == 0)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger));
		close(fds[i]);
	}
	turns(5);
	ticks(100);
	cr_assert_eq(tcp_conn_count(), 0);
	cr_assert_eq(octets_of_the_first(), 0);
}

/* It has said all, and waits for the answers. */
Test(front_tcp, who_is_delayed_and_sends_no_more)
{
	int fd = client(1);

	with(10);
	ask(fd, 25);
	shutdown(fd, SHUT_WR);
	turns(5);
	ticks(20);
	cr_assert_eq(answers(fd), 25);
	cr_assert(is_closed(fd));
}

/* What it asks over UDP takes each token as it comes. */
Test(front_tcp, who_is_delayed_has_its_turn_beside_datagrams)
{
	const struct addr addr = { ADDR_V4, { 127, 0, 0, 1 } };
	unsigned int i, datagrams = 0;
	int fd = client(1);

	with(4);
	while (rate_take(&addr))
		;
	ask(fd, 100);
	turns(5);
	for (i = 0; i < 1000; i++) {
		now += TICK / 10;
		loop_clock();
		datagrams += rate_take(&addr);
		if (i % 10 == 9)
			later(0);
		turns(2);
	}
	cr_assert_geq(taken, 20, "%u", taken);
	cr_assert_leq(taken + datagrams, 4 + 40 + 1);
}

/* Without a rate nothing waits. */
Test(front_tcp, without_a_rate)
{
	int fd = client(1);

	answer_at_once = ANSWER - 2;
	ask(fd, 600);
	take(fd, 600 * ANSWER);
	cr_assert_eq(counters.limited, 0);
}
