/*
 * A record of the keeper, behind any stamps and some bounds.  Nothing is sent
 * that the limits or the bounds, gone through here one by one, do not let; each
 * order is sent or refused; and what is to be sent stays in its buffer.
 *
 * An input is a struct setting, its bounds, and the record.
 */
#include <linux/netlink.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "helper/act.h"
#include "helper/io.h"
#include "never.h"
#include "report.h"

#define BOUNDS_MAX	8

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the input, without a place of its own. */
struct setting {
	uint32_t	seed;		/* of the stamps */
	uint32_t	left_max;
	uint8_t		nbounds;
	uint8_t		clients;	/* bit 0: only 10.0.0.0/8; 1: not this host */
	uint8_t		index;		/* bit 0: there is an ipset */
	uint8_t		form;		/* 0: nftables, 1: iptables, else any */
};

static struct stamps stamps;
static struct bounds bounds;
static struct act act;
static bool index_known;
static uint32_t state;

bool
io_index(const struct stamps *s, unsigned int kind, uint16_t *index)
{
	if (s != &stamps || kind >= STAMPS_SUBS)
		abort();
	*index = (uint16_t)kind;
	return (index_known);
}

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* xorshift32. */
static uint32_t
draw(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (state);
}

static bool
is_ipsets(size_t id)
{
	return (id >= STAMP_CREATE && id <= STAMP_DESTROY_SPARE);
}

/*
 * Of these forms, a stamp is as long as it can be; of others, of any length that
 * aligns the next one.
 */
static uint16_t
stamp_len(uint8_t form, size_t id)
{
	uint32_t len = STAMPS_BYTES;

	if (form == 0 && is_ipsets(id))
		return (0);
	if (form > 1 && draw() % 2 == 0)
		len = draw() >> draw() % 32;
	return ((uint16_t)(len / NLMSG_ALIGNTO * NLMSG_ALIGNTO));
}

/* A hole may be anywhere, also outside. */
static void
make_stamps(const struct setting *set)
{
	struct stamp *s;
	size_t id, sub, hole;

	state = set->seed | 1;
	for (id = 0; id < STAMP_COUNT; id++) {
		for (sub = 0; sub < STAMPS_SUBS; sub++) {
			s = &stamps.at[id][sub];
			s->len = stamp_len(set->form, id);
			for (hole = 0; hole < HOLE_COUNT; hole++)
				s->holes[hole] = (uint16_t)(draw() >>
				    (draw() % 2 == 0 ? 16 : 22));
		}
	}
}

static void
make_limits(const struct setting *set)
{
	const struct addr_net ten = { { ADDR_V4, { 10 } }, 8 };

	memset(&stamps.limits, 0, sizeof(stamps.limits));
	never_fill(&stamps.limits);
	stamps.limits.left_max = set->left_max;
	stamps.limits.nclients = set->clients & 1;
	stamps.limits.clients[0] = ten;
	stamps.limits.local = (set->clients & 2) == 0;
}

/* What the compiler says, in force; where they end, or NULL. */
static const uint8_t *
make_bounds(const uint8_t *data, const uint8_t *end, size_t n)
{
	union order o;
	uint32_t good = 0;

	/* What grew, and what was in force. */
	(void)bounds_commit(&bounds, bounds.halves[1 - bounds.now].n);
	require(bounds_commit(&bounds, 0));
	for (; n > 0; n--, data += sizeof(o.bound)) {
		if ((size_t)(end - data) < sizeof(o.bound))
			return (NULL);
		if (order_decode(data, sizeof(o.bound), &o) == ORDER_OK &&
		    o.type == ORDER_BOUND && bounds_add(&bounds, &o.bound))
			good++;
	}
	require(bounds_commit(&bounds, good + 1) == false);
	require(bounds_commit(&bounds, good));
	return (data);
}

/* Is that bit of both the same in the first n? */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
			return (false);
	return (true);
}

/* A base with bits behind its prefix covers nothing. */
static bool
is_base(const struct order_bound *b)
{
	unsigned int i;

	for (i = b->prefix; i < 128; i++)
		if (b->base[i / 8] & (0x80 >> i % 8))
			return (false);
	return (true);
}

