/* What becomes of a packet. */
#include "judge.h"

#include <string.h>

enum answer { NO, YES, SOME, UNKNOWN };

struct walk {
	const struct model *m;
	struct judge_packet *packet;	/* as rules have changed it */
	uint64_t	*steps;
	struct judgement *out;
	uint32_t	rule;		/* that accepted it */
	uint32_t	doubtful;	/* that led here, if it is not understood */
	/* Without which it was dropped, and that is not understood. */
	uint32_t	saved_by;
	uint32_t	path[JUDGE_DEPTH_MAX + 2];	/* that led here */
};

/* Whether its way into a chain is sure. */
enum way { SURE, AT_TIMES, DOUBTFUL };

/* --- one match --- */

bool
judge_has_address(const struct model_value *v, const struct addr *a)
{
	return (v->from.family == a->family &&
	    memcmp(a->bytes, v->from.bytes, sizeof(a->bytes)) >= 0 &&
	    memcmp(a->bytes, v->to.bytes, sizeof(a->bytes)) <= 0);
}

bool
judge_has_name(const struct model_value *v, const char *name)
{
	size_t len = strnlen(v->name, sizeof(v->name));

	if (len > 0 && v->name[len - 1] == '*')
		return (strncmp(v->name, name, len - 1) == 0);
	return (strncmp(v->name, name, sizeof(v->name)) == 0);
}

static bool
has_number(const struct model_value *v, uint32_t number)
{
	return (number >= v->low && number <= v->high);
}

static bool
is_port_protocol(uint8_t proto)
{
	return (proto == 6 || proto == 17 || proto == 132 || proto == 33 ||
	    proto == 136);
}

static bool
has_value(enum model_what what, const struct model_value *v,
    const struct judge_packet *p)
{
	switch (what) {
	case MODEL_IIF:
		return (judge_has_name(v, p->iif));
	case MODEL_OIF:
		return (judge_has_name(v, p->oif));
	case MODEL_SADDR:
		return (judge_has_address(v, &p->saddr));
	case MODEL_DADDR:
		return (judge_has_address(v, &p->daddr));
	case MODEL_FAMILY:
		return (has_number(v, p->saddr.family));
	case MODEL_PROTO:
		return (has_number(v, p->proto));
	case MODEL_DPORT:
		return (has_number(v, p->dport));
	case MODEL_STATE:
		if (p->kind == JUDGE_REPLY)
			return (has_number(v, MODEL_ESTABLISHED));
		return (has_number(v, p->untracked == JUDGE_SO ?
		    MODEL_UNTRACKED : MODEL_NEW) || (p->sent == JUDGE_SO &&
		    has_number(v, MODEL_IS_SENT)));
	case MODEL_SENT:
	case MODEL_ALWAYS:
	case MODEL_SOME:
	case MODEL_GRANTS:
	case MODEL_UNKNOWN:
		break;
	}
	return (false);
}

static enum answer
match_values(const struct model *m, const struct model_match *match,
    const struct judge_packet *p)
{
	uint32_t i;

	if ((match->what == MODEL_IIF && p->iif[0] == '\0') ||
	    (match->what == MODEL_OIF && p->oif[0] == '\0'))
		return (UNKNOWN);
	/* No port matches, nor does any not match. */
	if (match->what == MODEL_DPORT && !is_port_protocol(p->proto))
		return (NO);
	for (i = 0; i < match->n; i++)
		if (has_value(match->what, &m->values[match->first + i], p))
			return (match->negated ? NO : YES);
	return (match->negated ? YES : NO);
}

/* What rules before have made of it is not always sure. */
static enum answer
match_state(const struct model *m, const struct model_match *match,
    const struct judge_packet *p)
{
	struct judge_packet one = *p, other = *p;
	enum answer a;

	if (p->untracked == JUDGE_PERHAPS) {
		one.untracked = JUDGE_SO;
		other.untracked = JUDGE_NOT;
	}
	if (p->sent == JUDGE_PERHAPS) {
		one.sent = JUDGE_SO;
		other.sent = JUDGE_NOT;
	}
	a = match_values(m, match, &one);
	return (a == match_values(m, match, &other) ? a : SOME);
}

static enum answer
match_one(const struct model *m, const struct model_match *match,
    const struct judge_packet *p)
{
	switch (match->what) {
	case MODEL_ALWAYS:
		if (p->kind == JUDGE_REPLY)
			return (UNKNOWN);
		return (match->negated ? NO : YES);
	case MODEL_GRANTS:
		return ((p->kind == JUDGE_GRANTED) != match->negated ? YES :
		    NO);
	case MODEL_SENT:
		return (p->sent == JUDGE_PERHAPS ? SOME : (p->sent ==
		    JUDGE_SO) != match->negated ? YES : NO);
	case MODEL_STATE:
		return (match_state(m, match, p));
	case MODEL_SOME:
		return (SOME);
	case MODEL_UNKNOWN:
		return (UNKNOWN);
	case MODEL_IIF:
	case MODEL_OIF:
	case MODEL_SADDR:
	case MODEL_DADDR:
	case MODEL_FAMILY:
	case MODEL_PROTO:
	case MODEL_DPORT:
		break;
	}
	return (match_values(m, match, p));
}

