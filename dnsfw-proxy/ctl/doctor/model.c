/* A firewall as doctor looks at it. */
#include "model.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of n; returns the array. */
static void *
one_more(void *at, uint32_t n, uint32_t *room, size_t size)
{
	if (n < *room)
		return (at);
	*room = *room == 0 ? 64 : 2 * *room;
	if ((at = reallocarray(at, *room, size)) == NULL)
		err(1, "realloc");
	return (at);
}

static char *
keep_text(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		err(1, "strdup");
	return (copy);
}

void
model_free(struct model *m)
{
	uint32_t i;

	for (i = 0; i < m->nchains; i++) {
		free(m->chains[i].table);
		free(m->chains[i].name);
	}
	for (i = 0; i < m->nrules; i++)
		free(m->rules[i].text);
	free(m->chains);
	free(m->rules);
	free(m->matches);
	free(m->values);
	*m = (struct model){ .full = false };
}

uint8_t
model_family(uint8_t family)
{
	return (family == ADDR_V4 ? MODEL_V4 : MODEL_V6);
}

uint32_t
model_find(const struct model *m, const char *table, const char *name)
{
	uint32_t i;

	/* Mostly the last one is meant. */
	for (i = m->nchains; i > 0; i--)
		if (strcmp(m->chains[i - 1].name, name) == 0 &&
		    strcmp(m->chains[i - 1].table, table) == 0)
			return (i - 1);
	return (MODEL_NONE);
}

uint32_t
model_chain(struct model *m, const char *table, const char *name,
    uint8_t families)
{
	uint32_t i = model_find(m, table, name);

	if (i != MODEL_NONE)
		return (i);
	m->chains = one_more(m->chains, m->nchains, &m->chains_room,
	    sizeof(*m->chains));
	m->chains[m->nchains] = (struct model_chain){
	    .table = keep_text(table), .name = keep_text(name),
	    .families = families, .first = MODEL_NONE, .last = MODEL_NONE };
	return (m->nchains++);
}

bool
model_leads(const struct model *m, uint32_t chain, unsigned int depth,
    uint64_t *steps)
{
	uint32_t i;

	if (m->chains[chain].grants)
		return (true);
	for (i = m->chains[chain].first; i != MODEL_NONE && depth > 0 &&
	    *steps > 0; i = m->rules[i].next) {
		--*steps;
		if (m->rules[i].target != MODEL_NONE &&
		    model_leads(m, m->rules[i].target, depth - 1, steps))
			return (true);
	}
	return (false);
}

void
model_value(struct model *m, struct model_match *match,
    const struct model_value *value)
{
	if (m->nvalues == MODEL_VALUES_MAX) {
		m->full = true;
		match->what = MODEL_UNKNOWN;
		return;
	}
	m->values = one_more(m->values, m->nvalues, &m->values_room,
	    sizeof(*m->values));
	if (match->n == 0)
		match->first = m->nvalues;
	match->n++;
	m->values[m->nvalues++] = *value;
}

static void
append_rule(struct model *m, struct model_chain *c, uint32_t rule)
{
	if (c->first == MODEL_NONE)
		c->first = rule;
	else
		m->rules[c->last].next = rule;
	c->last = rule;
}

struct model_rule *
model_rule(struct model *m, uint32_t chain, const struct model_match *matches,
    size_t n, enum model_verdict verdict)
{
	/* Who writes into it does no harm. */
	static struct model_rule none;
	size_t i;

	if (m->nrules == MODEL_RULES_MAX) {
		m->full = true;
		return (&none);
	}
	m->rules = one_more(m->rules, m->nrules, &m->rules_room,
	    sizeof(*m->rules));
	m->rules[m->nrules] = (struct model_rule){ .next = MODEL_NONE,
	    .chain = chain, .first = m->nmatches, .n = (uint32_t)n,
	    .verdict = verdict, .target = MODEL_NONE };
	m->sends |= verdict == MODEL_SEND;
	m->untracks |= verdict == MODEL_UNTRACK;
	for (i = 0; i < n; i++) {
		m->matches = one_more(m->matches, m->nmatches,
		    &m->matches_room, sizeof(*m->matches));
		m->matches[m->nmatches++] = matches[i];
	}
	append_rule(m, &m->chains[chain], m->nrules);
	return (&m->rules[m->nrules++]);
}

const char *
model_chain_text(const struct model *m, uint32_t chain)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s %s", m->chains[chain].table,
	    m->chains[chain].name);
	return (text);
}
