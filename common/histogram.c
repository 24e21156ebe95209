/* How long something took, as a histogram. */
#include "histogram.h"

void
histogram_count(struct histogram *h, uint64_t first, uint64_t ns)
{
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BOUNDS && ns > first << i; i++)
		;
	h->counts[i]++;
	h->sum += ns;
}
