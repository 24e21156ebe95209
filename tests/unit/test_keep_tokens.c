/* A worker's share of what the kernel is asked to do (P7): its exact limits. */
#include <criterion/criterion.h>

#include <stdint.h>

#include "clock.h"
#include "keep/tokens.h"
#include "msg.h"

static uint64_t now = 1000 * CLOCK_SECOND;

uint64_t __wrap_clock_now(void);

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

/* How many records of so many grants are taken until there is no token. */
static unsigned int
take_all(unsigned int worker, size_t grants)
{
	unsigned int n = 0;

	while (tokens_has(worker)) {
		tokens_take(worker, grants);
		cr_assert_lt(++n, 1000000);
	}
	return (n);
}

Test(keep_tokens, P7_a_burst_and_not_one_more)
{
	tokens_open(1, 1000, 50);
	cr_assert_eq(take_all(0, 0), 50);
	cr_assert_not(tokens_has(0));
}

Test(keep_tokens, P7_the_next_comes_in_its_time)
{
	tokens_open(1, 1000, 50);
	(void)take_all(0, 0);
	now += CLOCK_SECOND / 1000 - 1;
	cr_assert_not(tokens_has(0));
	now++;
	cr_assert_eq(take_all(0, 0), 1);
	now += 7 * (CLOCK_SECOND / 1000);
	cr_assert_eq(take_all(0, 0), 7);
}

Test(keep_tokens, P7_no_more_than_a_burst_is_saved)
{
	tokens_open(1, 1000, 50);
	(void)take_all(0, 0);
	now += 3600 * CLOCK_SECOND;
	cr_assert_eq(take_all(0, 0), 50);
}

/* Equal parts, and what one has taken is not missing to another. */
Test(keep_tokens, P7_each_has_its_part)
{
	tokens_open(4, 1000, 100);
	cr_assert_eq(take_all(2, 0), 25);
	cr_assert_eq(take_all(0, 0), 25);
	now += CLOCK_SECOND / 250;
	cr_assert_eq(take_all(2, 0), 1);
	cr_assert_eq(take_all(3, 0), 25);
}

/* 81,920 grants at once, in however few records; after a pause of 4 s, 5,000. */
Test(keep_tokens, P7_who_floods_is_shut_out_for_a_while)
{
	unsigned int i;

	tokens_open(2, 1000000, 1000000);
	cr_assert_eq(take_all(0, 64), 1280);
	cr_assert(tokens_has(1), "the other one is heard");
	for (i = 0; i < 3; i++) {
		now += 4 * CLOCK_SECOND - 1;
		cr_assert_not(tokens_has(0));
		now++;
		cr_assert_eq(take_all(0, 50), 100);
	}
}

/* 25,000 a second for ever, as no honest worker asks for. */
Test(keep_tokens, P7_grants_come_back_in_their_time)
{
	unsigned int i;

	tokens_open(1, 1000000, 1000000);
	tokens_take(0, 81919);
	for (i = 0; i < 100000; i++) {
		cr_assert(tokens_has(0));
		now += CLOCK_SECOND / 25000;
		tokens_take(0, 1);
	}
	cr_assert(tokens_has(0));
	tokens_take(0, 1);
	cr_assert_not(tokens_has(0));
}

/* What a worker allows itself never has it shut out, if it comes in heaps, too. */
Test(keep_tokens, P7_an_honest_worker_is_never_shut_out)
{
	unsigned int i;

	tokens_open(1, 1000000, 1000000);
	tokens_take(0, MSG_GRANTS_BURST);
	for (i = 0; i < 1000; i++) {
		now += CLOCK_SECOND / 2;
		tokens_take(0, MSG_GRANTS_RATE / 2);
		cr_assert(tokens_has(0));
	}
}
