/* Addresses that are never granted. */
#include "vet.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

#define V4(prefix, ...)	{ { ADDR_V4, { __VA_ARGS__ } }, prefix }
#define V6(prefix, ...)	{ { ADDR_V6, { __VA_ARGS__ } }, prefix }

static const struct addr_net reserved4[] = {
	V4(8, 0),		/* "this" network, RFC 791 */
	V4(8, 127),		/* loopback, RFC 1122 */
	V4(16, 169, 254),	/* link-local, RFC 3927 */
	V4(4, 224),		/* multicast, RFC 5771 */
	V4(4, 240),		/* reserved, and broadcast, RFC 1112 */
};
static const struct addr_net reserved6[] = {
	V6(128, 0),		/* unspecified, RFC 4291 */
	V6(128, [15] = 1),	/* loopback, RFC 4291 */
	V6(10, 0xfe, 0x80),	/* link-local, RFC 4291 */
	V6(8, 0xff),		/* multicast, RFC 4291 */
};

/* Where no packet can go, and what bits of a prefix mostly read as. */
static const struct addr_net never_a_host[] = { V4(8, 0), V4(4, 240) };

/* An IPv6 net whose addresses have the octets of an IPv4 address at these. */
struct form {
	struct addr_net	net;
	uint8_t		at[4];
	uint8_t		flip;		/* exclusive or of each octet */
};

static const struct form forms[] = {
	{ V6(96, 0), { 12, 13, 14, 15 }, 0 },
	{ V6(96, [10] = 0xff, 0xff), { 12, 13, 14, 15 }, 0 },
	{ V6(96, 0, 0x64, 0xff, 0x9b), { 12, 13, 14, 15 }, 0 },
	{ V6(16, 0x20, 0x02), { 2, 3, 4, 5 }, 0 },
	{ V6(32, 0x20, 0x01), { 4, 5, 6, 7 }, 0 },
	{ V6(32, 0x20, 0x01), { 12, 13, 14, 15 }, 0xff },
};

/* RFC 6052 2.2, for prefixes of 48, 56, 64, 96 bits; octet 8 stays empty. */
static const struct form local_forms[] = {
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), { 6, 7, 9, 10 }, 0 },
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), { 7, 9, 10, 11 }, 0 },
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), { 9, 10, 11, 12 }, 0 },
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), { 12, 13, 14, 15 }, 0 },
};

/* Eight octets, of which the first is the highest. */
static inline uint64_t
number_at(const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return (be64toh(n));
}

/* As addr_in_net(), for thousands of addresses of one answer. */
static inline bool
in_net(const struct addr *a, const struct addr_net *net)
{
	const uint8_t *b = net->base.bytes;
	uint64_t high = number_at(a->bytes) ^ number_at(b);
	uint64_t low = number_at(a->bytes + 8) ^ number_at(b + 8);

	if (a->family != net->base.family)
		return (false);
	if (net->prefix <= 64)
		return (net->prefix == 0 || high >> (64 - net->prefix) == 0);
	return (high == 0 && low >> (128 - net->prefix) == 0);
}

static inline bool
in_any(const struct addr *a, const struct addr_net *net, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (in_net(a, &net[i]))
			return (true);
	return (false);
}

/*
 * Of most addresses the first octets tell that they are in none of the networks
 * above: a long answer has thousands of them.
 */
static inline bool
is_plain(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == ADDR_V4)
		return (b[0] != 0 && b[0] != 127 && b[0] != 169 && b[0] < 224);
	/* 2000::/3 without Teredo and 6to4. */
	return (b[0] >> 5 == 1 && (b[0] != 0x20 || (b[1] != 0x02 &&
	    (b[1] != 0x01 || b[2] != 0 || b[3] != 0))));
}

static bool
is_allowed(const struct addr *a, const struct dns_vet *v)
{
	return (in_any(a, v->allow, v->nallow));
}

static bool
is_denied(const struct addr *a, const struct dns_vet *v)
{
	return (in_any(a, v->deny, v->ndeny));
}

static inline int
order(const struct addr *a, const struct addr *b)
{
	uint64_t x = a->family, y = b->family;

	if (x == y) {
		x = number_at(a->bytes);
		y = number_at(b->bytes);
	}
	if (x == y) {
		x = number_at(a->bytes + 8);
		y = number_at(b->bytes + 8);
	}
	return ((x > y) - (x < y));
}

int
dns_vet_order(const void *a, const void *b)
{
	return (order(a, b));
}

static inline bool
is_reserved(const struct addr *a)
{
	return (a->family == ADDR_V4 ?
	    in_any(a, reserved4, NITEMS(reserved4)) :
	    in_any(a, reserved6, NITEMS(reserved6)));
}

/* There may be thousands, which no answer is to multiply. */
static bool
is_own(const struct addr *a, const struct dns_vet *v)
{
	size_t low = 0, high = v->nown, middle;
	int o;

	while (low < high) {
		middle = low + (high - low) / 2;
		o = order(a, &v->own[middle]);
		if (o == 0)
			return (true);
		if (o < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return (false);
}

/* Without a look at what it may embed. */
static bool
is_bad(const struct addr *a, const struct dns_vet *v)
{
	return ((!is_plain(a) && is_reserved(a)) || is_denied(a, v) ||
	    is_own(a, v));
}

static bool
is_bad4(const struct addr *v4, const struct dns_vet *v)
{
	return (is_bad(v4, v) && !is_allowed(v4, v));
}

/* The IPv4 address inside a, if a has that form. */
static bool
embedded(const struct form *form, const struct addr *a, struct addr *v4)
{
	size_t i;

	if (!in_net(a, &form->net))
		return (false);
	*v4 = (struct addr){ .family = ADDR_V4 };
	for (i = 0; i < NITEMS(form->at); i++)
		v4->bytes[i] = a->bytes[form->at[i]] ^ form->flip;
	return (true);
}

static bool
embeds_bad(const struct addr *a, const struct dns_vet *v)
{
	struct addr v4;
	size_t i;

	for (i = 0; i < NITEMS(forms); i++)
		if (embedded(&forms[i], a, &v4) && is_bad4(&v4, v))
			return (true);
	return (false);
}

static bool
local_embeds_bad(const struct addr *a, const struct dns_vet *v)
{
	struct addr v4;
	size_t i, dead = 0;

	for (i = 0; i < NITEMS(local_forms); i++) {
		if (!embedded(&local_forms[i], a, &v4) || !is_bad4(&v4, v))
			continue;
		if (is_denied(&v4, v) ||
		    !in_any(&v4, never_a_host, NITEMS(never_a_host)))
			return (true);
		dead++;
	}
	return (dead == NITEMS(local_forms));
}

bool
dns_vet_forbidden(const struct addr *a, const struct dns_vet *v)
{
	if (a->family == ADDR_V4)
		return (is_bad4(a, v));
	if (a->family != ADDR_V6)
		return (true);
	return ((is_bad(a, v) || (!is_plain(a) &&
	    (embeds_bad(a, v) || local_embeds_bad(a, v)))) && !is_allowed(a, v));
}
