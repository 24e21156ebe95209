/* Connections that end, wear, and what the kernel does not give. */
#include "front_tcp_rig.h"

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

static void
reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* The edge of both is one. */
Test(front_tcp, a_client_that_resets_with_a_half_message)
{
	int fd = client(1);

	cr_assert_eq(tcp_conn_count(), 1);
	put(fd, "\xff\xff\xff", 3);
	reset(fd);
	turns(10);
	cr_assert_eq(tcp_conn_count(), 0);
}

Test(front_tcp, a_client_that_resets_right_behind_its_query)
{
	int fd = client(1);

	ask(fd, 1);
	reset(fd);
	turns(10);
	cr_assert_eq(tcp_conn_count(), 0);
	cr_assert(nheld == 0 || held[0]->conn == NULL);
}

/* What is behind an urgent octet is read, too. */
Test(front_tcp, a_query_behind_an_urgent_mark)
{
	static const uint8_t rest[1 + QUERY] = { QUERY };
	int fd = client(1);

	cr_assert_eq(__real_send(fd, "", 1, 0), 1);
	cr_assert_eq(__real_send(fd, "x", 1, MSG_OOB), 1);
	put(fd, rest, sizeof(rest));
	turns(10);
	cr_assert_eq(nheld, 1);
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
