/*
 * A histogram of latencies: 64 buckets for each power of two, so that a
 * percentile is exact to 1.6 %.  Nanoseconds, up to 2^40 - 1 (18 minutes).
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS	6	/* of a value that are kept */
#define HISTOGRAM_SIZE	((40 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	uint64_t	count[HISTOGRAM_SIZE];
	uint64_t	total;
	uint64_t	max;
};

void	histogram_add(struct histogram *, uint64_t ns);

/* The value that a share (0 to 1) of all values does not exceed; 0 if empty. */
uint64_t histogram_quantile(const struct histogram *, double share);

#endif
