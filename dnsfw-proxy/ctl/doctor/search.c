/* Where a packet goes around dnsfw. */
#include "search.h"

#include "solve.h"

#define TRIES_MAX	200	/* packets for one aim */

struct search {
	struct solve	s;
	search_fn	*fn;
	void		*arg;
	/* The aim that is tried: the wants that make it, and the rest. */
	uint32_t	base;		/* its chain with a hook */
	size_t		nown;
	unsigned int	tries;
	bool		hopeless;
	bool		unfinished;	/* of any */
	bool		enough;		/* nothing more is wanted */
};

static bool
want(struct search *a, uint32_t match, bool hold)
{
	if (a->s.n == SOLVE_WANTS_MAX) {
		a->unfinished = true;
		return (false);
	}
	a->s.wants[a->s.n++] = (struct solve_want){ .match = match,
	    .hold = hold };
	return (true);
}

/* That a packet comes to the rule's verdict; what nobody knows is left out. */
static bool
want_rule(struct search *a, uint32_t rule)
{
	const struct model_rule *r = &a->s.m->rules[rule];
	uint32_t i;

	for (i = r->first; i < r->first + r->n; i++)
		if (!want(a, i, true))
			return (false);
	return (true);
}

static bool
may_go_on(const struct search *a)
{
	return (*a->s.steps > 0 && !a->enough);
}

static bool
is_feasible(struct search *a)
{
	struct judge_packet p;

	return (solve_packet(&a->s, &p));
}

/* --- around what drops a packet --- */

static bool try_aim(struct search *);

/* One more want; true: the search is over. */
static bool
try_without(struct search *a, uint32_t match)
{
	size_t n = a->s.n;
	bool over = want(a, match, false) && try_aim(a);

	a->s.n = n;
	return (over);
}

/* Could the aim alone avoid it? */
static bool
is_avoidable(struct search *a, uint32_t match)
{
	struct solve_want kept = a->s.wants[a->nown];
	size_t n = a->s.n;
	bool is;

	a->s.n = a->nown;
	is = want(a, match, false) && is_feasible(a);
	a->s.wants[a->nown] = kept;
	a->s.n = n;
	return (is);
}

/* Does the rule lead a packet on that comes to it? */
static bool
lets_by(const struct search *a, const struct judgement *j, uint32_t rule,
    bool nested)
{
	enum model_verdict v = a->s.m->rules[rule].verdict;

	return ((v == MODEL_RETURN && (nested ||
	    !a->s.m->chains[j->base].drops)) ||
	    (v == MODEL_ACCEPT && j->base != a->base));
}

/* By a rule of the chain, before the one given. */
static bool
try_before(struct search *a, const struct judgement *j, uint32_t chain,
    uint32_t end, bool nested, bool *any)
{
	const struct model *m = a->s.m;
	size_t n = a->s.n;
	uint32_t i;
	bool over;

	for (i = m->chains[chain].first; i != MODEL_NONE && i != end &&
	    *a->s.steps > 0; i = m->rules[i].next) {
		--*a->s.steps;
		if (!lets_by(a, j, i, nested))
			continue;
		*any = true;
		over = want_rule(a, i) && try_aim(a);
		a->s.n = n;
		if (over)
			return (true);
	}
	return (false);
}

/* The packet was dropped, or taken: try another one; true: it is over. */
static bool
avoid(struct search *a, const struct judgement *j)
{
	const struct model *m = a->s.m;
	const struct model_rule *r;
	bool any = false;
	uint32_t i;
	size_t k;

	for (k = j->npath; k > 0; k--) {
		r = &m->rules[j->path[k - 1]];
		for (i = r->first; i < r->first + r->n; i++)
			any = any || is_avoidable(a, i);
	}
	for (k = j->npath; k > 0 && any; k--) {
		r = &m->rules[j->path[k - 1]];
		for (i = r->first; i < r->first + r->n; i++)
			if (try_without(a, i))
				return (true);
	}
	for (k = j->npath; k > 0; k--)
		if (try_before(a, j, m->rules[j->path[k - 1]].chain,
		    j->path[k - 1], k > 1, &any))
			return (true);
	/* By the policy. */
	if (j->npath == 0 && a->nown > 0 && j->base != a->base &&
	    try_before(a, j, j->base, MODEL_NONE, false, &any))
		return (true);
	a->hopeless = !any;
	return (a->hopeless);
}

