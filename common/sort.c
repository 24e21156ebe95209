/* Heapsort: in place, and as long as it takes for any input. */
#include "sort.h"

#include <stdint.h>

struct heap {
	uint8_t	*base;
	size_t	 size;			/* of an element */
	int	(*order)(const void *, const void *);
};

static void
swap(const struct heap *h, size_t a, size_t b)
{
	uint8_t *x = h->base + a * h->size, *y = h->base + b * h->size, octet;
	size_t i;

	for (i = 0; i < h->size; i++) {
		octet = x[i];
		x[i] = y[i];
		y[i] = octet;
	}
}

static int
compare(const struct heap *h, size_t a, size_t b)
{
	return (h->order(h->base + a * h->size, h->base + b * h->size));
}

/* What is below i is a heap already; then that from i on is one, up to n. */
static void
sift(const struct heap *h, size_t i, size_t n)
{
	size_t larger;

	while ((larger = 2 * i + 1) < n) {
		if (larger + 1 < n && compare(h, larger, larger + 1) < 0)
			larger++;
		if (compare(h, i, larger) >= 0)
			return;
		swap(h, i, larger);
		i = larger;
	}
}

void
sort(void *base, size_t n, size_t size, int (*order)(const void *, const void *))
{
	const struct heap h = { .base = base, .size = size, .order = order };
	size_t i;

	for (i = n / 2; i > 0; i--)
		sift(&h, i - 1, n);
	for (i = n; i > 1; i--) {
		swap(&h, 0, i - 1);
		sift(&h, 0, i - 1);
	}
}
