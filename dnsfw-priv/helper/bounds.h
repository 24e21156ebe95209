/*
 * What the policy can grant at all (P7): the triples of the compiler.  Two
 * sorted arrays: one is in force, the other grows until it takes its place.
 * Pure.
 */
#ifndef HELPER_BOUNDS_H
#define HELPER_BOUNDS_H

#include <stdbool.h>

#include "addr.h"
#include "order.h"

/* All zero: nothing can be granted. */
struct bounds {
	unsigned int	now;		/* 0 or 1: which is in force */
	struct bounds_half {
		uint32_t	n;
		bool		prefixes[ADDR_V6 + 1][129];	/* that occur */
		struct order_bound at[ORDER_BOUNDS_MAX];
	} halves[2];
};

/*
 * One more of those that grow, which was decoded.  Returns false if it does not
 * come after the one before, or if there are too many.
 */
bool	bounds_add(struct bounds *, const struct order_bound *);

/* Those are in force now.  Returns false if they are not that many. */
bool	bounds_commit(struct bounds *, uint32_t n);

/* Does one of those in force cover this grant, which was decoded? */
bool	bounds_cover(const struct bounds *, const struct order_grant *);

#endif
