/* What the policy can grant at all. */
#include "bounds.h"

#include <string.h>

/* All but the type. */
static int
bound_compare(const struct order_bound *a, const struct order_bound *b)
{
	return (memcmp((const uint8_t *)a + 1, (const uint8_t *)b + 1,
	    sizeof(*a) - 1));
}

int
bounds_add(struct bounds *b, const struct order_bound *bound)
{
	struct bounds_half *h = &b->halves[1 - b->now];

	if (h->n == ORDER_BOUNDS_MAX ||
	    (h->n > 0 && bound_compare(&h->at[h->n - 1], bound) >= 0))
		return (-1);
	h->prefixes[bound->family][bound->prefix] = true;
	h->at[h->n++] = *bound;
	return (0);
}

int
bounds_commit(struct bounds *b, uint32_t n)
{
	struct bounds_half *old = &b->halves[b->now];

	if (b->halves[1 - b->now].n != n)
		return (-1);
	b->now = 1 - b->now;
	old->n = 0;
	memset(old->prefixes, 0, sizeof(old->prefixes));
	return (0);
}

static bool
half_has(const struct bounds_half *h, const struct order_bound *bound)
{
	uint32_t low = 0, high = h->n, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = bound_compare(&h->at[middle], bound);
		if (order == 0)
			return (true);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (false);
}

bool
bounds_cover(const struct bounds *b, const struct order_grant *g)
{
	const struct bounds_half *h = &b->halves[b->now];
	struct order_bound bound = { .family = g->local == 1 ? 0 : g->family };
	struct addr client = { .family = bound.family };
	unsigned int prefix;

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	for (prefix = 129; prefix-- > 0;) {
		if (!h->prefixes[bound.family][prefix])
			continue;
		addr_mask(&client, prefix);
		memcpy(bound.base, client.bytes, sizeof(bound.base));
		bound.prefix = (uint8_t)prefix;
		bound.proto = g->proto;
		bound.port = g->port;
		if (half_has(h, &bound))
			return (true);
		/* Or it was coarsened. */
		bound.proto = 0;
		bound.port = 0;
		if (half_has(h, &bound))
			return (true);
	}
	return (false);
}
