/* What of a firewall closes what dnsfw opens. */
#include "closed.h"

#include <stdio.h>
#include <string.h>

#include "mend.h"
#include "whatif.h"

struct closed {
	const struct model *m;
	const struct guard *guard;
	const struct ways_world *world;
	uint8_t		family;
	const char	*name;		/* of the family */
	uint64_t	*steps;
	struct findings	*findings;
};

/*
 * A packet of the clients behind iifs[i], or to them.  It is dropped if it is on all
 * ways out: one of them may be closed for good reasons.
 */
static bool
is_dropped(const struct closed *c, size_t i, enum judge_kind kind,
    struct judge_packet *p, struct judgement *j)
{
	size_t k = 0;

	do {
		whatif_packet(c->world, c->family, i, k, kind, p);
		judge(c->m, p, c->steps, j);
		if (*c->steps == 0 || j->end != JUDGE_DROPPED ||
		    j->unsure != MODEL_NONE)
			return (false);
	} while (++k < c->world->noifs);
	return (true);
}

/* The chain that drops it leads to dnsfw, but too late. */
static void
tell_behind(const struct closed *c)
{
	char mend[MEND_MAX];

	mend_jump(c->m, c->guard, c->world, c->family, mend);
	findings_add(c->findings, ERROR, "jump-behind", mend,
	    "clients' %s packets are dropped before the rule that leads to "
	    "dnsfw's chain %s: grants open nothing", c->name,
	    c->guard->chain);
}

/* Another one does, before or behind it. */
static void
tell_closer(const struct closed *c, const struct judge_packet *p,
    uint32_t closer)
{
	bool docker = model_find(c->m, c->m->chains[closer].table,
	    MEND_DOCKER) != MODEL_NONE;
	char mend[MEND_MAX] = "";

	/* Open it only where dnsfw's own chain closes. */
	if (whatif_closed(c->m, c->world, c->family, closer))
		mend_opening(c->m, closer, p, mend);
	findings_add(c->findings, ERROR, "grants-closed", mend,
	    "what dnsfw grants by %s from %s to %s is dropped by another chain, "
	    "%s: each chain with the hook has to accept it%s",
	    c->name, p->iif, p->oif,
	    model_chain_text(c->m, closer), docker ? " (Docker's is for "
	    "rules of yours in " MEND_DOCKER ")" : "");
}

static void
look_at_grants(const struct closed *c, size_t i)
{
	struct judge_packet p;
	struct judgement j;
	uint64_t *steps = c->steps;

	if (!is_dropped(c, i, JUDGE_GRANTED, &p, &j))
		return;
	if (!model_leads(c->m, j.base, JUDGE_DEPTH_MAX, steps))
		tell_closer(c, &p, j.base);
	else if (!j.reached && !j.maybe_reached)
		tell_behind(c);
}

static void
look_at_replies(const struct closed *c, size_t i)
{
	char mend[MEND_MAX] = "";
	struct judge_packet p;
	struct judgement j;

	if (!is_dropped(c, i, JUDGE_REPLY, &p, &j))
		return;
	if (c->m->chains[j.base].hook == MODEL_FORWARD)
		mend_replies(c->m, j.base, mend);
	findings_add(c->findings, ERROR, "no-replies", mend,
	    "answers to clients (%s, from %s to %s) are dropped by %s: of what "
	    "dnsfw grants, nothing comes back", c->name, p.iif,
	    p.oif, model_chain_text(c->m, j.base));
}

void
closed_find(const struct model *m, const struct guard *guard,
    const struct ways_world *world, uint8_t family, uint64_t *steps,
    struct findings *findings)
{
	const struct closed c = { .m = m, .guard = guard, .world = world,
	    .family = family, .name = family == ADDR_V4 ? "IPv4" : "IPv6",
	    .steps = steps, .findings = findings };
	size_t i = 0;

	do {
		look_at_grants(&c, i);
		look_at_replies(&c, i);
	} while (++i < world->niifs);
}
