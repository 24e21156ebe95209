/*
 * Whatever an evil keeper sends (P7): structured and random records.  What would
 * go to the kernel is nothing but stamps, within the limits, which are judged
 * here in other words.  DNSFW_EVIL has another number of records.
 */
#include "act_rig.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "evil.h"

#define EVIL_DEFAULT	300000

/* What may be in a message that adds. */
static void
judge_add(const uint8_t *m, const struct stamp *s, size_t kind)
{
	const size_t len = kind < 2 ? 4 : 16;
	const uint8_t *dst = m + s->holes[HOLE_DST];
	const uint8_t *client = kind % 2 == 1 ? NULL :
	    m + s->holes[HOLE_CLIENT];
	const unsigned int proto = m[s->holes[HOLE_PROTO]];
	const unsigned int port = (unsigned int)m[s->holes[HOLE_PORT]] << 8 |
	    m[s->holes[HOLE_PORT] + 1];
	uint32_t seconds;
	uint64_t ms;

	cr_assert(evil_allows(len, client, proto, port, dst),
	    "%zu: %u %u %02x%02x:%02x%02x", kind, proto, port, dst[0], dst[1],
	    dst[2], dst[3]);
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

/* Of what names a stamp there goes out that one, of those that this type may name. */
static void
judge_named(const uint8_t *record)
{
	const uint8_t what = record[1], sub = record[2];

	if (record[0] == ORDER_READ)
		cr_assert(what >= STAMPS_READ_FIRST &&
		    what <= STAMPS_READ_LAST);
	else if (record[0] == ORDER_MAKE && what != STAMP_RULE)
		cr_assert(what >= STAMPS_MAKE_FIRST &&
		    what <= STAMPS_MAKE_LAST);
	else
		return;
	cr_assert_lt(sub, STAMPS_SUBS);
	cr_assert_eq(messages(), 1);
	cr_assert(is_stamp(message(0), (enum stamps_id)what, sub));
}

static void
open_evil(const struct stamps_wish *wish)
{
	size_t i;

	open_act(wish);
	evil_open(&stamps.limits);
	for (i = 0; i < EVIL_BOUNDS; i++)
		cr_assert(bounds_add(&bounds, &evil_bounds[i]));
	cr_assert(bounds_commit(&bounds, EVIL_BOUNDS));
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
		if (act.nsent > 0)
			judge_named(record);
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
