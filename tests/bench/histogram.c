/* A histogram of latencies. */
#include "histogram.h"

#define ONE	(1U << HISTOGRAM_BITS)

static unsigned int
bucket(uint64_t ns)
{
	unsigned int shift = 0;

	if (ns >> 40 != 0)
		return (HISTOGRAM_SIZE - 1);
	if (ns >= 2 * ONE)
		shift = (unsigned int)(63 - __builtin_clzll(ns)) -
		    HISTOGRAM_BITS;
	return ((unsigned int)(ns >> shift) + shift * ONE);
}

/* The largest value of a bucket. */
static uint64_t
limit(unsigned int i)
{
	unsigned int shift = i < 2 * ONE ? 0 : i / ONE - 1;

	return (((uint64_t)(i - shift * ONE + 1) << shift) - 1);
}

void
histogram_add(struct histogram *h, uint64_t ns)
{
	h->count[bucket(ns)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

uint64_t
histogram_quantile(const struct histogram *h, double share)
{
	double wanted = share * (double)h->total, seen = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_SIZE; i++) {
		seen += (double)h->count[i];
		if (h->count[i] != 0 && seen >= wanted)
			return (limit(i) < h->max ? limit(i) : h->max);
	}
	return (h->max);
}
