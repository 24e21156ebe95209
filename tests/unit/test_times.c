/* How long decisions take (U7): which are measured, and as what they count. */
#include <criterion/criterion.h>

#include "clock.h"
#include "serve/counters.h"
#include "serve/times.h"

struct counters counters;

static uint64_t now = 1000;
static unsigned int looks;		/* at the clock */

uint64_t __wrap_clock_now(void);

uint64_t
__wrap_clock_now(void)
{
	looks++;
	return (now);
}

/* A decision that takes so many ns. */
static void
decide(uint64_t ns)
{
	uint64_t begin = times_begin();

	now += ns;
	times_decided(begin);
}

Test(times, U7_the_first_is_measured_and_then_one_in_so_many)
{
	unsigned int i;

	decide(900);
	cr_assert_eq(looks, 2);
	cr_assert(counters.decision.sum == 900 &&
	    counters.decision.counts[3] == 1);
	for (i = 1; i < TIMES_EVERY; i++)
		decide(100000);
	/* The others do not even look at the clock. */
	cr_assert_eq(looks, 2);
	cr_assert_eq(counters.decision.sum, 900);
	decide(125);
	cr_assert_eq(looks, 4);
	cr_assert(counters.decision.sum == 1025 &&
	    counters.decision.counts[0] == 1);
}
