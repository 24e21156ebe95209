/* An order becomes netlink messages. */
#include "act.h"

#include <linux/netlink.h>

#include <endian.h>
#include <string.h>

#include "io.h"

#define REMOVAL_TIME	1000	/* ms; of what is added to be deleted */
#define TIME_UNIT	1000	/* ms of an ipset's timeouts */

#define KINDS		4
#define FAMILY_KINDS	2

/* What is to go into a hole. */
struct value {
	const void	*from;
	size_t		 size;	/* 0: nothing */
};

static const struct value nothing[HOLE_COUNT];

/* The messages that a grant takes. */
static const struct form {
	uint8_t		type;
	uint8_t		how;
	bool		ipset;
	uint8_t		n;
	uint8_t		ids[3];
} forms[] = {
	{ ORDER_ADD, 0, true, 1, { STAMP_ADD } },
	{ ORDER_ADD, ORDER_SPARE, true, 1, { STAMP_ADD_SPARE } },
	{ ORDER_DEL, 0, true, 1, { STAMP_DEL } },
	{ ORDER_TEST, 0, true, 1, { STAMP_TEST } },
	/*
	 * To add does not touch an element that is there, and to delete one
	 * that is not is an error.  The batch is atomic: no packet misses it.
	 */
	{ ORDER_ADD, 0, false, 3, { STAMP_ADD, STAMP_DEL, STAMP_ADD_EXCL } },
	{ ORDER_ADD, ORDER_FRESH, false, 1, { STAMP_ADD_EXCL } },
	{ ORDER_DEL, 0, false, 2, { STAMP_ADD, STAMP_DEL } },
	{ ORDER_TEST, 0, false, 1, { STAMP_TEST } },
};

/* Only these have sets to be created. */
static bool
has_ipsets(const struct stamps *s)
{
	return (s->at[STAMP_CREATE][0].len != 0);
}

static unsigned int
family_index(uint8_t family)
{
	return (family == ADDR_V4 ? 0 : 1);
}

static unsigned int
grant_kind(const struct order_grant *g)
{
	return (FAMILY_KINDS * family_index(g->family) + g->local);
}

/* One more message; what does not fit into it, or into out, is left out. */
static void
append(struct act *a, const struct stamp *s, const struct value *values,
    uint32_t seq)
{
	uint8_t *message = a->out + a->len;
	unsigned int hole;
	size_t at;

	if (s->len < sizeof(struct nlmsghdr) || s->len > STAMPS_BYTES ||
	    s->len > sizeof(a->out) - a->len)
		return;
	memcpy(message, s->bytes, s->len);
	memcpy(message + offsetof(struct nlmsghdr, nlmsg_seq), &seq,
	    sizeof(seq));
	for (hole = 0; hole < HOLE_COUNT; hole++) {
		at = s->holes[hole];
		if (at != 0 && at < s->len && values[hole].size != 0 &&
		    values[hole].size <= s->len - at)
			memcpy(message + at, values[hole].from,
			    values[hole].size);
	}
	a->last = a->len;
	a->len += s->len;
}

/* The kernel is to answer the last message, if it does well, too. */
static void
want_answer(struct act *a)
{
	uint8_t *at = a->out + a->last + offsetof(struct nlmsghdr, nlmsg_flags);
	uint16_t flags;

	memcpy(&flags, at, sizeof(flags));
	flags |= NLM_F_ACK;
	memcpy(at, &flags, sizeof(flags));
}

static void
refuse(struct act *a, uint32_t seq, enum order_code code)
{
	a->refused[a->nrefused++] = (struct order_refused){
	    .type = ORDER_REFUSED, .code = (uint8_t)code, .seq = seq };
}

void
act_undo(struct act *a)
{
	size_t i;

	a->nrefused = 0;
	for (i = 0; i < a->nsent; i++)
		refuse(a, a->sent[i], ORDER_NOT_TAKEN);
}

static const struct form *
grant_form(const struct stamps *s, const struct order_grant *g)
{
	const struct form *f;
	size_t i, id;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		f = &forms[i];
		if (f->type != g->type || f->how != g->how ||
		    f->ipset != has_ipsets(s))
			continue;
		for (id = 0; id < f->n; id++) {
			if (s->at[f->ids[id]][grant_kind(g)].len == 0)
				return (NULL);
		}
		return (f);
	}
	return (NULL);
}

/* What is there already may go, whatever it is. */
static enum order_code
check_grant(const struct stamps *s, const struct bounds *b,
    const struct order_grant *g)
{
	enum order_code code;

	if (g->type == ORDER_ADD) {
		code = limits_check(&s->limits, g);
		if (code != ORDER_SENT)
			return (code);
		if (!bounds_cover(b, g))
			return (ORDER_OUTSIDE);
	}
	return (grant_form(s, g) != NULL ? ORDER_SENT : ORDER_NO_STAMP);
}

