/* What the policy can grant at all. */
#include "bounds.h"

#include <stdlib.h>
#include <string.h>

/* All but the type. */
static int
bound_compare(const void *a, const void *b)
{
	return (memcmp((const uint8_t *)a + 1, (const uint8_t *)b + 1,
	    sizeof(struct order_bound) - 1));
}

static bool
half_has(const struct bounds_half *h, const struct order_bound *bound)
{
	return (bsearch(bound, h->at, h->n, sizeof(*bound), bound_compare) != NULL);
}

bool
bounds_add(struct bounds *b, const struct order_bound *bound)
{
	struct bounds_half *h = &b->halves[1 - b->now];

	if (h->n == ORDER_BOUNDS_MAX || (h->n > 0 && bound_compare(&h->at[h->n - 1], bound) >= 0))
		return (false);
	h->prefixes[bound->family][bound->prefix] = true;
	h->at[h->n++] = *bound;
	return (true);
}

bool
bounds_commit(struct bounds *b, uint32_t n)
{
	struct bounds_half *old = &b->halves[b->now];

	if (b->halves[1 - b->now].n != n)
		return (false);
	b->now = 1 - b->now;
	old->n = 0;
	memset(old->prefixes, 0, sizeof(old->prefixes));
	return (true);
}

bool
bounds_cover(const struct bounds *b, const struct order_grant *g)
{
	const struct bounds_half *h = &b->halves[b->now];
	struct order_bound coarse, bound = { .family = g->local == 1 ? 0 : g->family,
	    .proto = g->proto, .port = g->port };
	struct addr client = { .family = bound.family };
	unsigned int prefix;

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	for (prefix = 8 * (unsigned int)addr_len(bound.family) + 1; prefix-- > 0;) {
		if (!h->prefixes[bound.family][prefix])
			continue;
		addr_mask(&client, prefix);
		memcpy(bound.base, client.bytes, sizeof(bound.base));
		bound.prefix = (uint8_t)prefix;
		coarse = bound;
		coarse.proto = 0;
		coarse.port = 0;
		if (half_has(h, &bound) || half_has(h, &coarse))
			return (true);
	}
	return (false);
}