bool
judge_may_match(const struct model *m, const struct model_match *match,
    const struct judge_packet *p)
{
	return (match_one(m, match, p) != NO);
}

static enum answer
match_rule(const struct model *m, const struct model_rule *r,
    const struct judge_packet *p)
{
	enum answer all = YES, one;
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		one = match_one(m, &m->matches[r->first + i], p);
		if (one == NO)
			return (NO);
		if (one > all)
			all = one;
	}
	return (all);
}

/* --- chains --- */

/* Where in a chain a packet is, and by what it may have left the chain before. */
struct place {
	unsigned int	depth;
	enum way	way;
	bool		some_left;	/* by rules that some are for */
	uint32_t	may_have_left;	/* by one that is not understood */
};

static enum model_verdict walk_chain(struct walk *, uint32_t chain,
    unsigned int depth, enum way);

static void
doubt(struct walk *w, uint32_t rule)
{
	if (w->out->unsure == MODEL_NONE)
		w->out->unsure = rule;
}

static void
leave_chain(struct place *at, uint32_t rule, enum answer answer)
{
	if (answer == SOME)
		at->some_left = true;
	else if (at->may_have_left == MODEL_NONE)
		at->may_have_left = rule;
}

/* All that are still in the chain end here; those that left it do not. */
static enum model_verdict
end_rest(struct walk *w, const struct place *at, enum model_verdict v)
{
	if (at->some_left)
		return (MODEL_CONTINUE);
	if (at->may_have_left == MODEL_NONE)
		return (v);
	if (w->saved_by == MODEL_NONE)
		w->saved_by = at->may_have_left;
	return (MODEL_CONTINUE);
}

/* A rule that leads to another chain. */
static enum model_verdict
lead(struct walk *w, uint32_t rule, enum answer answer, enum way way,
    struct place *at)
{
	const struct model_rule *r = &w->m->rules[rule];
	uint32_t doubtful = w->doubtful, saved_by = w->saved_by;
	enum model_verdict v;

	if (answer == UNKNOWN)
		w->doubtful = rule;
	v = r->target == MODEL_NONE ? MODEL_CONTINUE :
	    walk_chain(w, r->target, at->depth + 1, way);
	w->doubtful = doubtful;
	if (answer == YES)
		return (v == MODEL_CONTINUE && r->verdict == MODEL_GOTO ?
		    MODEL_RETURN : v);
	/* Others are still here. */
	if (v == MODEL_CONTINUE && r->verdict == MODEL_GOTO)
		leave_chain(at, rule, w->saved_by == saved_by ? answer : UNKNOWN);
	w->saved_by = saved_by;
	return (v == MODEL_ACCEPT ? v : MODEL_CONTINUE);
}

static bool
is_this_host(const struct model *m, const struct addr *a)
{
	size_t i;

	for (i = 0; i < m->nown; i++)
		if (addr_equal(a, &m->own[i]))
			return (true);
	return (false);
}

/* To where a packet goes then is not sure, if the rule is not. */
static enum model_verdict
alter_packet(struct walk *w, const struct model_rule *r, enum way way)
{
	struct judge_packet *p = w->packet;

	if (r->verdict == MODEL_UNTRACK) {
		p->untracked = way == SURE ? JUDGE_SO : JUDGE_PERHAPS;
		return (MODEL_CONTINUE);
	}
	p->sent = way == SURE ? JUDGE_SO : JUDGE_PERHAPS;
	if (way != SURE)
		return (MODEL_CONTINUE);
	if (is_this_host(w->m, &r->to))
		return (MODEL_TAKE);
	if (r->to.family == p->daddr.family)
		p->daddr = w->out->daddr = r->to;
	if (r->port != 0)
		p->dport = r->port;
	return (MODEL_ACCEPT);
}

/*
 * The verdict of a rule that matches, for all that came to it: one that is not for
 * all of them ends nothing.
 */
static enum model_verdict
weigh(struct walk *w, uint32_t rule, enum answer answer, struct place *at)
{
	enum model_verdict v = w->m->rules[rule].verdict;
	enum way way = at->way;

	if (answer == UNKNOWN)
		way = DOUBTFUL;
	else if (answer == SOME && way == SURE)
		way = AT_TIMES;
	if (v == MODEL_JUMP || v == MODEL_GOTO)
		return (lead(w, rule, answer, way, at));
	if (v == MODEL_SEND || v == MODEL_UNTRACK)
		v = alter_packet(w, &w->m->rules[rule], way);
	if (v == MODEL_ACCEPT && way != DOUBTFUL) {
		w->rule = rule;
		return (v);
	}
	if (v == MODEL_ACCEPT) {
		doubt(w, answer == UNKNOWN ? rule : w->doubtful);
		v = MODEL_DROP;		/* as far as it is known */
	}
	if (answer == YES && (v == MODEL_DROP || v == MODEL_TAKE)) {
		memcpy(w->out->path, w->path, sizeof(w->path));
		w->out->npath = at->depth + 1;
	}
	if (answer != YES && v == MODEL_RETURN)
		leave_chain(at, rule, answer);
	return (answer == YES ? v : MODEL_CONTINUE);
}

