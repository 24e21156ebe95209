/* What becomes of a question, and which rules made that. */
#include "outcome.h"

#include <string.h>

#include "../serve/kind.h"
#include "../serve/policy.h"

/* --- the rules --- */

struct way {
	const struct list *list;
	struct outcome	*v;
	bool		allowed, ended;
};

static bool
add_record(void *arg, acl_record record, bool blocks)
{
	struct way *w = arg;
	const uint32_t *first;
	size_t i, n = list_rules(w->list, record, &first);

	for (i = 0; i < n && w->v->nrules < OUTCOME_RULES_MAX; i++)
		w->v->rules[w->v->nrules++] = (struct outcome_rule){
		    .rule = &w->list->rules[first[i]], .blocks = blocks,
		    .decides = blocks && !w->allowed, .hidden = w->ended };
	w->ended |= blocks;
	w->allowed |= !blocks;
	return (false);
}

/* A block behind what was allowed, with nothing behind itself, did nothing. */
static void
drop_idle_block(struct outcome *v)
{
	const struct outcome_rule *r;

	while (v->nrules > 0) {
		r = &v->rules[v->nrules - 1];
		if (!r->blocks || r->decides || r->hidden)
			break;
		v->nrules--;
	}
}

/* --- the outcome --- */

static const char *
refusal(const struct request *r, const struct decision *d, bool *grants)
{
	if (d->acl.verdict == ACL_NOMATCH)
		return ("no rule");
	if (d->acl.verdict == ACL_BLOCK)
		return ("a rule blocks it");
	return (kind_check(&r->dns, &d->acl, grants));
}

void
outcome_find(const struct list *l, const struct outcome_question *q,
    struct outcome *v)
{
	struct way way = { .list = l, .v = v };
	struct request r = { .client = q->client, .dns = {
	    .has_question = true, .qname = q->name, .qtype = q->type,
	    .qclass = CLASS_IN, .strict = true } };
	bool grants = false;

	memset(v, 0, offsetof(struct outcome, rules));
	policy.image = l->image;
	relate_decision(l->image, &q->client, &q->name, add_record, &way);
	drop_idle_block(v);
	decision_make(&r, &v->d);
	if (v->d.signal != SIGNAL_NONE) {
		v->why = "a name that leads clients around this server is "
		    "answered here (--bypass-signals)";
		return;
	}
	if (v->d.acl.verdict == ACL_LOCAL) {
		v->kind = OUTCOME_STATIC;
		return;
	}
	v->why = refusal(&r, &v->d, &grants);
	if (v->why == NULL)
		v->kind = grants ? OUTCOME_GRANT : OUTCOME_RESOLVE;
	if (v->why == NULL && v->d.keys)
		v->why = "what a validator needs for names below";
}