static void
put_grant(struct act *a, const struct stamps *s, const struct order_grant *g)
{
	const struct form *f = grant_form(s, g);
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
	size_t i;

	for (i = 0; i < f->n; i++)
		append(a, &s->at[f->ids[i]][grant_kind(g)], values, g->seq);
	a->sent[a->nsent++] = g->seq;
}

static enum order_err
fill_grants(struct act *a, const struct stamps *s, const struct bounds *b,
    const uint8_t *record, size_t n)
{
	const bool batch = record[0] != ORDER_TEST && !has_ipsets(s);
	struct order_grant g;
	enum order_code code;
	enum order_err err;
	uint32_t before = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		err = order_grant_decode(record + i * sizeof(g), sizeof(g), &g);
		if (err != ORDER_OK)
			return (err);
		if (g.type != record[0])
			return (ORDER_ETYPE);
		if (i == 0)
			before = g.seq - 1;
		code = check_grant(s, b, &g);
		if (code != ORDER_SENT) {
			refuse(a, g.seq, code);
			continue;
		}
		if (batch && a->len == 0)
			append(a, &s->at[STAMP_BEGIN][0], nothing, before);
		put_grant(a, s, &g);
	}
	if (a->len == 0)
		return (ORDER_OK);
	want_answer(a);
	if (batch)
		append(a, &s->at[STAMP_END][0], nothing, before);
	return (ORDER_OK);
}

static enum order_err
fill_flows(struct act *a, const struct stamps *s, const uint8_t *record,
    size_t n)
{
	const struct stamp *stamp;
	struct order_flow f;
	enum order_err err;
	uint16_t sport, dport, zone;
	size_t i;

	for (i = 0; i < n; i++) {
		err = order_flow_decode(record + i * sizeof(f), sizeof(f), &f);
		if (err != ORDER_OK)
			return (err);
		stamp = &s->at[f.zone != 0 ? STAMP_FLOW_ZONE : STAMP_FLOW][
		    family_index(f.family)];
		if (stamp->len == 0) {
			refuse(a, f.seq, ORDER_NO_STAMP);
			continue;
		}
		sport = htobe16(f.sport);
		dport = htobe16(f.dport);
		zone = htobe16(f.zone);
		append(a, stamp, (const struct value[HOLE_COUNT]){
		    [HOLE_CLIENT] = { f.src, addr_len(f.family) },
		    [HOLE_DST] = { f.dst, addr_len(f.family) },
		    [HOLE_PROTO] = { &f.proto, sizeof(f.proto) },
		    [HOLE_PORT] = { &dport, sizeof(dport) },
		    [HOLE_SPORT] = { &sport, sizeof(sport) },
		    [HOLE_ZONE] = { &zone, sizeof(zone) } }, f.seq);
		a->sent[a->nsent++] = f.seq;
	}
	if (a->len != 0)
		want_answer(a);
	return (ORDER_OK);
}

/* The name is the last attribute: where it ends, the message does. */
static void
cut_name(struct act *a, size_t hole, const char *name)
{
	const uint32_t text = (uint32_t)strlen(name) + 1;
	const uint16_t nla_len = (uint16_t)(NLA_HDRLEN + text);
	const uint32_t nlmsg_len = (uint32_t)hole + NLMSG_ALIGN(text);

	memcpy(a->out + hole - NLA_HDRLEN, &nla_len, sizeof(nla_len));
	memcpy(a->out, &nlmsg_len, sizeof(nlmsg_len));
	a->len = nlmsg_len;
}

static enum order_err
fill_read(struct act *a, const struct stamps *s, const uint8_t *record,
    size_t len)
{
	const struct stamp *stamp;
	struct order_read r;
	enum order_err err;

	err = order_read_decode(record, len, &r);
	if (err != ORDER_OK)
		return (err);
	if (r.what < STAMPS_READ_FIRST || r.what > STAMPS_READ_LAST ||
	    r.sub >= STAMPS_SUBS)
		return (ORDER_EVALUE);
	if (r.what != STAMP_MAP && r.name[0] != '\0')
		return (ORDER_ELABEL);
	stamp = &s->at[r.what][r.sub];
	if (stamp->len == 0) {
		refuse(a, r.seq, ORDER_NO_STAMP);
		return (ORDER_OK);
	}
	append(a, stamp, (const struct value[HOLE_COUNT]){
	    [HOLE_NAME] = { r.name, sizeof(r.name) } }, r.seq);
	if (stamp->holes[HOLE_NAME] > NLA_HDRLEN &&
	    stamp->holes[HOLE_NAME] + sizeof(r.name) <= stamp->len)
		cut_name(a, stamp->holes[HOLE_NAME], r.name);
	a->fd = r.what == STAMP_FLOWS ? HELPER_FD_FLOWS : HELPER_FD_LIST;
	a->sent[a->nsent++] = r.seq;
	return (ORDER_OK);
}

