/* Tries beside others (D22), and what cannot be sent. */
#include "tries_rig.h"

/* --- all of those beside others are in use (D22) --- */

/* Exchanges of other clients, each with one try, and one beside it. */
static struct quota hoarders[2];
static struct exchange others[MAX / 4];

static void
begin_another(struct exchange *o, struct quota *q, unsigned int ntries)
{
	o->quota = q;
	TAILQ_INIT(&o->waiting);
	o->msg = question;
	o->len = LEN;
	tries_prepare(o);
	while (ntries-- > 0) {
		loop.now += CLOCK_SECOND;
		if (LIST_EMPTY(&o->tries))
			tries_begin(o);
		else
			tries_more(o);
	}
}

/* The place of the number-th, a time in each exchange. */
static void
fill_extras(unsigned int n, unsigned int first_of)
{
	unsigned int i;

	settings.config.max_connections = n;
	for (i = 0; i < n; i++)
		begin_another(&others[i], &hoarders[i >= first_of], 2);
	cr_assert_eq(hoarders[0].tries.amount, first_of);
	cr_assert_eq(hoarders[1].tries.amount, n - first_of);
}

Test(tries, the_oldest_of_the_largest_ends)
{
	begin();
	fill_extras(8, 3);
	/* Its first: of the second client's. */
	tries_more(&x);
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert_eq(hoarders[0].tries.amount, 3);
	cr_assert_eq(hoarders[1].tries.amount, 4);
	cr_assert(begun[1 + 2 * 3 + 1].ended);
	/* That exchange has its other one, which can be the answer. */
	cr_assert(!begun[1 + 2 * 3].ended);
	cr_assert_eq(LIST_FIRST(&others[3].tries), &begun[1 + 2 * 3].attempt);
	cr_assert_eq(nfailed + ndone, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	cr_assert_eq(ndone, 1);
	cr_assert_eq(quota.tries.amount, 0);
	cr_assert(begun[nbegun - 1].ended);
}

/* Its own client is the largest: the oldest of another exchange of that. */
Test(tries, ones_own_oldest_ends_if_that_is_the_largest)
{
	begin();
	x.quota = &hoarders[1];
	fill_extras(8, 3);
	tries_more(&x);
	cr_assert(begun[1 + 2 * 3 + 1].ended);
	cr_assert_eq(hoarders[1].tries.amount, 5);
	x.quota = &quota;
}

/* But none ends for one of the same question. */
Test(tries, none_ends_for_another_of_its_own)
{
	unsigned int i;

	settings.config.max_connections = 2;
	begin();
	for (i = 0; i < 4; i++) {
		loop.now += CLOCK_SECOND;
		tries_more(&x);
	}
	cr_assert_eq(nbegun, 3);
	cr_assert_eq(quota.tries.amount, 2);
	for (i = 0; i < 3; i++)
		cr_assert(!begun[i].ended);
}

/* The one that is left is beside nobody, whichever of the two that is. */
Test(tries, the_last_one_needs_no_share)
{
	unsigned int i, round;

	for (round = 0; round < 10; round++) {
		begin();
		for (i = 1; i < 3; i++) {
			loop.now += CLOCK_SECOND;
			tries_more(&x);
		}
		cr_assert_eq(quota.tries.amount, 2);
		events->failed(&begun[round % 3].attempt, WAY_LEFT);
		cr_assert_eq(quota.tries.amount, 1);
		events->failed(&begun[(round + 1) % 3].attempt, WAY_LEFT);
		cr_assert_eq(quota.tries.amount, 0);
		cr_assert_eq(nfailed, 0);
		cr_assert(answer((round + 2) % 3, RCODE_NOERROR, false));
		assert_over(1, 0);
	}
}

static struct request joiner = { .quota = &hoarders[0] };
static struct request first = { .quota = &quota };

/* The first client has no share left, and it bears it. */
Test(tries, who_waits_too_bears_it)
{
	struct waiter w[2] = { { .request = &first }, { .request = &joiner } };
	unsigned int i;

	TAILQ_INIT(&x.waiting);
	for (i = 0; i < 2; i++)
		TAILQ_INSERT_TAIL(&x.waiting, &w[i], link);
	begin();
	most_extra = 1;
	for (i = 0; i < 4; i++) {
		loop.now += CLOCK_SECOND;
		tries_more(&x);
	}
	cr_assert_eq(nbegun, 3);
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert_eq(hoarders[0].tries.amount, 1);
	/* It leaves, and then the other one. */
	tries_pass(&x, &hoarders[0], &quota);
	cr_assert_eq(quota.tries.amount, 2);
	cr_assert_eq(hoarders[0].tries.amount, 0);
	tries_pass(&x, &hoarders[0], &hoarders[1]);
	cr_assert_eq(quota.tries.amount, 2);
	tries_pass(&x, &quota, &hoarders[1]);
	cr_assert_eq(quota.tries.amount, 0);
	cr_assert_eq(hoarders[1].tries.amount, 2);
	cr_assert(answer(0, RCODE_NOERROR, false));
	cr_assert_eq(hoarders[1].tries.amount, 0);
	TAILQ_INIT(&x.waiting);
}

/* A refusal that is kept is a part of it. */
Test(tries, a_refusal_is_passed_on)
{
	init(2);
	begin();
	answer(0, RCODE_REFUSED, false);
	cr_assert_gt(quota.kept.amount, 0);
	tries_pass(&x, &quota, &hoarders[0]);
	cr_assert_eq(quota.kept.amount, 0);
	cr_assert_gt(hoarders[0].kept.amount, 0);
	answer(1, RCODE_SERVFAIL, false);
	assert_over(1, 0);
	cr_assert_eq(hoarders[0].kept.amount, 0);
}

static void
never(void *p, void *of)
{
	(void)p, (void)of;
	cr_assert(false);
}

/* Who needs the room gets it: then the end is without an answer. */
Test(tries, a_refusal_makes_room)
{
	static struct quota fillers[32];
	unsigned int i;

	init(2);
	begin();
	answer(0, RCODE_REFUSED, false);
	kept_alloc(&quota, KEPT_SHARE - quota.kept.amount, never, NULL);
	for (i = 0; i < 32; i++)
		cr_assert_not_null(kept_alloc(&fillers[i],
		    (KEPT_MAX - KEPT_SHARE) / 32, never, NULL));
	cr_assert_not_null(kept_alloc(&hoarders[0], 1, never, NULL));
	cr_assert_lt(quota.kept.amount, KEPT_SHARE);
	cr_assert_null(x.refusal);
	fail(1, WAY_NONE);
	assert_over(0, 1);
}

/* Nobody has to go for it. */
Test(tries, a_refusal_that_has_no_room_is_not_kept)
{
	static struct quota fillers[4];
	unsigned int i;

	init(2);
	for (i = 0; i < 4; i++)
		kept_alloc(&fillers[i], KEPT_SHARE, never, NULL);
	begin();
	answer(0, RCODE_REFUSED, false);
	cr_assert_null(x.refusal);
	fail(1, WAY_NONE);
	assert_over(0, 1);
}

/* --- what cannot be sent --- */

Test(tries, what_cannot_be_sent_is_sent_again_four_times)
{
	static const uint64_t times[] = { 100, 300, 700, 1500 };
	uint64_t start;
	unsigned int i;

	begin();
	start = loop.now;
	for (i = 0; i < 4; i++) {
		fail(i, WAY_UNSENT);
		assert_over(0, 0);
		at(start + times[i] * MS - 1);
		cr_assert_eq(nbegun, i + 1);
		at(start + times[i] * MS);
		cr_assert_eq(nbegun, i + 2);
	}
	fail(4, WAY_UNSENT);
	assert_over(0, 1);
	cr_assert_str_eq(why, "no upstream can be reached");
	cr_assert_eq(nsilent[0], 0);
}

Test(tries, without_a_way_it_is_the_same)
{
	uint64_t start;

	shut = 1;
	begin();
	start = loop.now;
	at(start + 100 * MS);
	at(start + 300 * MS);
	at(start + 700 * MS);
	assert_over(0, 0);
	at(start + 1500 * MS);
	assert_over(0, 1);
	assert_upstreams("");
}

Test(tries, the_way_is_there_again)
{
	shut = 1;
	begin_by(true, true);
	at(loop.now + 100 * MS);
	shut = 0;
	at(loop.now + 200 * MS);
	assert_upstreams("0");
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Eight upstreams, five times each. */
Test(tries, what_cannot_be_sent_is_none_of_the_sixteen)
{
	unsigned int i, n;

	init(8);
	begin();
	for (n = 1; n <= 4; n++) {
		for (i = nbegun - 1; i < 8 * n; i++)
			fail(i, WAY_UNSENT);
		assert_over(0, 0);
		at(loop.now + (50 * MS << n));
	}
	cr_assert_eq(nbegun, 33);
	cr_assert(answer(32, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* While one waits to be sent, others have their chance, and it can end. */
Test(tries, it_ends_while_something_is_to_be_sent_again)
{
	init(2);
	shut = 1;
	begin();
	assert_upstreams("1");
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	/* There is a way again, but nobody who waits for it. */
	shut = 0;
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("1");
	shut = 1;
	/* The lists are in order: another one in each. */
	begin();
	at(loop.now + 100 * MS);
	begin_by(false, false);
	assert_upstreams("1");
}

Test(tries, only_what_could_not_be_sent_is_sent_again)
{
	init(2);
	shut = 1;
	begin();
	shut = 0;
	at(loop.now + 100 * MS);
	assert_upstreams("10");
	at(loop.now + 200 * MS);
	assert_upstreams("10");
}
