/* Destinations that are never granted. */
#include "forbidden.h"

#include <string.h>

#include "own.h"

struct range {
	uint8_t	base[16];
	uint8_t	prefix;
};

static const struct range v4_ranges[] = {
	{ { 0 }, 8 },			/* 0.0.0.0/8, "this network" */
	{ { 127 }, 8 },			/* loopback */
	{ { 169, 254 }, 16 },		/* link-local */
	{ { 224 }, 4 },			/* multicast */
	{ { 240 }, 4 },			/* reserved, broadcast */
};

static const struct range v6_ranges[] = {
	{ { 0 }, 128 },			/* :: */
	{ { [15] = 1 }, 128 },		/* ::1 */
	{ { 0xfe, 0x80 }, 10 },		/* link-local */
	{ { 0xff }, 8 },		/* multicast */
};

/* IPv6 prefixes and where the IPv4 address inside begins. */
static const struct embedding {
	struct range	range;
	uint8_t		offset;
	uint8_t		invert;		/* Teredo's client is inverted */
} embeddings[] = {
	{ { { 0 }, 96 }, 12, 0 },				/* ::a.b.c.d */
	{ { { [10] = 0xff, 0xff }, 96 }, 12, 0 },		/* ::ffff:... */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12, 0 },		/* 64:ff9b:: */
	{ { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 }, 12, 0 },
	{ { { 0x20, 0x02 }, 16 }, 2, 0 },			/* 6to4 */
	{ { { 0x20, 0x01, 0x00, 0x00 }, 32 }, 4, 0 },		/* server */
	{ { { 0x20, 0x01, 0x00, 0x00 }, 32 }, 12, 0xff },	/* client */
};

static const struct addr_net *denied, *allowed;
static size_t ndenied, nallowed;

void
forbidden_networks(const struct addr_net *deny, size_t ndeny,
    const struct addr_net *allow, size_t nallow)
{
	denied = deny;
	ndenied = ndeny;
	allowed = allow;
	nallowed = nallow;
}

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

static bool
in_range(const struct addr *a, const struct range *r)
{
	struct addr_net net = { .base.family = a->family,
	    .prefix = r->prefix };

	memcpy(net.base.bytes, r->base, sizeof(net.base.bytes));
	return (addr_in_net(a, &net));
}

static bool
in_any(const struct addr *a, const struct range *ranges, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (in_range(a, &ranges[i]))
			return (true);
	}
	return (false);
}

/* An address as it stands, whatever may be inside. */
static bool
is_forbidden(const struct addr *a)
{
	if (in_nets(a, allowed, nallowed))
		return (false);
	return ((a->family == ADDR_V4 ?
	    in_any(a, v4_ranges, sizeof(v4_ranges) / sizeof(v4_ranges[0])) :
	    in_any(a, v6_ranges, sizeof(v6_ranges) / sizeof(v6_ranges[0]))) ||
	    own_has(a) || in_nets(a, denied, ndenied));
}

bool
forbidden_destination(const struct addr *dst)
{
	const struct embedding *e;
	struct addr inner;
	size_t i, b;

	if (is_forbidden(dst))
		return (true);
	if (dst->family == ADDR_V4 || in_nets(dst, allowed, nallowed))
		return (false);
	for (i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		e = &embeddings[i];
		if (!in_range(dst, &e->range))
			continue;
		memset(&inner, 0, sizeof(inner));
		inner.family = ADDR_V4;
		for (b = 0; b < 4; b++)
			inner.bytes[b] = dst->bytes[e->offset + b] ^ e->invert;
		if (is_forbidden(&inner))
			return (true);
	}
	return (false);
}
