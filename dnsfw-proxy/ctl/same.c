/* What rules of a list say that lines before them say as well. */
#include "same.h"

#include <netinet/in.h>

#include <err.h>
#include <stdlib.h>

/* What the rules of one record have said, by line; 0: nothing yet. */
struct said {
	uint32_t	other;			/* ~> or -| */
	uint32_t	ports[2][UINT16_MAX + 1];	/* TCP, UDP */
};

/* The i-th thing that the rule says, or NULL. */
static uint32_t *
said_place(struct said *s, const struct parse_rule *rule, unsigned int i)
{
	if (rule->action == PARSE_GRANT)
		return (i == rule->nports ? NULL :
		    &s->ports[rule->proto == IPPROTO_UDP][rule->ports[i]]);
	return (i == 0 ? &s->other : NULL);
}

/*
 * Note what the rule says; returns the line that has said it all, or the last of
 * those that have; 0: some is new.
 */
static uint32_t
say(struct said *s, const struct parse_rule *rule, uint32_t line)
{
	uint32_t last = 0, *place;
	bool new = false;
	unsigned int i;

	for (i = 0; (place = said_place(s, rule, i)) != NULL; i++) {
		new |= *place == 0;
		if (*place == 0)
			*place = line;
		else if (*place > last)
			last = *place;
	}
	return (new ? 0 : last);
}

static void
forget(struct said *s, const struct parse_rule *rule)
{
	uint32_t *place;
	unsigned int i;

	for (i = 0; (place = said_place(s, rule, i)) != NULL; i++)
		*place = 0;
}

uint32_t *
same_find(const struct list *l)
{
	static struct said said;
	uint32_t *same = calloc(l->nrules + 1UL, sizeof(*same));
	const struct list_rule *r;
	struct parse_rule rule;
	uint32_t i, k, end;

	if (same == NULL)
		err(1, "calloc");
	for (i = 0; i < l->nrules; i = end) {
		for (end = i; end < l->nrules &&
		    l->rules[l->by_record[end]].record ==
		    l->rules[l->by_record[i]].record; end++)
			;
		for (k = i; end - i > 1 && k < end; k++) {
			r = &l->rules[l->by_record[k]];
			list_parse(r, &rule);
			same[l->by_record[k]] = say(&said, &rule, r->line);
		}
		for (k = i; end - i > 1 && k < end; k++) {
			list_parse(&l->rules[l->by_record[k]], &rule);
			forget(&said, &rule);
		}
	}
	return (same);
}
