/* Clients over TCP, over real sockets (D7, D21, D22). */
#include "front_tcp_rig.h"

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

static void
ask_long(int fd, size_t len)
{
	uint8_t frame[2 + 600] = { (uint8_t)(len >> 8), (uint8_t)len };

	cr_assert_leq(2 + len, sizeof(frame));
	put(fd, frame, 2 + len);
}

/* No client needs long ones: they have a quarter of it. */
Test(front_tcp, long_messages_have_less_of_a_turn)
{
	int fds[8], i;

	answer_at_once = 10;
	for (i = 0; i < 8; i++)
		fds[i] = client((uint8_t)(1 + i));
	cost = LOOP_SHARE - 1;
	for (i = 0; i < 8; i++)
		ask_long(fds[i], 513);
	turn();
	cr_assert_eq(taken, 2, "%u", taken);
	turn();
	cr_assert_eq(taken, 4, "%u", taken);
	turns(2);
	cr_assert_eq(taken, 8);
	for (i = 0; i < 8; i++)
		ask_long(fds[i], 512);
	turn();
	cr_assert_eq(taken, 8 + 5, "%u", taken);
}

/* The kernel's work for one that is large counts from its first piece on. */
Test(front_tcp, a_message_is_long_while_it_comes)
{
	int fds[8], i;

	answer_at_once = 10;
	for (i = 0; i < 8; i++)
		fds[i] = client((uint8_t)(1 + i));
	cost = LOOP_SHARE - 1;
	put(fds[0], "\2\0", 2);		/* 512 octets */
	for (i = 1; i < 8; i++)
		ask(fds[i], 1);
	turn();
	cr_assert_eq(taken, 5, "%u", taken);
	turn();
	cr_assert_eq(taken, 7);
	fds[0] = client(9);
	put(fds[0], "\2\1", 2);
	for (i = 1; i < 8; i++)
		ask(fds[i], 1);
	turn();
	cr_assert_eq(taken, 7 + 2, "%u", taken);
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

Test(front_tcp, what_comes_while_it_waits_is_read_then)
{
	int fd = client(1);

	answer_at_once = 10;
	cost = LOOP_TURN;			/* a slice is a turn's work */
	ask(fd, 100);
	turn();
	cr_assert_lt(taken, 100);
	ask(fd, 20);
	turns(20);
	cr_assert_eq(taken, 120);
}

/* The loop is not told again and again what to look for. */
Test(front_tcp, half_messages_arm_nothing)
{
	int fds[100], i, n;

	for (i = 0; i < 100; i++)
		fds[i] = client((uint8_t)(1 + i));
	adds = 0;
	for (n = 0; n < 10; n++) {
		for (i = 0; i < 100; i++)
			put(fds[i], "\xff", 1);
		turn();
	}
	cr_assert_eq(adds, 0);
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
