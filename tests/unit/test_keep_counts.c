/* The sums of what workers have counted (U6). */
#include <criterion/criterion.h>

#include "keep/counts.h"

Test(keep_counts, U6_each_field_is_summed_over_all_workers)
{
	const struct msg_counters one = { .type = MSG_COUNTERS, .silent = 1,
	    .counters = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } };
	const struct msg_counters other = { .type = MSG_COUNTERS, .silent = 4,
	    .counters = { 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
	    100, 100 } };
	struct counters sum;

	cr_assert_eq(counts_sum(&sum), 0);
	cr_assert_eq(sum.queries, 0);
	/* It is told what has been counted so far, not what is new. */
	counts_take(0, &other);
	counts_take(0, &one);
	counts_take(MSG_WORKERS_MAX - 1, &other);
	cr_assert_eq(counts_sum(&sum), 5);
	cr_assert(sum.queries == 101 && sum.refused == 102 && sum.bad == 103 &&
	    sum.exchanges == 104 && sum.shared == 105 && sum.junk == 106 &&
	    sum.timeouts == 107 && sum.grants == 108 && sum.known == 109 &&
	    sum.overload == 110 && sum.untold == 111 &&
	    sum.audited == 112);
}
