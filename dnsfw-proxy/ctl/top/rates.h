/* What happened between two samples.  Pure. */
#ifndef TOP_RATES_H
#define TOP_RATES_H

#include "sample.h"

struct rates {
	bool		known;		/* else nothing else counts */
	uint64_t	ns;		/* between them; not 0 */
	struct counters	counters;	/* so many more */
	uint64_t	results[RESULT_COUNT];
	uint64_t	transactions, repairs;
	struct histogram kernel;	/* of the transactions */
};

/*
 * They are known if both are there, and of one run of dnsfw: nothing that it counts
 * became less.
 */
void	rates_between(const struct sample *before, const struct sample *now,
	    struct rates *out);

#endif
