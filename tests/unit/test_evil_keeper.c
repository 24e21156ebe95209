/*
 * Whatever an evil keeper sends (P7): structured and random records.  What would
 * go to the kernel is nothing but stamps, within the limits, which are judged
 * here in other words.  DNSFW_EVIL has another number of records.
 */
#include "act_rig.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "addrtext.h"

#define EVIL_DEFAULT	300000

/* Few values, so that records are often right and limits often met. */
static const char *const some[] = { "10.0.0.2", "10.0.0.3", "10.0.1.2",
    "192.0.2.1", "127.0.0.1", "224.0.0.1", "20.1.2.3", "2001:db8::2",
    "2001:db8:0:1::2", "2a00::1", "fe80::1", "::ffff:127.0.0.1", "::1",
    "64:ff9b::7f00:1", "2002:7f00:1::1", "2a00:bad::1" };
static struct addr addresses[sizeof(some) / sizeof(some[0])];

static uint64_t dice = 88172645463325252ULL;

static uint32_t
roll(uint32_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return ((uint32_t)(dice >> 11) % sides);
}

static void
any_address(uint8_t family, uint8_t bytes[16])
{
	const struct addr *a;

	do {
		a = &addresses[roll(sizeof(some) / sizeof(some[0]))];
	} while (a->family != family && roll(500) != 0);
	memcpy(bytes, a->bytes, 16);
}

static void
any_grant(struct order_grant *g)
{
	static const uint16_t ports[] = { 443, 53, 443, 80, 443, 53 };
	static const uint32_t lefts[] = { 1, 1000, LEFT_MAX, LEFT_MAX + 1, 5,
	    UINT32_MAX };

	memset(g, 0, sizeof(*g));
	g->family = roll(2) == 0 ? ADDR_V4 : ADDR_V6;
	g->proto = roll(2) == 0 ? 6 : (uint8_t)(roll(50) == 0 ? roll(256) : 17);
	g->port = roll(50) == 0 ? 0 : ports[roll(6)];
	g->local = roll(4) == 0;
	g->seq = SEQ + roll(100);
	any_address(g->family, g->dst);
	if (g->local == 0)
		any_address(g->family, g->client);
	g->left = lefts[roll(6)];
	g->how = (uint8_t)roll(roll(8) == 0 ? roll(30) == 0 ? 8 : 4 : 1);
	memset(g->label, 'a', roll(300) == 0 ? roll(129) : 1 + roll(127));
}

/* A record; returns its length. */
static size_t
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

/* G8 in other words, with --deny-answer 20.0.0.0/8 and 2a00:bad::/32. */
static bool
v4_never(const uint8_t a[4])
{
	return (a[0] == 0 || a[0] == 127 || a[0] >= 224 || a[0] == 20 ||
	    (a[0] == 169 && a[1] == 254));
}

static bool
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

/*
 * The same limits in other words: what may be in a message that adds.  Clients
 * are 10.0.0.0/24 to TCP 443, 2001:db8::/64 to UDP 53; and this host to both.
 */
static void
judge_add(const uint8_t *m, const struct stamp *s, size_t kind)
{
	static const uint8_t v6_net[8] = { 0x20, 0x01, 0x0d, 0xb8 };
	const size_t len = kind < 2 ? 4 : 16;
	const uint8_t *dst = m + s->holes[HOLE_DST];
	const uint8_t *client = m + s->holes[HOLE_CLIENT];
	const uint8_t proto = m[s->holes[HOLE_PROTO]];
	const int port = m[s->holes[HOLE_PORT]] << 8 |
	    m[s->holes[HOLE_PORT] + 1];
	uint32_t seconds;
	uint64_t ms;

	cr_assert_not(len == 4 ? v4_never(dst) : v6_never(dst),
	    "%02x%02x:%02x%02x", dst[0], dst[1], dst[2], dst[3]);
	cr_assert((proto == 6 && port == 443) || (proto == 17 && port == 53),
	    "%d %d", proto, port);
	if (kind % 2 == 0) {
		cr_assert_eq(memcmp(client, len == 4 ?
		    (const void *)"\x0a\0\0" : v6_net, len == 4 ? 3 : 8), 0);
		cr_assert_eq(proto, len == 4 ? 6 : 17);
	}
	if (s->holes[HOLE_SECONDS] != 0) {
		memcpy(&seconds, m + s->holes[HOLE_SECONDS], 4);
		cr_assert(ntohl(seconds) >= 1 &&
		    ntohl(seconds) <= LEFT_MAX / 1000);
	} else {
		memcpy(&ms, m + s->holes[HOLE_MS], 8);
		cr_assert(be64toh(ms) >= 1 && be64toh(ms) <= LEFT_MAX);
	}
	cr_assert_eq(m[s->holes[HOLE_LABEL] + ORDER_LABEL_SIZE - 1], 0);
	cr_assert_neq(m[s->holes[HOLE_LABEL]], 0);
}