/* Whether a kind has what is asked for it. */
static enum order_code
check_rule(const struct stamps *s, const struct order_make *m,
    unsigned int kind, enum stamps_id id, uint16_t *index)
{
	if ((m->sets >> kind & 1) != 0 && s->at[STAMP_SET][kind].len == 0)
		return (ORDER_NO_STAMP);
	if ((m->rules >> kind & 1) == 0)
		return (ORDER_SENT);
	if (s->at[id][kind].len == 0)
		return (ORDER_NO_STAMP);
	return (s->at[id][kind].holes[HOLE_INDEX] == 0 ||
	    io_index(s, kind, index) ? ORDER_SENT : ORDER_NO_SET);
}

/* One batch: sets, and rules that look into them. */
static void
fill_rules(struct act *a, const struct stamps *s, const struct order_make *m)
{
	const enum stamps_id id = m->position != 0 ? STAMP_RULE_AT : STAMP_RULE;
	const uint64_t position = htobe64(m->position);
	uint16_t indexes[KINDS] = { 0 };
	enum order_code code;
	unsigned int kind, family;

	for (kind = 0; kind < KINDS; kind++) {
		code = check_rule(s, m, kind, id, &indexes[kind]);
		if (code != ORDER_SENT) {
			refuse(a, m->seq, code);
			return;
		}
	}
	append(a, &s->at[STAMP_BEGIN][0], nothing, m->seq - 1);
	for (kind = 0; kind < KINDS; kind++) {
		family = kind / FAMILY_KINDS;
		/* Before the family's first rule. */
		if (kind % FAMILY_KINDS == 0 &&
		    (m->rules >> kind & ((1 << FAMILY_KINDS) - 1)) != 0)
			append(a, &s->at[STAMP_FLUSH][family], nothing,
			    m->seq + kind);
		if ((m->sets >> kind & 1) != 0)
			append(a, &s->at[STAMP_SET][kind], nothing,
			    m->seq + kind);
		if ((m->rules >> kind & 1) != 0)
			append(a, &s->at[id][kind],
			    (const struct value[HOLE_COUNT]){
			    [HOLE_INDEX] = { &indexes[kind],
			    sizeof(indexes[kind]) },
			    [HOLE_POSITION] = { &position, sizeof(position) } },
			    m->seq + kind);
	}
	want_answer(a);
	append(a, &s->at[STAMP_END][0], nothing, m->seq - 1);
	a->sent[a->nsent++] = m->seq;
}

static enum order_err
fill_make(struct act *a, const struct stamps *s, const uint8_t *record,
    size_t len)
{
	struct order_make m;
	enum order_err err;

	err = order_make_decode(record, len, &m);
	if (err != ORDER_OK)
		return (err);
	if (m.what == STAMP_RULE) {
		if (m.sub != 0 || (m.sets | m.rules) == 0)
			return (ORDER_EVALUE);
		fill_rules(a, s, &m);
		return (ORDER_OK);
	}
	if (m.what < STAMPS_MAKE_FIRST || m.what > STAMPS_MAKE_LAST ||
	    m.sets != 0 || m.rules != 0 || m.position != 0)
		return (ORDER_EVALUE);
	if (s->at[m.what][m.sub].len == 0) {
		refuse(a, m.seq, ORDER_NO_STAMP);
		return (ORDER_OK);
	}
	append(a, &s->at[m.what][m.sub], nothing, m.seq);
	a->sent[a->nsent++] = m.seq;
	return (ORDER_OK);
}

/* How many of a size there are in a record; 0 if that cannot be. */
static size_t
count(size_t len, size_t size)
{
	return (len % size == 0 && len / size <= ORDER_BATCH_MAX ?
	    len / size : 0);
}

enum order_err
act_fill(struct act *a, const struct stamps *s, const struct bounds *b,
    const uint8_t *record, size_t len)
{
	size_t n;

	a->nrefused = a->nsent = a->len = a->last = 0;
	a->fd = HELPER_FD_ACT;
	if (len == 0)
		return (ORDER_ESIZE);
	switch (record[0]) {
	case ORDER_ADD:
	case ORDER_DEL:
	case ORDER_TEST:
		n = count(len, sizeof(struct order_grant));
		return (n > 0 ? fill_grants(a, s, b, record, n) : ORDER_ESIZE);
	case ORDER_FLOW:
		n = count(len, sizeof(struct order_flow));
		return (n > 0 ? fill_flows(a, s, record, n) : ORDER_ESIZE);
	case ORDER_READ:
		return (fill_read(a, s, record, len));
	case ORDER_MAKE:
		return (fill_make(a, s, record, len));
	default:
		return (ORDER_ETYPE);
	}
}
