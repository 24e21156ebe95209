/* What root allows at all. */
#include "rootlimits.h"

#include <string.h>

static bool
in_nets(const struct addr *a, const struct addr_net *nets, size_t n)
{
	size_t i;

	for (i = 0; i < n && !addr_in_net(a, &nets[i]); i++)
		;
	return (i < n);
}

size_t
limits_embedded(const struct limits *l, const struct addr *a, struct addr out[LIMITS_EMBEDDED_MAX])
{
	const struct limits_embedding *e;
	size_t i, b, n = 0;

	for (i = 0; i < LIMITS_EMBEDDINGS && n < LIMITS_EMBEDDED_MAX; i++) {
		e = &l->embeddings[i];
		if (e->net.base.family != ADDR_V6 || !addr_in_net(a, &e->net))
			continue;
		out[n] = (struct addr){ .family = ADDR_V4 };
		for (b = 0; b < 4; b++)
			out[n].bytes[b] = a->bytes[(e->offset + b) % sizeof(a->bytes)] ^ e->invert;
		n++;
	}
	return (n);
}

bool
limits_forbid(const struct limits *l, const struct addr *dst)
{
	struct addr all[1 + LIMITS_EMBEDDED_MAX] = { *dst };
	size_t i, n = 1 + limits_embedded(l, dst, all + 1);

	/* Down to the address as it stands, which may be allowed with all inside. */
	for (i = n; i > 0; i--) {
		if (!in_nets(&all[i - 1], l->allowed, l->nallowed) &&
		    (in_nets(&all[i - 1], l->never, LIMITS_NEVER) ||
		    in_nets(&all[i - 1], l->denied, l->ndenied)))
			return (!in_nets(dst, l->allowed, l->nallowed));
	}
	return (false);
}

enum order_code
limits_check(const struct limits *l, const struct order_grant *g)
{
	struct addr client = { .family = g->family }, dst = client;

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	memcpy(dst.bytes, g->dst, sizeof(dst.bytes));
	if (limits_forbid(l, &dst))
		return (ORDER_FORBIDDEN);
	if (l->nclients > 0 && !(g->local == 1 ? l->local == 1 :
	    in_nets(&client, l->clients, l->nclients)))
		return (ORDER_OUTSIDE);
	return (g->left <= l->left_max ? ORDER_SENT : ORDER_TOO_LONG);
}
