/* What root allows at all. */
#include "rootlimits.h"

#include <string.h>

#define V4(n, ...)	{ { ADDR_V4, { __VA_ARGS__ } }, (n) }
#define V6(n, ...)	{ { ADDR_V6, { __VA_ARGS__ } }, (n) }

static const struct addr_net never[] = {
	V4(8, 0),			/* 0.0.0.0/8, "this network" */
	V4(8, 127),			/* loopback */
	V4(16, 169, 254),		/* link-local */
	V4(4, 224),			/* multicast */
	V4(4, 240),			/* reserved, broadcast */
	V6(128, 0),			/* :: */
	V6(128, [15] = 1),		/* ::1 */
	V6(10, 0xfe, 0x80),		/* link-local */
	V6(8, 0xff),			/* multicast */
};

/* IPv6 prefixes and where the IPv4 address inside begins. */
static const struct embedding {
	struct addr_net	net;
	uint8_t		offset;
	uint8_t		invert;		/* Teredo's client is inverted */
} embeddings[] = {
	{ V6(96, 0), 12, 0 },				/* ::a.b.c.d */
	{ V6(96, [10] = 0xff, 0xff), 12, 0 },		/* ::ffff:... */
	{ V6(96, 0x00, 0x64, 0xff, 0x9b), 12, 0 },	/* 64:ff9b:: */
	{ V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), 12, 0 },
	{ V6(16, 0x20, 0x02), 2, 0 },			/* 6to4 */
	{ V6(32, 0x20, 0x01, 0x00, 0x00), 4, 0 },	/* server */
	{ V6(32, 0x20, 0x01, 0x00, 0x00), 12, 0xff },	/* client */
};

static bool
in_nets(const struct addr *a, const struct addr_net *nets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (addr_in_net(a, &nets[i]))
			return (true);
	}
	return (false);
}

size_t
limits_embedded(const struct addr *a, struct addr out[LIMITS_EMBEDDED_MAX])
{
	const struct embedding *e;
	size_t i, b, n = 0;

	for (i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		e = &embeddings[i];
		if (n == LIMITS_EMBEDDED_MAX || !addr_in_net(a, &e->net))
			continue;
		out[n] = (struct addr){ .family = ADDR_V4 };
		for (b = 0; b < 4; b++)
			out[n].bytes[b] = a->bytes[e->offset + b] ^ e->invert;
		n++;
	}
	return (n);
}

/* An address as it stands, whatever may be inside. */
static bool
stands_forbidden(const struct limits *l, const struct addr *a)
{
	return (!in_nets(a, l->allowed, l->nallowed) &&
	    (in_nets(a, never, sizeof(never) / sizeof(never[0])) ||
	    in_nets(a, l->denied, l->ndenied)));
}

bool
limits_forbid(const struct limits *l, const struct addr *dst)
{
	struct addr inner[LIMITS_EMBEDDED_MAX];
	size_t i, n;

	if (stands_forbidden(l, dst))
		return (true);
	if (in_nets(dst, l->allowed, l->nallowed))
		return (false);
	n = limits_embedded(dst, inner);
	for (i = 0; i < n; i++) {
		if (stands_forbidden(l, &inner[i]))
			return (true);
	}
	return (false);
}

static bool
is_client(const struct limits *l, const struct order_grant *g)
{
	struct addr client = { .family = g->family };

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	return (l->nclients == 0 || (g->local == 1 ? l->local == 1 :
	    in_nets(&client, l->clients, l->nclients)));
}

enum order_code
limits_check(const struct limits *l, const struct order_grant *g)
{
	struct addr dst = { .family = g->family };

	memcpy(dst.bytes, g->dst, sizeof(dst.bytes));
	if (limits_forbid(l, &dst))
		return (ORDER_FORBIDDEN);
	if (!is_client(l, g))
		return (ORDER_OUTSIDE);
	return (g->left <= l->left_max ? ORDER_SENT : ORDER_TOO_LONG);
}
