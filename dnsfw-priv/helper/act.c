/* An order becomes netlink messages. */
#include "act.h"

#include <linux/netlink.h>

#include <endian.h>
#include <string.h>

#include "io.h"

#define REMOVAL_TIME	1000	/* ms; of what is added to be deleted */
#define TIME_UNIT	1000	/* ms of an ipset's timeouts */

/* What is to go into a hole. */
struct value {
	const void	*from;
	size_t		 size;	/* 0: nothing */
};

static const struct value nothing[HOLE_COUNT];

/* One more message. */
static void
append(struct act *a, enum stamps_id id, unsigned int sub, const struct value *values,
    uint32_t seq)
{
	const struct stamp *s = &a->stamps->at[id][sub];
	size_t hole, at, len = s->len;

	if (len < NLMSG_HDRLEN || len > STAMPS_BYTES ||
	    a->len > sizeof(a->out) - STAMPS_BYTES) {
		a->missing = true;
		return;
	}
	memcpy(a->out + a->len, s->bytes, len);
	for (hole = 0; hole < HOLE_COUNT; hole++) {
		at = s->holes[hole];
		if (at != 0 && values[hole].size != 0 && at + values[hole].size <= len)
			memcpy(a->out + a->len + at, values[hole].from, values[hole].size);
	}
	memcpy(a->out + a->len + offsetof(struct nlmsghdr, nlmsg_seq), &seq, sizeof(seq));
	/* Old kernels do not answer to the end of a batch. */
	if (id != STAMP_END)
		a->last = a->len;
	a->len += len;
}

/* Only these have sets to be created. */
static bool
has_ipsets(const struct stamps *s)
{
	return (s->at[STAMP_CREATE][0].len != 0);
}

/*
 * nftables: to add does not touch an element that is there, and to delete one
 * that is not is an error.  The batch is atomic: no packet misses the element.
 */
static void
put_grant(struct act *a, const struct order_grant *g)
{
	const unsigned int kind = 2U * (g->family == ADDR_V6) + g->local;
	const bool nft = !has_ipsets(a->stamps);
	const uint32_t left = g->left != 0 ? g->left : REMOVAL_TIME;
	const uint32_t seconds = htobe32((left - 1) / TIME_UNIT + 1);
	const uint64_t ms = htobe64(left);
	const uint16_t port = htobe16(g->port);
	const struct value values[HOLE_COUNT] = {
		[HOLE_CLIENT] = { g->client, addr_len(g->family) },
		[HOLE_DST] = { g->dst, addr_len(g->family) },
		[HOLE_PROTO] = { &g->proto, sizeof(g->proto) },
		[HOLE_PORT] = { &port, sizeof(port) },
		[HOLE_SECONDS] = { &seconds, sizeof(seconds) },
		[HOLE_MS] = { &ms, sizeof(ms) },
		[HOLE_LABEL] = { g->label, sizeof(g->label) },
	};

	if (g->type == ORDER_TEST || g->how != 0) {
		append(a, g->type == ORDER_TEST ? STAMP_TEST : (g->how & ORDER_SPARE) != 0 ?
		    STAMP_ADD_SPARE : STAMP_ADD_EXCL, kind, values, g->seq);
		return;
	}
	if (nft || g->type == ORDER_ADD)
		append(a, STAMP_ADD, kind, values, g->seq);
	if (nft || g->type == ORDER_DEL)
		append(a, STAMP_DEL, kind, values, g->seq);
	if (nft && g->type == ORDER_ADD)
		append(a, STAMP_ADD_EXCL, kind, values, g->seq);
}

static void
put_flow(struct act *a, const struct order_flow *f)
{
	const uint16_t sport = htobe16(f->sport), dport = htobe16(f->dport);
	const uint16_t zone = htobe16(f->zone);

	append(a, f->zone != 0 ? STAMP_FLOW_ZONE : STAMP_FLOW, f->family == ADDR_V6,
	    (const struct value[HOLE_COUNT]){
		[HOLE_CLIENT] = { f->src, addr_len(f->family) },
		[HOLE_DST] = { f->dst, addr_len(f->family) },
		[HOLE_PROTO] = { &f->proto, sizeof(f->proto) },
		[HOLE_PORT] = { &dport, sizeof(dport) },
		[HOLE_SPORT] = { &sport, sizeof(sport) },
		[HOLE_ZONE] = { &zone, sizeof(zone) },
	    }, f->seq);
}

