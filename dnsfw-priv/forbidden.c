/* Destinations that are never granted. */
#include "forbidden.h"

#include <string.h>

#include "own.h"

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

/* An address as it stands, whatever may be inside. */
static bool
is_forbidden(const struct addr *a)
{
	return (!in_nets(a, allowed, nallowed) &&
	    (in_nets(a, never, sizeof(never) / sizeof(never[0])) ||
	    own_has(a) || in_nets(a, denied, ndenied)));
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
		if (!addr_in_net(dst, &e->net))
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
