/*
 * What an evil keeper might send: structured and random records; and what is
 * never granted (G8), in other words than the helper's.
 */
#ifndef EVIL_H
#define EVIL_H

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "addrtext.h"
#include "order.h"
#include "rootlimits.h"
#include "stamps.h"

#define EVIL_LEFT_MAX	3600000	/* ms */

/* Few values, so that records are often right and limits often met. */
static const char *const some[] = { "10.0.0.2", "10.0.0.3", "10.0.1.2",
    "192.0.2.1", "127.0.0.1", "224.0.0.1", "20.1.2.3", "2001:db8::2",
    "2001:db8:0:1::2", "2a00::1", "fe80::1", "::ffff:127.0.0.1", "::1",
    "64:ff9b::7f00:1", "2002:7f00:1::1", "2a00:bad::1" };
static struct addr addresses[sizeof(some) / sizeof(some[0])];

static uint64_t dice = 88172645463325252ULL;

static inline uint32_t
roll(uint32_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return ((uint32_t)(dice >> 11) % sides);
}

static inline void
any_address(uint8_t family, uint8_t bytes[16])
{
	const struct addr *a;

	do {
		a = &addresses[roll(sizeof(some) / sizeof(some[0]))];
	} while (a->family != family && roll(500) != 0);
	memcpy(bytes, a->bytes, 16);
	/* Another one of the same network. */
	if (roll(2) == 0)
		bytes[addr_len(a->family) - 1] ^= (uint8_t)roll(256);
}

static inline void
any_grant(struct order_grant *g)
{
	static const uint16_t ports[] = { 443, 53, 443, 80, 443, 53 };
	static const uint32_t lefts[] = { 1, 1000, EVIL_LEFT_MAX, EVIL_LEFT_MAX + 1, 5,
	    UINT32_MAX };

	memset(g, 0, sizeof(*g));
	g->family = roll(2) == 0 ? ADDR_V4 : ADDR_V6;
	g->proto = roll(2) == 0 ? 6 : (uint8_t)(roll(50) == 0 ? roll(256) : 17);
	g->port = roll(50) == 0 ? 0 : ports[roll(6)];
	g->local = roll(4) == 0;
	g->seq = 5000 + roll(100);
	any_address(g->family, g->dst);
	if (g->local == 0)
		any_address(g->family, g->client);
	g->left = lefts[roll(6)];
	g->how = (uint8_t)roll(roll(8) == 0 ? roll(30) == 0 ? 8 : 4 : 1);
	memset(g->label, 'a', roll(300) == 0 ? roll(129) : 1 + roll(127));
}

/* Mostly what there is: sets, rules, listings, connections. */
static inline void
any_other(union order *o, uint8_t type)
{
	if (type == ORDER_MAKE && roll(2) == 0) {
		o->make.what = STAMP_RULE;
		o->make.sets = (uint8_t)roll(16);
		o->make.rules = (uint8_t)roll(16);
		o->make.position = roll(2) == 0 ? 0 : roll(64);
	} else if (type == ORDER_MAKE) {
		o->make.what = (uint8_t)(STAMPS_MAKE_FIRST + roll(
		    STAMPS_MAKE_LAST - STAMPS_MAKE_FIRST + 1));
		o->make.sub = (uint8_t)roll(4);
	} else if (type == ORDER_READ) {
		o->read.what = (uint8_t)(STAMPS_READ_FIRST + roll(
		    STAMPS_READ_LAST - STAMPS_READ_FIRST + 1));
		o->read.sub = (uint8_t)roll(4);
	} else {
		o->flow.family = roll(2) == 0 ? ADDR_V4 : ADDR_V6;
		o->flow.proto = roll(2) == 0 ? 6 : 17;
		o->flow.sport = (uint16_t)roll(65536);
		o->flow.dport = 443;
		o->flow.zone = (uint16_t)roll(3);
		any_address(o->flow.family, o->flow.src);
		any_address(o->flow.family, o->flow.dst);
	}
}

