/* Sorting in place, beside qsort(3). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "sort.h"

#define MAX	3000U
#define EACH	17U			/* octets, at odd places */

static uint8_t ours[MAX * EACH + 1], theirs[MAX * EACH + 1];
static size_t each;

static int
by_octets(const void *a, const void *b)
{
	return (memcmp(a, b, each));
}

/* n elements of size octets, each octet one of values. */
static void
fill(size_t n, unsigned int values)
{
	size_t i;

	for (i = 0; i < n * each; i++)
		ours[i] = theirs[i] = (uint8_t)((unsigned int)rand() % values);
	ours[i] = theirs[i] = 0;		/* nobody's */
}

static void
check(size_t n)
{
	sort(ours, n, each, by_octets);
	qsort(theirs, n, each, by_octets);
	cr_assert_eq(memcmp(ours, theirs, n * each + 1), 0, "%zu of %zu", n,
	    each);
}

/* Few values have many that are equal. */
Test(sort, any_number_of_them)
{
	static const size_t sizes[] = { 1, 2, 8, EACH };
	size_t i, n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		each = sizes[i];
		for (n = 0; n < 200; n++) {
			fill(n, 256);
			check(n);
			fill(n, 2);
			check(n);
		}
		fill(MAX, 256);
		check(MAX);
		/* In order already. */
		check(MAX);
	}
}

/* None are looked at where none are. */
Test(sort, nothing)
{
	each = 1;
	sort(NULL, 0, each, by_octets);
}

static int
downwards(const void *a, const void *b)
{
	return (-memcmp(a, b, each));
}

Test(sort, the_other_way_round)
{
	size_t i;

	each = 1;
	fill(MAX, 256);
	sort(ours, MAX, each, downwards);
	for (i = 1; i < MAX; i++)
		cr_assert_leq(ours[i], ours[i - 1]);
}
