/* What is wanted, put together. */
#include "needs.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a < b ? -1 : a > b);
}

static int
compare_things(const struct want *a, const struct want *b)
{
	uint32_t i;
	int rc;

	if ((rc = compare_numbers(b->nports > 0, a->nports > 0)) != 0 ||
	    (rc = compare_numbers(a->resolve, b->resolve)) != 0 ||
	    (rc = compare_numbers(a->unknown, b->unknown)) != 0 ||
	    (rc = compare_numbers(a->nports, b->nports)) != 0)
		return (rc);
	for (i = 0; i < a->nports; i++)
		if ((rc = compare_numbers(a->ports[i], b->ports[i])) != 0)
			return (rc);
	return (0);
}

/* Where the labels of the name are, from its first one on. */
static void
find_labels(const struct dns_name *name, const uint8_t *at[DNS_LABELS_MAX])
{
	const uint8_t *label = name->wire;
	size_t i;

	for (i = 0; i < name->labels; i++, label += label[0] + 1)
		at[i] = label;
}

/* As people read names: from the last label on. */
static int
compare_listed(const struct want *a, const struct want *b)
{
	const uint8_t *x[DNS_LABELS_MAX], *y[DNS_LABELS_MAX], *one, *other;
	size_t i = a->name.labels, k = b->name.labels, len;
	int rc;

	find_labels(&a->name, x);
	find_labels(&b->name, y);
	for (; i > 0 && k > 0; i--, k--) {
		one = x[i - 1];
		other = y[k - 1];
		len = one[0] < other[0] ? one[0] : other[0];
		if ((rc = memcmp(one + 1, other + 1, len)) != 0 ||
		    (rc = compare_numbers(one[0], other[0])) != 0)
			return (rc);
	}
	return (i != k ? compare_numbers(i, k) :
	    compare_numbers(a->wildcard, b->wildcard));
}

/* By name, then by what is wanted of it, then by who does. */
static int
compare_wants(const void *a, const void *b)
{
	const struct want *x = *(struct want *const *)a;
	const struct want *y = *(struct want *const *)b;
	int rc;

	if ((rc = compare_listed(x, y)) != 0 ||
	    (rc = compare_things(x, y)) != 0)
		return (rc);
	return (wants_compare_clients(x, y));
}

static int
compare_sets(const struct need *a, const struct need *b)
{
	size_t i;
	int rc;

	/* Those of the most clients first. */
	if ((rc = compare_numbers(b->n, a->n)) != 0)
		return (rc);
	for (i = 0; i < a->n; i++)
		if ((rc = wants_compare_clients(a->wants[i], b->wants[i])) != 0)
			return (rc);
	return (0);
}

static int
compare_needs(const void *a, const void *b)
{
	const struct need *x = a, *y = b;
	int rc;

	if ((rc = compare_sets(x, y)) != 0 ||
	    (rc = compare_things(x->wants[0], y->wants[0])) != 0)
		return (rc);
	return (compare_listed(x->wants[0], y->wants[0]));
}

bool
needs_same_clients(const struct need *a, const struct need *b)
{
	return (compare_sets(a, b) == 0);
}

bool
needs_same_things(const struct need *a, const struct need *b)
{
	return (compare_things(a->wants[0], b->wants[0]) == 0);
}

void
needs_make(struct needs *needs, const struct wants *w)
{
	struct need *last = NULL;
	size_t i;

	*needs = (struct needs){ .n = 0 };
	needs->sorted = calloc(w->n + 1, sizeof(*needs->sorted));
	needs->at = calloc(w->n + 1, sizeof(*needs->at));
	if (needs->sorted == NULL || needs->at == NULL)
		err(1, "calloc");
	if (w->n == 0)
		return;
	memcpy(needs->sorted, w->at, w->n * sizeof(*needs->sorted));
	qsort(needs->sorted, w->n, sizeof(*needs->sorted), compare_wants);
	for (i = 0; i < w->n; i++) {
		if (last == NULL ||
		    compare_listed(last->wants[0], needs->sorted[i]) != 0 ||
		    compare_things(last->wants[0], needs->sorted[i]) != 0) {
			last = &needs->at[needs->n++];
			last->wants = &needs->sorted[i];
		}
		last->n++;
	}
	qsort(needs->at, needs->n, sizeof(*needs->at), compare_needs);
}

void
needs_free(struct needs *needs)
{
	free(needs->sorted);
	free(needs->at);
}