/* A record; returns its length. */
static inline size_t
any_record(uint8_t record[ORDER_SIZE_MAX])
{
	union order o;
	size_t i, n, size;
	uint8_t type = (uint8_t)(roll(30) == 0 ? roll(256) : roll(4) == 0 ?
	    1 + roll(6) : ORDER_ADD + roll(2));

	size = type >= 1 && type <= ORDER_COMMIT ? order_size(type) : 176;
	n = 1 + roll(roll(10) == 0 ? 64 : 3);
	for (i = 0; i < n; i++) {
		memset(&o, 0, sizeof(o));
		if (type <= ORDER_TEST) {
			any_grant(&o.grant);
			if (type != ORDER_ADD && roll(50) != 0) {
				o.grant.left = o.grant.how = 0;
				memset(o.grant.label, 0, ORDER_LABEL_SIZE);
			}
		} else if (type <= ORDER_FLOW && roll(2) == 0) {
			any_other(&o, type);
		} else {
			for (size_t b = 1; b < size; b++)
				((uint8_t *)&o)[b] = (uint8_t)(roll(2) == 0 ?
				    0 : roll(roll(2) == 0 ? 48 : 256));
			if (type == ORDER_MAKE && roll(4) != 0)
				memset(o.make.pad, 0, 7);
			if (type == ORDER_READ && roll(4) != 0)
				memset(o.read.name, 0, ORDER_NAME_SIZE);
		}
		o.type = (uint8_t)(roll(500) == 0 ? roll(12) : type);
		memcpy(record + i * size, &o, size);
	}
	/* A bit flips, or the end is missing. */
	if (roll(20) == 0)
		record[roll((uint32_t)(n * size))] ^= (uint8_t)(1 << roll(8));
	return (roll(100) == 0 ? 1 + roll((uint32_t)(n * size)) : n * size);
}

/* Where it starts: what it draws from, and root's limits. */
static inline void
evil_open(struct limits *l)
{
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		cr_assert_eq(addr_parse(some[i], strlen(some[i]),
		    &addresses[i]), 0);
	l->left_max = EVIL_LEFT_MAX;
	cr_assert_eq(addr_net_parse("20.0.0.0/8", 10, &l->denied[0]), 0);
	cr_assert_eq(addr_net_parse("2a00:bad::/32", 13, &l->denied[1]), 0);
	l->ndenied = 2;
	cr_assert_eq(addr_net_parse("10.0.0.0/16", 11, &l->clients[0]), 0);
	cr_assert_eq(addr_net_parse("2001:db8::/32", 13, &l->clients[1]), 0);
	l->nclients = 2;
}

/*
 * The policy: clients are 10.0.0.0/24 to TCP 443, 2001:db8::/64 to UDP 53; and
 * this host to both.
 */
static const struct order_bound evil_bounds[] = {
	{ ORDER_BOUND, 0, 0, 6, 443, 0, { 0 } },
	{ ORDER_BOUND, 0, 0, 17, 53, 0, { 0 } },
	{ ORDER_BOUND, ADDR_V4, 24, 6, 443, 0, { 10 } },
	{ ORDER_BOUND, ADDR_V6, 64, 17, 53, 0, { 0x20, 0x01, 0x0d, 0xb8 } }
};
#define EVIL_BOUNDS	(sizeof(evil_bounds) / sizeof(evil_bounds[0]))

/* G8 in other words, with --deny-answer 20.0.0.0/8 and 2a00:bad::/32. */
static inline bool
v4_never(const uint8_t a[4])
{
	return (a[0] == 0 || a[0] == 127 || a[0] >= 224 || a[0] == 20 ||
	    (a[0] == 169 && a[1] == 254));
}

static inline bool
v6_never(const uint8_t a[16])
{
	static const uint8_t zeros[12], mapped[12] = { [10] = 0xff, 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
	const uint8_t client[4] = { (uint8_t)~a[12], (uint8_t)~a[13],
	    (uint8_t)~a[14], (uint8_t)~a[15] };

	if (a[0] == 0xff || (a[0] == 0xfe && a[1] >> 6 == 2) ||
	    memcmp(a, "\x2a\0\x0b\xad", 4) == 0)
		return (true);
	if (memcmp(a, zeros, 12) == 0 || memcmp(a, mapped, 12) == 0 ||
	    memcmp(a, nat64, 12) == 0 ||
	    memcmp(a, "\0\x64\xff\x9b\0\1", 6) == 0)
		return (v4_never(a + 12));
	if (a[0] == 0x20 && a[1] == 2)
		return (v4_never(a + 2));
	return (memcmp(a, "\x20\1\0\0", 4) == 0 &&
	    (v4_never(a + 4) || v4_never(client)));
}

/* May a client, NULL for this host, be granted that of dst? */
static inline bool
evil_allows(size_t len, const uint8_t *client, unsigned int proto,
    unsigned int port, const uint8_t *dst)
{
	static const uint8_t v4_net[] = { 10, 0, 0 };
	static const uint8_t v6_net[] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0 };
	const bool v4 = len == 4;

	if (v4 ? v4_never(dst) : v6_never(dst))
		return (false);
	if (client == NULL)
		return ((proto == 6 && port == 443) ||
		    (proto == 17 && port == 53));
	return (v4 ? proto == 6 && port == 443 && memcmp(client, v4_net,
	    sizeof(v4_net)) == 0 : proto == 17 && port == 53 &&
	    memcmp(client, v6_net, sizeof(v6_net)) == 0);
}

#endif
