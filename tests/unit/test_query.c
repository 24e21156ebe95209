/* A query from its arrival to its answer: places, counts, deadlines (D23). */
#include "query_rig.h"

TestSuite(query, .init = set_up);

Test(query, a_grant_that_is_not_there_in_time)
{
	ask(1, TYPE_A, false);
	cr_assert_geq(nticks, 1);
	loop.now += CLOCK_SECOND;
	answer(0);
	cr_assert_eq(nverdicts, 1);
	loop.now += 9 * CLOCK_SECOND - 1;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned + nsent, 0);
	/* From its arrival, to the nanosecond. */
	loop.now++;
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the firewall did not answer in time");
	cr_assert_eq(nplaces, 0);
}

Test(query, who_waits_for_an_upstream_is_not_ended_here)
{
	ask(1, TYPE_A, false);
	ask(2, TYPE_A, false);
	answer(1);
	loop.now += 10 * CLOCK_SECOND;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
	/* The answer is delivered late, and the grants have no time. */
	answer(0);
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 2);
}

/* Who is only passed takes none of a tick's time, however many these are. */
Test(query, who_still_waits_is_in_nobodys_way)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		ask((uint8_t)i, TYPE_A, false);
	answer(3);
	loop.now += 10 * CLOCK_SECOND;
	nticked = 0;
	/* One is to see whether there is any time. */
	ticks_max = 2;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
}

/* What the exchanges have left of a tick is nothing: nobody is looked at. */
Test(query, in_a_tick_that_is_over_nothing_is_done)
{
	ask(0, TYPE_A, false);
	answer(0);
	loop.now += 20 * CLOCK_SECOND;
	ticks_max = 0;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 0);
	ticks_max = 2;
	nticked = 0;
	cr_assert_not(query_tick());
	cr_assert_eq(nabandoned, 1);
}

Test(query, only_those_whose_time_is_up_end)
{
	ask(1, TYPE_A, false);
	loop.now += 1;
	ask(2, TYPE_A, false);
	answer(0);
	answer(1);
	loop.now += 10 * CLOCK_SECOND - 1;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
	loop.now += 1;
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 2);
}

Test(query, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		njoined = nsent = 0;
		for (i = 0; i < MAX; i++)
			ask((uint8_t)i, TYPE_A, false);
		cr_assert_eq(njoined, MAX);
		ask(99, TYPE_A, false);
		cr_assert_eq(njoined, MAX);
		cr_assert_eq(nsent, 1);
		cr_assert_str_eq(text, "too many requests in flight");
		for (i = 0; i < MAX; i++) {
			answer(i);
			if (round % 2 == 0)
				leaves();
		}
		loop.now += 10 * CLOCK_SECOND;
		cr_assert(!query_tick());
		cr_assert_eq(nplaces, 0);
	}
	cr_assert_eq(counters.overload, 10);
	cr_assert_eq(counters.queries, 10 * (MAX + 1));
}

/* --- all places are in use (D22) --- */

/* What client who has in flight is of these numbers. */
static void
fill(uint8_t who, unsigned int n)
{
	static uint8_t id;

	while (n-- > 0)
		ask_as(who, ++id, TYPE_A, false);
}

Test(query, the_oldest_of_the_largest_goes)
{
	share = MAX - 1;
	fill(2, 3);
	fill(3, 5);
	cr_assert_eq(njoined, MAX);
	cr_assert_eq(nleft + nsent, 0);
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(nleft, 1);
	cr_assert_eq(left[0], joined[3]);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 4);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "too many requests in flight");
	cr_assert_eq(counters.overload, 1);
	cr_assert_eq(nplaces, MAX);
	/* And the next one. */
	ask_as(5, 99, TYPE_A, false);
	cr_assert_eq(left[1], joined[4]);
	/* They have as many as the other one, which has them longer. */
	ask_as(6, 99, TYPE_A, false);
	cr_assert_eq(left[2], joined[0]);
	cr_assert_eq(nplaces, MAX);
}

Test(query, who_is_at_its_share_is_refused_first)
{
	share = 5;
	fill(2, 3);
	fill(3, 5);
	ask_as(3, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX);
	cr_assert_eq(nleft, 0);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 99);
	/* Others have room, which makes no difference. */
	waits->failed(joined[0], EDE_OTHER, "no answer");
	ask_as(3, 98, TYPE_A, false);
	cr_assert_eq(sent[1], 98);
	cr_assert_eq(njoined, MAX);
}

