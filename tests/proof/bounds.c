/*
 * For Frama-C: bounds of the policy, any that were decoded, in any order and
 * number; and what they say of any grant that was.
 */
#include <stdlib.h>
#include <string.h>

#include "__fc_builtin.h"

#include "helper/bounds.h"

static struct bounds bounds;
static unsigned char record[sizeof(struct order_grant)];

/* Any of them, compared as any is. */
void *
bsearch(const void *key, const void *base, size_t n, size_t size,
    int (*compare)(const void *, const void *))
{
	const char *at;

	if (n == 0 || n > ORDER_BOUNDS_MAX)
		return (NULL);
	at = (const char *)base + (size_t)Frama_C_interval(0,
	    ORDER_BOUNDS_MAX - 1) * size;
	return (compare(key, at) == 0 ? (void *)(unsigned long)at : NULL);
}

static bool
decode(unsigned char type, union order *o)
{
	Frama_C_make_unknown((char *)record, sizeof(record));
	record[0] = type;
	return (order_decode(record, order_size(type), o) == ORDER_OK);
}

static void
try_one(unsigned int now)
{
	union order o;

	bounds.now = now;
	if (decode(ORDER_BOUND, &o))
		(void)bounds_add(&bounds, &o.bound);
	/*@ assert bounds.halves[0].n <= ORDER_BOUNDS_MAX &&
	    bounds.halves[1].n <= ORDER_BOUNDS_MAX; */
	if (decode(ORDER_ADD, &o)) {
		/* So that it is one number, how long an address is. */
		/*@ split o.grant.local; */
		/*@ split o.grant.family; */
		(void)bounds_cover(&bounds, &o.grant);
	}
	if (decode(ORDER_COMMIT, &o))
		(void)bounds_commit(&bounds, o.commit.bounds);
	/*@ assert bounds.now <= 1 && bounds.halves[0].n <= ORDER_BOUNDS_MAX &&
	    bounds.halves[1].n <= ORDER_BOUNDS_MAX; */
}

int
main(void)
{
	unsigned int i, half;

	for (half = 0; half < 2; half++) {
		bounds.halves[half].n = (uint32_t)Frama_C_interval(0,
		    ORDER_BOUNDS_MAX);
		Frama_C_make_unknown((char *)bounds.halves[half].at,
		    sizeof(bounds.halves[half].at));
		for (i = 0; i < 129 * 7; i++)
			bounds.halves[half].prefixes[i / 129][i % 129] =
			    Frama_C_interval(0, 1) == 1;
	}
	if (Frama_C_interval(0, 1) == 1)
		try_one(0);
	else
		try_one(1);
	return (0);
}
