/* The sums of what workers have counted (U6). */
#include <criterion/criterion.h>

#include <string.h>

#include "keep/counts.h"

Test(keep_counts, U6_each_field_is_summed_over_all_workers)
{
	const struct msg_counters one = { .type = MSG_COUNTERS, .silent = 1,
	    .counters = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 117, 118,
	    { 13, { [14] = 14 } }, { 15, { 16 } } } };
	const struct msg_counters other = { .type = MSG_COUNTERS, .silent = 4,
	    .counters = { 100, 100, 100, 100, 100, 100, 100, 100, 100, 100,
	    100, 100, 100, 100, { 100, { [14] = 100 } }, { 100, { 100 } } } };
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
	    sum.overload == 110 && sum.untold == 111 && sum.outside == 112 &&
	    sum.audited == 217 && sum.limited == 218);
	cr_assert(sum.decision.sum == 113 && sum.decision.counts[14] == 114 &&
	    sum.upstream.sum == 115 && sum.upstream.counts[0] == 116);
}

/* Who is in the wrong hands may say anything, and does not make others' less. */
Test(keep_counts, U7_no_number_of_a_worker_makes_a_sum_small)
{
	struct msg_counters most, honest = { .type = MSG_COUNTERS,
	    .counters.queries = 1000 };
	uint64_t buckets = 0;
	struct counters sum;
	unsigned int i;

	memset(&most, 0xff, sizeof(most));
	for (i = 1; i < MSG_WORKERS_MAX; i++)
		counts_take(i, &most);
	counts_take(0, &honest);
	(void)counts_sum(&sum);
	cr_assert_geq(sum.queries, UINT64_MAX / 32);
	cr_assert_geq(sum.decision.sum, UINT64_MAX / 32);
	/* Nor do buckets together. */
	for (i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		cr_assert_geq(buckets + sum.upstream.counts[i], buckets);
		buckets += sum.upstream.counts[i];
	}
}