/* To delete, an element is added for a moment: without a name, in one batch. */
static bool
is_for_removal(size_t i, const struct stamp *s, size_t kind)
{
	const uint8_t *m = (const void *)message(i), *next;
	const struct stamp *del = &stamps.at[STAMP_DEL][kind];
	const size_t len = (kind < 2 ? 4U : 16U) * (kind % 2 == 0 ? 2U : 1U) + 8;
	const enum stamps_hole key = kind % 2 == 0 ? HOLE_CLIENT : HOLE_PROTO;

	if (m[s->holes[HOLE_LABEL]] != 0)
		return (false);
	next = (const void *)message(i + 1);
	cr_assert(is_stamp((const void *)next, STAMP_DEL, kind));
	cr_assert_eq(memcmp(m + s->holes[key], next + del->holes[key], len), 0);
	return (true);
}

static void
judge_message(size_t i)
{
	static const enum stamps_id adds[] = { STAMP_ADD, STAMP_ADD_EXCL,
	    STAMP_ADD_SPARE };
	const uint8_t *m = (const void *)message(i);
	size_t id, sub;

	for (id = 0; id < 3; id++) {
		for (sub = 0; sub < STAMPS_SUBS; sub++) {
			if (!is_stamp((const void *)m, adds[id], sub))
				continue;
			if (adds[id] != STAMP_ADD || stamps.at[STAMP_CREATE][
			    0].len != 0 || !is_for_removal(i,
			    &stamps.at[adds[id]][sub], sub))
				judge_add(m, &stamps.at[adds[id]][sub], sub);
			return;
		}
	}
	for (id = STAMP_DEL; id < STAMP_INDEX_REPLY; id++) {
		for (sub = 0; sub < STAMPS_SUBS; sub++) {
			if (is_stamp((const void *)m, (enum stamps_id)id, sub))
				return;
		}
	}
	cr_assert_fail("message %zu is no stamp", i);
}

static void
open_evil(const struct stamps_wish *wish)
{
	const struct order_bound all[] = {
		{ ORDER_BOUND, 0, 0, 6, 443, 0, { 0 } },
		{ ORDER_BOUND, 0, 0, 17, 53, 0, { 0 } },
		{ ORDER_BOUND, ADDR_V4, 24, 6, 443, 0, { 10 } },
		{ ORDER_BOUND, ADDR_V6, 64, 17, 53, 0,
		    { 0x20, 0x01, 0x0d, 0xb8 } } };
	size_t i;

	open_act(wish);
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		cr_assert_eq(addr_parse(some[i], strlen(some[i]),
		    &addresses[i]), 0);
	for (i = 0; i < 4; i++)
		cr_assert(bounds_add(&bounds, &all[i]));
	cr_assert(bounds_commit(&bounds, 4));
	cr_assert_eq(addr_net_parse("20.0.0.0/8", 10,
	    &stamps.limits.denied[0]), 0);
	cr_assert_eq(addr_net_parse("2a00:bad::/32", 13,
	    &stamps.limits.denied[1]), 0);
	stamps.limits.ndenied = 2;
	cr_assert_eq(addr_net_parse("10.0.0.0/16", 11,
	    &stamps.limits.clients[0]), 0);
	cr_assert_eq(addr_net_parse("2001:db8::/32", 13,
	    &stamps.limits.clients[1]), 0);
	stamps.limits.nclients = 2;
}

static void
evil(const struct stamps_wish *wish)
{
	static uint8_t record[ORDER_SIZE_MAX];
	const char *text = getenv("DNSFW_EVIL");
	unsigned long i, sent = 0, refused = 0, malformed = 0;
	const unsigned long n = text == NULL ? EVIL_DEFAULT :
	    strtoul(text, NULL, 10);
	size_t k, len;

	open_evil(wish);
	for (i = 0; i < n; i++) {
		len = any_record(record);
		if (fill(record, len) != ORDER_OK) {
			malformed++;
			continue;
		}
		for (k = messages(); k > 0; k--)
			judge_message(k - 1);
		cr_assert(act.nsent + act.nrefused <= ORDER_BATCH_MAX &&
		    (act.len != 0) == (act.nsent != 0));
		sent += act.nsent;
		refused += act.nrefused;
	}
	printf("# %lu records: %lu malformed, orders: %lu sent, %lu refused\n",
	    n, malformed, sent, refused);
	cr_assert(n < 1000 || (sent > n / 5 && refused > n / 5 &&
	    malformed > n / 20));
}

Test(evil_keeper, P7_nft)
{
	evil(&nft_wish);
}

Test(evil_keeper, P7_ipset)
{
	evil(&ipset_wish);
}