static bool
is_covered(const struct order_grant *g)
{
	const struct bounds_half *h = &bounds.halves[bounds.now];
	const struct order_bound *b;

	for (b = h->at; b < h->at + h->n; b++) {
		if (b->family == (g->local == 1 ? 0 : g->family) &&
		    (b->proto == 0 || (b->proto == g->proto &&
		    b->port == g->port)) && is_base(b) &&
		    same_bits(b->base, g->client, b->prefix))
			return (true);
	}
	return (false);
}

static bool
is_within_limits(const struct order_grant *g)
{
	const uint8_t *a = g->dst;
	const bool never = g->family == ADDR_V4 ? a[0] == 0 || a[0] == 127 ||
	    (a[0] == 169 && a[1] == 254) || a[0] >= 224 :
	    a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
	const bool client = g->local == 1 ? stamps.limits.local == 1 :
	    g->family == ADDR_V4 && g->client[0] == 10;

	return (!never && g->left <= stamps.limits.left_max &&
	    (stamps.limits.nclients == 0 || client));
}

static size_t
count_in_record(const uint8_t *record, size_t len, uint32_t seq)
{
	const size_t size = order_size(record[0]);
	union order o;
	size_t at, n = 0;

	for (at = 0; at < len; at += size) {
		require(order_decode(record + at, size, &o) == ORDER_OK);
		n += o.any.seq == seq;
	}
	return (n);
}

static size_t
count_in_answers(uint32_t seq)
{
	size_t i, n = 0;

	for (i = 0; i < act.nsent; i++)
		n += act.sent[i] == seq;
	for (i = 0; i < act.nrefused; i++)
		n += act.refused[i].seq == seq;
	return (n);
}

/* Each is sent or refused, and not both. */
static void
check_answers(const uint8_t *record, size_t len)
{
	const size_t n = len / order_size(record[0]);
	struct order_refused r;
	size_t i;

	require(n <= ORDER_BATCH_MAX && act.nsent + act.nrefused == n);
	for (i = 0; i < act.nsent; i++)
		require(count_in_record(record, len, act.sent[i]) ==
		    count_in_answers(act.sent[i]));
	for (i = 0; i < act.nrefused; i++) {
		require(report_refused_decode(&act.refused[i], sizeof(r), &r) ==
		    ORDER_OK);
		require(count_in_record(record, len, r.seq) ==
		    count_in_answers(r.seq));
	}
}

/* Whoever was sent under that number, some order of it was allowed. */
static void
check_sent(const uint8_t *record, size_t len)
{
	union order o;
	size_t i, at;
	bool allowed;

	for (i = 0; i < act.nsent && record[0] == ORDER_ADD; i++) {
		allowed = false;
		for (at = 0; at < len; at += sizeof(o.grant)) {
			memcpy(&o.grant, record + at, sizeof(o.grant));
			allowed |= o.grant.seq == act.sent[i] &&
			    is_within_limits(&o.grant) && is_covered(&o.grant);
		}
		require(allowed);
	}
}

static void
check(const uint8_t *record, size_t len)
{
	size_t sent;

	require(act.len <= sizeof(act.out) &&
	    act.last <= sizeof(act.out) - STAMPS_BYTES);
	require((act.len != 0) == (act.nsent != 0));
	require(act.fd >= HELPER_FD_ACT && act.fd <= HELPER_FD_FLOWS);
	check_answers(record, len);
	check_sent(record, len);
	sent = act.nsent;
	act_undo(&act);
	require(act.nrefused == sent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size, *record;
	struct setting set;

	if (size < sizeof(set))
		return (0);
	memcpy(&set, data, sizeof(set));
	index_known = (set.index & 1) != 0;
	make_stamps(&set);
	make_limits(&set);
	record = make_bounds(data + sizeof(set), end, set.nbounds % BOUNDS_MAX);
	if (record == NULL || record == end)
		return (0);
	act.stamps = &stamps;
	if (act_fill(&act, &bounds, record, (size_t)(end - record)) == ORDER_OK)
		check(record, (size_t)(end - record));
	return (0);
}
