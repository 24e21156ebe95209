/* What becomes of a question, and which rules made that. */
#include "outcome.h"

#include <string.h>

#include "../serve/kind.h"
#include "../serve/policy.h"

/* --- the rules --- */

struct way {
	const struct list *list;
	struct outcome	*o;
	bool		allowed, ended;
};

/* A rule with several names may match by more than one. */
static bool
is_there(const struct outcome *o, const struct list_rule *rule)
{
	size_t i;

	for (i = 0; i < o->nrules && o->rules[i].rule->line != rule->line; i++)
		;
	return (i < o->nrules);
}

static bool
add_record(void *arg, acl_record record, bool blocks)
{
	struct way *w = arg;
	const uint32_t *first;
	size_t i, n = list_rules(w->list, record, &first);
	const struct list_rule *rule;

	for (i = 0; i < n && w->o->nrules < OUTCOME_RULES_MAX; i++) {
		rule = &w->list->rules[first[i]];
		if (is_there(w->o, rule))
			continue;
		w->o->rules[w->o->nrules++] = (struct outcome_rule){
		    .rule = rule, .blocks = blocks,
		    .decides = blocks && !w->allowed, .hidden = w->ended };
	}
	w->o->more |= i < n;
	w->ended |= blocks;
	w->allowed |= !blocks;
	return (false);
}

/* A block behind what was allowed, with nothing behind itself, did nothing. */
static void
drop_idle_block(struct outcome *o)
{
	const struct outcome_rule *r;

	while (!o->more && o->nrules > 0) {
		r = &o->rules[o->nrules - 1];
		if (!r->blocks || r->decides || r->hidden)
			break;
		o->nrules--;
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

/* Nothing is granted, or answered, to some clients whatever the rules say. */
static void
judge_client(const struct clients_nets *nets, const struct addr *client,
    struct outcome *o)
{
	const struct addr_net net = { .base = *client,
	    .prefix = (uint8_t)(addr_len(client->family) * 8) };
	bool none = false;

	if (clients_outside(nets, &net))
		o->why = "no answer at all: the client is outside of "
		    "--client-net";
	else if (clients_never(&net, &none) == NULL)
		return;
	else if (none)
		o->why = "no client has such an address";
	else if (o->kind == OUTCOME_GRANT) {
		o->kind = OUTCOME_RESOLVE;
		o->why = "a link-local client cannot connect from there";
		return;
	} else
		return;
	o->kind = OUTCOME_REFUSE;
}

static struct request
request_of(const struct outcome_question *q)
{
	return ((struct request){ .client = q->client, .dns = {
	    .has_question = true, .qname = q->name, .qtype = q->type,
	    .qclass = CLASS_IN, .strict = true } });
}

/* By the list alone. */
static void
find_by_list(const struct list *l, const struct outcome_question *q,
    struct outcome *o)
{
	struct way way = { .list = l, .o = o };
	struct request r = request_of(q);
	bool grants = false;

	memset(o, 0, offsetof(struct outcome, rules));
	policy.image = l->image;
	relate_decision(l->image, &q->client, &q->name, add_record, &way);
	drop_idle_block(o);
	decision_make(&r, &o->d);
	if (o->d.signal != SIGNAL_NONE) {
		o->why = "a name that leads clients around this server is "
		    "answered here (--bypass-signals)";
		return;
	}
	if (o->d.acl.verdict == ACL_LOCAL) {
		o->kind = OUTCOME_STATIC;
		o->empty = q->type != (o->d.acl.local.family == ADDR_V4 ?
		    TYPE_A : TYPE_AAAA);
		if (o->empty)
			o->why = "the address of the rule is of another type";
		return;
	}
	o->why = refusal(&r, &o->d, &grants);
	if (o->why == NULL)
		o->kind = grants ? OUTCOME_GRANT : OUTCOME_RESOLVE;
	if (o->why == NULL && o->d.keys)
		o->why = "what a validator needs for names below";
}

/* Has an answer of that type addresses of the net's family? */
static bool
is_for_family(uint16_t type, const struct addr_net *net)
{
	return (type != (net->base.family == ADDR_V4 ? TYPE_AAAA : TYPE_A));
}

/* What other addresses of the host are granted. */
static void
find_others(const struct clients_nets *nets, const struct outcome_question *q,
    struct outcome *o)
{
	struct addr_net all[ACL_HOST_MAX];
	struct request r = request_of(q);
	struct outcome_other *other;
	struct decision d;
	unsigned int i, n;
	uint32_t host;
	bool none;

	if (!acl_host_of(policy.image, &q->client, &host))
		return;
	n = acl_host_list(policy.image, host, all);
	for (i = 0; i < n; i++) {
		if (addr_equal(&all[i].base, &q->client) ||
		    !is_for_family(q->type, &all[i]) ||
		    clients_outside(nets, &all[i]) ||
		    clients_never(&all[i], &none) != NULL)
			continue;
		decision_make_for(&r, &all[i].base, &d);
		other = &o->others[o->nothers++];
		other->net = all[i];
		other->nports = d.acl.verdict == ACL_ALLOW &&
		    !d.acl.overflow ? d.acl.nports : 0;
		memcpy(other->ports, d.acl.ports,
		    other->nports * sizeof(d.acl.ports[0]));
	}
}

void
outcome_find(const struct list *l, const struct clients_nets *nets,
    const struct outcome_question *q, struct outcome *o)
{
	find_by_list(l, q, o);
	judge_client(nets, &q->client, o);
	o->nothers = 0;
	if (o->kind == OUTCOME_GRANT)
		find_others(nets, q, o);
}
