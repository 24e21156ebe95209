/* A worker's share of what the kernel is asked to do (P7): its exact limits. */
#include <criterion/criterion.h>

#include <stdint.h>

#include "clock.h"
#include "keep/tokens.h"

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

/* 20,000 grants at once, in however few records, and 100,000 a second. */
Test(keep_tokens, P7_grants_are_counted_too)
{
	tokens_open(1, 1000000, 1000000);
	cr_assert_eq(take_all(0, 50), 400);
	now += CLOCK_SECOND / 100000 - 1;
	cr_assert_not(tokens_has(0));
	now++;
	cr_assert(tokens_has(0));
	/* More than there are: then it takes the longer. */
	tokens_take(0, 100);
	now += 99 * (CLOCK_SECOND / 100000);
	cr_assert_not(tokens_has(0));
	now += CLOCK_SECOND / 100000;
	cr_assert(tokens_has(0));
}