/* True: an answer is found, or there is none. */
static bool
try_aim(struct search *a)
{
	struct judge_packet p;
	struct judgement j;

	if (!solve_packet(&a->s, &p))
		return (*a->s.steps == 0);
	if (a->tries++ >= TRIES_MAX) {
		a->unfinished = true;
		return (true);
	}
	judge(a->s.m, &p, a->s.steps, &j);
	if (*a->s.steps == 0)
		return (true);
	a->enough = !a->fn(a->arg, &p, &j);
	return (a->enough || j.end == JUDGE_ACCEPTED || avoid(a, &j));
}

static void
try_alone(struct search *a, uint32_t base)
{
	size_t n = a->s.n;

	a->base = base;
	a->nown = n;
	a->tries = 0;
	(void)try_aim(a);
	a->s.n = n;
}

/* --- aims --- */

static bool
is_change(enum model_verdict v)
{
	return (v == MODEL_TAKE || v == MODEL_SEND || v == MODEL_UNTRACK);
}

/* Does the aim want what only another rule makes of a packet? */
static bool
wants_change(const struct search *a)
{
	enum model_what what;
	size_t i;

	for (i = 0; i < a->s.n; i++) {
		what = a->s.m->matches[a->s.wants[i].match].what;
		if (what == MODEL_SENT || what == MODEL_STATE)
			return (a->s.m->sends || a->s.m->untracks);
	}
	return (false);
}

static void
try_all(struct search *a, uint32_t base)
{
	const struct model *m = a->s.m;
	size_t n = a->s.n;
	uint32_t i;

	try_alone(a, base);
	for (i = 0; i < m->nrules && wants_change(a) && may_go_on(a); i++) {
		--*a->s.steps;
		if (is_change(m->rules[i].verdict) && want_rule(a, i))
			try_alone(a, base);
		a->s.n = n;
	}
}

/* Is it worth to come to such a rule? */
static bool
is_aim(enum model_verdict v)
{
	return (v == MODEL_ACCEPT || v == MODEL_RETURN || v == MODEL_GOTO ||
	    is_change(v));
}

static void
look_chain(struct search *a, uint32_t base, uint32_t chain,
    unsigned int depth)
{
	const struct model *m = a->s.m;
	const struct model_rule *r;
	size_t n = a->s.n;
	uint32_t i;

	if (depth > JUDGE_DEPTH_MAX)
		return;
	for (i = m->chains[chain].first; i != MODEL_NONE && may_go_on(a);
	    i = r->next) {
		r = &m->rules[i];
		--*a->s.steps;
		if ((!is_aim(r->verdict) && r->target == MODEL_NONE) ||
		    (m->chains[base].hook != MODEL_FORWARD &&
		    r->target == MODEL_NONE && !is_change(r->verdict)) ||
		    !want_rule(a, i) || !is_feasible(a)) {
			a->s.n = n;
			continue;
		}
		if (is_aim(r->verdict))
			try_all(a, base);
		if (r->target != MODEL_NONE)
			look_chain(a, base, r->target, depth + 1);
		a->s.n = n;
	}
}

bool
search_each(const struct model *m, const struct ways_world *world,
    uint8_t family, uint64_t *steps, search_fn *fn, void *arg)
{
	static struct search a;
	uint32_t i;

	a = (struct search){ .s = { .m = m, .world = world, .family = family,
	    .steps = steps }, .fn = fn, .arg = arg };
	for (i = 0; i < m->nchains && !a.enough; i++) {
		if (m->chains[i].hook == MODEL_NO_HOOK ||
		    m->chains[i].hook == MODEL_INPUT ||
		    m->chains[i].hook == MODEL_POSTROUTING ||
		    (m->chains[i].families & model_family(family)) == 0)
			continue;
		if (!m->chains[i].drops && m->chains[i].hook == MODEL_FORWARD)
			try_all(&a, i);
		look_chain(&a, i, i, 0);
	}
	return (!a.unfinished && !a.s.cut && *steps > 0);
}
