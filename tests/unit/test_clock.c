/* The one clock. */
#include <criterion/criterion.h>

#include <time.h>

#include "clock.h"

static uint64_t
boottime(void)
{
	struct timespec ts;

	cr_assert_eq(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

Test(clock, is_boottime_in_nanoseconds)
{
	uint64_t before, now, after;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		before = boottime();
		now = clock_now();
		after = boottime();
		cr_assert_leq(before, now);
		cr_assert_leq(now, after);
	}
	cr_assert_eq(CLOCK_SECOND, 1000000000);
}
