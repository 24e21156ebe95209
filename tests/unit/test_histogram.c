/* Histograms (U7): in which bucket what is counted. */
#include <criterion/criterion.h>

#include "histogram.h"

Test(histogram, U7_a_bound_belongs_to_its_bucket)
{
	struct histogram h = { 0 };
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		histogram_count(&h, 100, 100ULL << i);
		histogram_count(&h, 100, (100ULL << i) + 1);
		sum += 2 * (100ULL << i) + 1;
	}
	cr_assert_eq(h.sum, sum);
	cr_assert_eq(h.counts[0], 1);
	for (i = 1; i < HISTOGRAM_BOUNDS; i++)
		cr_assert_eq(h.counts[i], 2);
	cr_assert_eq(h.counts[HISTOGRAM_BOUNDS], 1);
}

Test(histogram, U7_the_least_and_the_most)
{
	struct histogram h = { 0 };

	histogram_count(&h, HISTOGRAM_UPSTREAM, 0);
	cr_assert_eq(h.counts[0], 1);
	histogram_count(&h, HISTOGRAM_UPSTREAM, UINT64_MAX);
	cr_assert_eq(h.counts[HISTOGRAM_BOUNDS], 1);
}