/* MODEL_CONTINUE: some came to the end, or back. */
static enum model_verdict
walk_chain(struct walk *w, uint32_t chain, unsigned int depth, enum way way)
{
	const struct model_chain *c = &w->m->chains[chain];
	struct place at = { .depth = depth, .way = way,
	    .may_have_left = MODEL_NONE };
	enum model_verdict v;
	enum answer answer;
	uint32_t i;

	if (c->grants && way == DOUBTFUL)
		w->out->maybe_reached = true;
	else if (c->grants)
		w->out->reached = true;
	if (depth > JUDGE_DEPTH_MAX)
		return (MODEL_CONTINUE);
	for (i = c->first; i != MODEL_NONE; i = w->m->rules[i].next) {
		if (*w->steps == 0)
			return (MODEL_DROP);
		--*w->steps;
		answer = match_rule(w->m, &w->m->rules[i], w->packet);
		if (answer == NO)
			continue;
		w->path[depth] = i;
		v = weigh(w, i, answer, &at);
		if (v == MODEL_RETURN)
			return (MODEL_CONTINUE);
		if (v == MODEL_DROP || v == MODEL_TAKE)
			return (end_rest(w, &at, v));
		if (v != MODEL_CONTINUE)
			return (v);
	}
	return (MODEL_CONTINUE);
}

/* One with a hook.  False: the packet goes no further. */
static bool
walk_base(struct walk *w, uint32_t chain)
{
	const struct model_chain *c = &w->m->chains[chain];
	bool had_reached = w->out->reached || w->out->maybe_reached;
	enum model_verdict v;

	w->rule = MODEL_NONE;
	w->out->base = chain;
	v = walk_chain(w, chain, 0, SURE);
	if (v == MODEL_CONTINUE)
		w->out->npath = 0;
	if (v == MODEL_TAKE) {
		w->out->end = JUDGE_TAKEN;
		return (false);
	}
	if (v == MODEL_DROP || (v == MODEL_CONTINUE && c->drops)) {
		w->out->end = JUDGE_DROPPED;
		return (false);
	}
	/* Told is the one that leads to dnsfw, or else that accepts first. */
	if (c->hook == MODEL_FORWARD && (w->out->chain == MODEL_NONE ||
	    (!had_reached && (w->out->reached || w->out->maybe_reached)))) {
		w->out->chain = chain;
		w->out->rule = w->rule;
	}
	return (true);
}

/* The chain of that hook that comes next; MODEL_NONE: none does. */
static uint32_t
next_base(const struct model *m, enum model_hook hook, uint8_t family,
    uint32_t last)
{
	uint32_t i, best = MODEL_NONE;
	const struct model_chain *c, *before;

	before = last == MODEL_NONE ? NULL : &m->chains[last];
	for (i = 0; i < m->nchains; i++) {
		c = &m->chains[i];
		if (c->hook != hook || (c->families & family) == 0)
			continue;
		if (before != NULL && (c->priority < before->priority ||
		    (c->priority == before->priority && i <= last)))
			continue;
		if (best == MODEL_NONE ||
		    c->priority < m->chains[best].priority)
			best = i;
	}
	return (best);
}

/* The packet's way through hooks, up to MODEL_NO_HOOK. */
static void
walk_hooks(const struct model *m, const enum model_hook *hook,
    const struct judge_packet *packet, uint64_t *steps, struct judgement *out)
{
	struct judge_packet own = *packet;
	struct walk w = { .m = m, .packet = &own, .steps = steps,
	    .out = out, .doubtful = MODEL_NONE, .saved_by = MODEL_NONE };
	uint8_t family = model_family(packet->saddr.family);
	uint32_t chain;

	*out = (struct judgement){ .end = JUDGE_ACCEPTED, .rule = MODEL_NONE,
	    .chain = MODEL_NONE, .unsure = MODEL_NONE,
	    .base = MODEL_NONE, .daddr = packet->daddr };
	for (; *hook != MODEL_NO_HOOK; hook++) {
		chain = MODEL_NONE;
		while ((chain = next_base(m, *hook, family, chain)) !=
		    MODEL_NONE)
			if (!walk_base(&w, chain))
				return;
	}
	if (w.saved_by != MODEL_NONE) {
		doubt(&w, w.saved_by);
		out->end = JUDGE_DROPPED;
		out->npath = 0;
	}
}

void
judge(const struct model *m, const struct judge_packet *packet,
    uint64_t *steps, struct judgement *out)
{
	static const enum model_hook hooks[] = { MODEL_PREROUTING,
	    MODEL_FORWARD, MODEL_POSTROUTING, MODEL_NO_HOOK };

	walk_hooks(m, hooks, packet, steps, out);
}

void
judge_local(const struct model *m, const struct judge_packet *packet,
    uint64_t *steps, struct judgement *out)
{
	static const enum model_hook hooks[] = { MODEL_PREROUTING,
	    MODEL_INPUT, MODEL_NO_HOOK };

	walk_hooks(m, hooks, packet, steps, out);
}
