/* Whom an exchange asks, and when (D6), with ways that only take note. */
#include "tries_rig.h"

/* --- answers --- */

Test(tries, an_answer_ends_all)
{
	init(3);
	begin();
	at(loop.now + CLOCK_SECOND);
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("012");
	cr_assert(answer(1, RCODE_NXDOMAIN, false));
	assert_over(1, 0);
	cr_assert_eq(who, 1);
	cr_assert_eq(rcode, RCODE_NXDOMAIN);
	cr_assert_eq(nanswered[1], 1);
	at(loop.now + 100 * CLOCK_SECOND);
	assert_upstreams("012");
}

Test(tries, what_does_not_match_is_passed_over)
{
	uint8_t msg[LEN];

	begin();
	memcpy(msg, question, LEN);
	cr_assert(!arrive(0, msg, LEN));
	cr_assert(!arrive(0, msg, 0));
	cr_assert_eq(counters.junk, 2);
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Over UDP it may be forged, with the true one behind it. */
Test(tries, a_broken_answer_by_udp_ends_nothing)
{
	init(2);
	begin();
	cr_assert(!answer(0, RCODE_NOERROR, true));
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(!answer(1, RCODE_NOERROR, true));
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	cr_assert_eq(who, 0);
}

Test(tries, a_broken_answer_by_tcp_is_the_answer)
{
	init(2);
	begin_by(true, true);
	cr_assert(answer(0, RCODE_NOERROR, true));
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(answer(1, RCODE_NOERROR, true));
	assert_over(0, 1);
}

Test(tries, a_broken_answer_is_the_reason_in_the_end)
{
	begin();
	cr_assert(!answer(0, RCODE_NOERROR, true));
	tries_expire(&x);
	assert_over(0, 1);
	cr_assert_str_eq(why, x.broken);
}

Test(tries, a_refusal_is_kept_until_all_have_refused)
{
	init(3);
	begin();
	cr_assert(answer(0, RCODE_SERVFAIL, false));
	cr_assert(answer(1, RCODE_REFUSED, false));
	assert_upstreams("012");
	assert_over(0, 0);
	fail(2, WAY_NONE);
	assert_over(1, 0);
	cr_assert_eq(who, 1);
	cr_assert_eq(rcode, RCODE_REFUSED);
}

Test(tries, the_last_refusal_is_the_answer_when_the_time_is_up)
{
	init(2);
	begin();
	cr_assert(answer(0, RCODE_NOTIMP, false));
	tries_expire(&x);
	assert_over(1, 0);
	cr_assert_eq(rcode, RCODE_NOTIMP);
}

/* --- steps --- */

Test(tries, the_next_is_asked_after_a_second_and_not_before)
{
	uint64_t start;

	init(2);
	begin();
	start = loop.now;
	at(start + CLOCK_SECOND - 1);
	assert_upstreams("0");
	at(start + CLOCK_SECOND);
	assert_upstreams("01");
	cr_assert_eq(nsilent[0], 1);
	/* There is nobody else. */
	at(start + 9 * CLOCK_SECOND);
	assert_upstreams("01");
}

Test(tries, all_have_their_step_before_the_time_is_up)
{
	uint64_t start;

	settings.timeout = 4 * CLOCK_SECOND;
	nupstreams = 7;
	settings.config.max_connections = MAX;
	kept_init();
	tries_init(&exchanges);
	begin();
	start = loop.now;
	at(start + CLOCK_SECOND / 2 - 1);
	assert_upstreams("0");
	at(start + CLOCK_SECOND / 2);
	assert_upstreams("01");
}

Test(tries, one_that_is_looked_at_is_not_alone)
{
	init(3);
	probed = 1;
	begin();
	assert_upstreams("01");
}

/* Silent is who has had its time, once; not who was asked just now. */
Test(tries, silence_is_of_the_newest)
{
	init(2);
	begin();
	at(loop.now + CLOCK_SECOND);
	cr_assert_eq(nsilent[0], 1);
	at(loop.now + CLOCK_SECOND);
	tries_expire(&x);
	cr_assert_eq(nsilent[0], 1);
	cr_assert_eq(nsilent[1], 1);
	assert_over(0, 1);
}

Test(tries, a_refusal_gives_the_next_a_whole_step)
{
	uint64_t start;

	init(3);
	begin();
	start = loop.now;
	at(start + 900 * MS);
	answer(0, RCODE_REFUSED, false);
	assert_upstreams("01");
	at(start + CLOCK_SECOND);
	assert_upstreams("01");
	at(start + 1900 * MS);
	assert_upstreams("012");
}

/* --- patience --- */

Test(tries, who_asks_again_starts_a_try_after_half_a_second)
{
	uint64_t start;

	begin();
	start = loop.now;
	loop.now = start + CLOCK_SECOND / 2 - 1;
	tries_more(&x);
	assert_upstreams("0");
	loop.now++;
	tries_more(&x);
	assert_upstreams("00");
	tries_more(&x);
	assert_upstreams("00");
}

Test(tries, sixteen_and_no_more)
{
	unsigned int i;

	init(2);
	begin();
	for (i = 0; i < 100; i++) {
		loop.now += CLOCK_SECOND / 2;
		tries_more(&x);
	}
	assert_upstreams("0101010101010101");
	for (i = 0; i < 15; i++)
		fail(i, WAY_NONE);
	assert_over(0, 0);
	fail(15, WAY_NONE);
	assert_over(0, 1);
}

/* Only beside another one it counts, and there may be none. */
Test(tries, a_client_at_its_share_has_one_at_a_time)
{
	init(3);
	most_extra = 1;
	begin();
	cr_assert_eq(quota.tries.amount, 0);
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("01");
	cr_assert_eq(quota.tries.amount, 1);
	at(loop.now + CLOCK_SECOND);
	tries_more(&x);
	events->doubted(&begun[1].attempt);
	assert_upstreams("01");
	/* One is over, so there is room. */
	fail(1, WAY_NONE);
	assert_upstreams("012");
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Who is asked after another has failed is beside nobody. */
Test(tries, one_after_the_other_needs_no_share)
{
	init(3);
	most_extra = 0;
	begin();
	fail(0, WAY_NONE);
	fail(1, WAY_NONE);
	assert_upstreams("012");
	cr_assert(answer(2, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* --- doubts --- */

Test(tries, a_doubt_lets_the_next_be_asked_and_ends_nothing)
{
	unsigned int i;

	init(2);
	begin();
	for (i = 0; i < 10; i++)
		events->doubted(&begun[0].attempt);
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	cr_assert_eq(who, 0);
	cr_assert_eq(nsilent[0], 0);
}

Test(tries, a_doubt_about_the_only_one_changes_nothing)
{
	begin();
	events->doubted(&begun[0].attempt);
	at(loop.now + 9 * CLOCK_SECOND);
	assert_upstreams("0");
	assert_over(0, 0);
}

/* --- broken ways --- */

Test(tries, a_failure_is_the_end_if_there_is_nobody_else)
{
	begin();
	fail(0, WAY_NONE);
	assert_over(0, 1);
}

Test(tries, two_broken_connections_and_it_goes_by_udp)
{
	begin_by(true, false);
	fail(0, WAY_SENT);
	cr_assert(begun[1].tcp);
	fail(1, WAY_SENT);
	cr_assert(!begun[2].tcp);
	assert_upstreams("000");
	fail(2, WAY_NONE);
	assert_over(0, 1);
}

Test(tries, for_a_client_over_tcp_it_becomes_suspect)
{
	begin_by(true, true);
	fail(0, WAY_ANSWERED);
	cr_assert(!begun[1].suspect);
	fail(1, WAY_ANSWERED);
	cr_assert(begun[2].suspect);
	cr_assert(begun[2].tcp);
}

/* A way that took questions, broke, and from then on is shut by this host. */
Test(tries, what_cannot_be_sent_by_tcp_is_not_sent_for_ever)
{
	unsigned int i;

	begin_by(true, true);
	fail(0, WAY_SENT);
	for (i = 1; i < MAX && ndone + nfailed == 0; i++) {
		fail(nbegun - 1, WAY_UNSENT);
		at(loop.now + CLOCK_SECOND);
	}
	assert_over(0, 1);
	/* One more than one that broke, and four times again. */
	assert_upstreams("000000");
}

Test(tries, nobody_there_by_tcp_is_the_end_after_one_more)
{
	begin_by(true, true);
	fail(0, WAY_NONE);
	fail(1, WAY_NONE);
	assert_over(0, 1);
	assert_upstreams("00");
}

Test(tries, what_is_left_goes_on_beside_another)
{
	begin_by(true, true);
	events->left(&begun[0].attempt);
	assert_upstreams("00");
	fail(0, WAY_LEFT);
	assert_over(0, 0);
	cr_assert(answer(1, RCODE_NOERROR, false));
	assert_over(1, 0);
}
