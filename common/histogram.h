/*
 * How long something took, as a histogram: buckets of fixed bounds, each twice the
 * one before.  Pure.
 */
#ifndef COMMON_HISTOGRAM_H
#define COMMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS	14

/* The first bound of each, ns; the last one is 8,192 times that. */
#define HISTOGRAM_DECISION	125U		/* to 1.024 ms */
#define HISTOGRAM_UPSTREAM	500000U		/* to 4.096 s */
#define HISTOGRAM_KERNEL	25000U		/* to 204.8 ms */

struct histogram {
	uint64_t	sum;		/* ns */
	/* Of those not above bound i, and above the one before; the rest. */
	uint64_t	counts[HISTOGRAM_BOUNDS + 1];
};

/* One that took so many ns; first is that of the histogram. */
void	histogram_count(struct histogram *, uint64_t first, uint64_t ns);

#endif