/* Sets, and rules that look into them; of ipset, instead of the chain's rules. */
static enum order_code
put_rules(struct act *a, const struct order_make *m)
{
	const uint64_t position = htobe64(m->position);
	const bool ipset = has_ipsets(a->stamps);
	uint16_t index = 0;
	const struct value values[HOLE_COUNT] = {
		[HOLE_INDEX] = { &index, sizeof(index) },
		[HOLE_POSITION] = { &position, sizeof(position) },
	};
	uint32_t kind, seq = m->seq;

	for (kind = 0; kind < STAMPS_SUBS; kind++, seq++) {
		/* Before the family's first rule. */
		if (ipset && kind % 2 == 0 && (m->rules >> kind & 3) != 0)
			append(a, STAMP_FLUSH, kind / 2, values, seq);
		if ((m->sets >> kind & 1) != 0)
			append(a, STAMP_SET, kind, values, seq);
		if ((m->rules >> kind & 1) == 0)
			continue;
		if (ipset && !io_index(a->stamps, kind, &index))
			return (ORDER_NO_SET);
		append(a, m->position != 0 ? STAMP_RULE_AT : STAMP_RULE, kind, values, seq);
	}
	return ((m->sets | m->rules) != 0 ? ORDER_SENT : ORDER_NO_STAMP);
}

/* One message, whose id an order names: one of those that this type may name. */
static void
put_named(struct act *a, uint8_t id, uint8_t sub, unsigned int first, unsigned int last,
    const char *name, uint32_t seq)
{
	if (id < first || id > last || sub >= STAMPS_SUBS)
		a->missing = true;
	else
		append(a, id, sub, (const struct value[HOLE_COUNT]){
		    [HOLE_NAME] = { name, name == NULL ? 0 : ORDER_NAME_SIZE } }, seq);
}

/* What is there already may go, whatever it is. */
static enum order_code
put(struct act *a, const struct bounds *b, const union order *o)
{
	enum order_code code = o->type != ORDER_ADD ? ORDER_SENT :
	    limits_check(&a->stamps->limits, &o->grant);

	a->missing = false;
	if (code == ORDER_SENT && o->type == ORDER_ADD && !bounds_cover(b, &o->grant))
		code = ORDER_OUTSIDE;
	if (code != ORDER_SENT)
		return (code);
	if (o->type == ORDER_FLOW)
		put_flow(a, &o->flow);
	else if (o->type == ORDER_READ)
		put_named(a, o->read.what, o->read.sub, STAMPS_READ_FIRST, STAMPS_READ_LAST,
		    o->read.name, o->read.seq);
	else if (o->type != ORDER_MAKE)
		put_grant(a, &o->grant);
	else if (o->make.what == STAMP_RULE)
		code = put_rules(a, &o->make);
	else
		put_named(a, o->make.what, o->make.sub, STAMPS_MAKE_FIRST, STAMPS_MAKE_LAST,
		    NULL, o->make.seq);
	return (a->missing ? ORDER_NO_STAMP : code);
}

static void
refuse(struct act *a, uint32_t seq, enum order_code code)
{
	a->refused[a->nrefused++] = (struct order_refused){ .type = ORDER_REFUSED,
	    .code = (uint8_t)code, .seq = seq };
}

void
act_undo(struct act *a)
{
	size_t i;

	a->nrefused = 0;
	for (i = 0; i < a->nsent; i++)
		refuse(a, a->sent[i], ORDER_NOT_TAKEN);
}

static void
fill_one(struct act *a, const struct bounds *b, const union order *o)
{
	const size_t len = a->len, last = a->last;
	const enum order_code code = put(a, b, o);

	if (code == ORDER_SENT) {
		a->sent[a->nsent++] = o->any.seq;
		return;
	}
	refuse(a, o->any.seq, code);
	a->len = len;
	a->last = last;
}

enum order_err
act_fill(struct act *a, const struct bounds *b, const uint8_t *record, size_t len)
{
	const size_t size = record[0] > ORDER_FLOW ? 0 : order_size(record[0]);
	const size_t n = size == 0 ? 0 : len / size;
	/* nf_tables does all of it, or nothing; in MAKE the second byte says what. */
	const bool batch = record[0] == ORDER_MAKE ? len > 1 && record[1] == STAMP_RULE :
	    record[0] <= ORDER_DEL && !has_ipsets(a->stamps);
	const bool alone = record[0] == ORDER_READ || record[0] == ORDER_MAKE;
	union order o;
	enum order_err err;
	uint32_t before = 0;
	size_t at;

	if (n == 0 || n * size != len || n > (alone ? 1 : ORDER_BATCH_MAX))
		return (size == 0 ? ORDER_ETYPE : ORDER_ESIZE);
	a->nrefused = a->nsent = a->len = a->last = 0;
	for (at = 0; at < n * size; at += size) {
		if (record[at] != record[0])
			return (ORDER_ETYPE);
		if ((err = order_decode(record + at, size, &o)) != ORDER_OK)
			return (err);
		if (at == 0)
			before = o.any.seq - 1;
		if (at == 0 && batch)
			append(a, STAMP_BEGIN, 0, nothing, before);
		fill_one(a, b, &o);
	}
	a->fd = o.type != ORDER_READ ? HELPER_FD_ACT :
	    o.read.what == STAMP_FLOWS ? HELPER_FD_FLOWS : HELPER_FD_LIST;
	((struct nlmsghdr *)(void *)(a->out + a->last))->nlmsg_flags |= NLM_F_ACK;
	if (batch)
		append(a, STAMP_END, 0, nothing, before);
	if (a->nsent == 0)
		a->len = 0;
	return (ORDER_OK);
}