Test(query, ones_own_oldest_goes_if_that_is_the_largest)
{
	share = MAX - 1;
	fill(2, 3);
	fill(3, 5);
	ask_as(3, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(left[0], joined[3]);
	cr_assert_eq(quotas[3].places, 5);
	cr_assert_eq(quotas[3].requests.amount, 5);
}

/* What it waits for is let go of, whatever that is. */
Test(query, an_answer_that_waits_for_its_grants_goes)
{
	share = MAX - 1;
	fill(2, MAX - 1);
	fill(3, 1);
	answer(0);
	cr_assert_eq(nverdicts, 1);
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(nleft, 0);
	cr_assert_eq(sent[1], 1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	/* One whose answer is on its way to it. */
	joined[1]->exchange = NULL;
	ask_as(5, 99, TYPE_A, false);
	cr_assert_eq(left[0], joined[1]);
	cr_assert_eq(nplaces, MAX);
}

static void
answer_one(void)
{
	answer(0);
	leaves();
}

/* Answers that have come make room, and nobody has to go. */
Test(query, an_answer_that_is_there_makes_room)
{
	share = MAX - 1;
	fill(2, MAX - 1);
	fill(3, 1);
	on_take = answer_one;
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(nleft + nabandoned, 0);
	cr_assert_eq(counters.overload, 0);
}

/* Its client has closed its connection, or has it still. */
Test(query, over_tcp_it_is_the_same)
{
	unsigned int i;

	share = MAX - 1;
	for (i = 0; i < MAX; i++)
		ask_as((uint8_t)(2 + i / 5), (uint8_t)i, TYPE_A, true);
	joined[0]->request->from.conn = NULL;
	ask_as(4, 98, TYPE_A, true);
	cr_assert_eq(left[0], joined[0]);
	cr_assert_eq(nsent, 0);
	ask_as(4, 99, TYPE_A, true);
	cr_assert_eq(left[1], joined[1]);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(nplaces, MAX);
}

Test(query, many_go_and_no_place_is_lost)
{
	unsigned int i;

	share = MAX / 2;
	for (i = 0; i < 10 * MAX; i++)
		ask_as((uint8_t)i, (uint8_t)i, TYPE_A, false);
	cr_assert_eq(nplaces, MAX);
	cr_assert_eq(nleft, 9 * MAX);
	/* In the order in which they came: all have one each. */
	for (i = 0; i < nleft; i++)
		cr_assert_eq(left[i], joined[i], "%u", i);
	for (i = 9 * MAX; i < 10 * MAX; i++)
		waits->failed(joined[i], EDE_OTHER, "no answer");
	cr_assert_eq(nplaces, 0);
	cr_assert(!query_tick());
}

Test(query, one_that_comes_again_takes_no_place)
{
	ask(1, TYPE_A, false);
	ask(1, TYPE_A, false);
	cr_assert_eq(njoined, 1);
	cr_assert_eq(nagain, 1);
	answer(0);
	/* There is no exchange any more. */
	ask(1, TYPE_A, false);
	cr_assert_eq(nagain, 1);
	leaves();
	ask(1, TYPE_A, false);
	cr_assert_eq(njoined, 2);
}

Test(query, one_is_counted_once)
{
	ask(1, TYPE_A, true);
	ask(2, 16, true);
	acl.verdict = ACL_BLOCK;
	ask(3, TYPE_A, true);
	acl.verdict = ACL_LOCAL;
	ask(4, TYPE_A, true);
	cr_assert_eq(counters.queries, 4);
	cr_assert_eq(counters.bad, 1);
	cr_assert_eq(counters.refused, 2);
}

Test(query, zone_transfers_stay_here)
{
	acl.any = acl.resolve = true;
	ask(1, 252, true);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	ask(2, 251, true);
	cr_assert_eq(nsent, 2);
	cr_assert_eq(njoined, 0);
	ask(3, 250, true);
	ask(4, 253, true);
	cr_assert_eq(njoined, 2);
}

Test(query, who_has_left_gets_nothing)
{
	ask(1, TYPE_A, true);
	joined[0]->request->from.conn = NULL;
	answer(0);
	cr_assert_eq(nverdicts + nsent, 0);
	cr_assert_str_eq(text, "the client has left");
	cr_assert_eq(nplaces, 0);
	/* While grants are under way: its place is free in time. */
	ask(2, TYPE_A, true);
	answer(1);
	joined[1]->request->from.conn = NULL;
	loop.now += 10 * CLOCK_SECOND;
	cr_assert(!query_tick());
	cr_assert_eq(nplaces, 0);
	cr_assert_eq(nsent, 0);
}

Test(query, what_is_too_long_is_cut_and_not_granted)
{
	ask(1, TYPE_A, false);
	answer_of(0, 512);
	cr_assert_eq(nverdicts, 1);
	leaves();
	ask(2, TYPE_A, false);
	answer_of(1, 513);
	cr_assert_eq(nverdicts, 1);
	cr_assert(sent[2] & 2);
	ask(3, TYPE_A, true);
	answer_of(2, 513);
	cr_assert_eq(nverdicts, 2);
}

Test(query, without_a_port_the_answer_passes)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	answer(0);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 1);
	cr_assert_eq(nplaces, 0);
}

Test(query, an_upstream_that_fails_is_servfail)
{
	ask(1, TYPE_A, false);
	waits->failed(joined[0], EDE_NETWORK_ERROR, "no answer");
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_eq(nplaces, 0);
}
