/* What is odd in a list. */
#include "odd.h"

#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "suffix.h"

#define TEXT_MAX	320	/* of what is told, with NUL */

struct odd {
	struct list	*list;
	const struct clients_nets *nets;
	struct blocks	 blocks;
	uint32_t	*same;		/* of a rule: the line that says the same */
};

/* --- twice the same --- */

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

/* Find those that lines before say as well. */
static void
find_same(struct odd *o)
{
	static struct said said;
	const struct list *l = o->list;
	const struct list_rule *r;
	struct parse_rule rule;
	uint32_t i, k, end;

	for (i = 0; i < l->nrules; i = end) {
		for (end = i; end < l->nrules &&
		    l->rules[l->by_record[end]].record ==
		    l->rules[l->by_record[i]].record; end++)
			;
		for (k = i; end - i > 1 && k < end; k++) {
			r = &l->rules[l->by_record[k]];
			list_parse(r, &rule);
			o->same[l->by_record[k]] = say(&said, &rule, r->line);
		}
		for (k = i; end - i > 1 && k < end; k++) {
			list_parse(&l->rules[l->by_record[k]], &rule);
			forget(&said, &rule);
		}
	}
}

/* --- a rule by itself --- */

/* No client does what the rule says. */
static bool
is_without_client(const struct odd *o, const struct parse_rule *rule,
    char text[TEXT_MAX])
{
	const char *never;
	bool none;

	if (clients_outside(o->nets, &rule->client)) {
		snprintf(text, TEXT_MAX, "no such client gets an answer: it is "
		    "outside of --client-net");
		return (true);
	}
	never = clients_never(&rule->client, &none);
	if (never == NULL || (!none && rule->action != PARSE_GRANT))
		return (false);
	if (none)
		snprintf(text, TEXT_MAX, "no client has such an address: it "
		    "is %s", never);
	else
		snprintf(text, TEXT_MAX, "nothing is ever granted to a %s "
		    "client: it cannot connect from there", never);
	return (true);
}

/* Which line of the record says what the rule says, or at least some of it? */
static uint32_t
line_that_says(const struct list *l, acl_record record,
    const struct parse_rule *rule)
{
	struct parse_rule other;
	const uint32_t *first;
	size_t i, n = list_rules(l, record, &first);

	for (i = 0; i < n; i++) {
		list_parse(&l->rules[first[i]], &other);
		if (other.action == rule->action &&
		    (rule->action != PARSE_GRANT ||
		    (other.proto == rule->proto &&
		    parse_has_port(&other, rule->ports[0]))))
			return (l->rules[first[i]].line);
	}
	return (0);
}

/* Has the rule other names, too? */
static bool
is_one_of_several(const struct list *l, const struct list_rule *r)
{
	return ((r > l->rules && r[-1].line == r->line) ||
	    (r + 1 < l->rules + l->nrules && r[1].line == r->line));
}

/*
 * What is odd about it, in text.  Returns the offset in the line, 0: of the rule as
 * a whole, or -1: nothing.
 */
static long
judge_rule(const struct odd *o, const struct list_rule *r,
    const struct parse_rule *rule, char text[TEXT_MAX])
{
	bool allows = rule->action != PARSE_BLOCK;
	bool several = is_one_of_several(o->list, r);
	uint32_t same = o->same[r - o->list->rules];
	char place[TEXTS_NAME_SIZE];
	acl_record again;
	uint32_t block;

	if (same != 0 && !r->grouped) {
		snprintf(text, TEXT_MAX, "%s says the same", texts_name(
		    &o->list->texts, r->line, same, place));
		return (several ? (long)rule->pattern_at : 0);
	}
	/* How it stands to others depends on whom and what it means. */
	if (r->grouped)
		return (-1);
	if (is_without_client(o, rule, text))
		return (0);
	if ((again = relate_again(o->list->image, r->record, rule)) != 0) {
		snprintf(text, TEXT_MAX, "nothing changes without it: %s %s all "
		    "that it does", texts_name(&o->list->texts, r->line,
		    line_that_says(o->list, again, rule), place),
		    allows ? "allows" : "blocks");
		return ((long)rule->pattern_at);
	}
	if (!allows && rule->local.family == 0 &&
	    !relate_hides(o->list->image, r->record, rule)) {
		snprintf(text, TEXT_MAX, "it blocks what no rule allows");
		return ((long)rule->pattern_at);
	}
	if (allows && rule->wildcard && suffix_is_public(&rule->name)) {
		snprintf(text, TEXT_MAX, "a public suffix: anybody can register "
		    "a name that it allows");
		return ((long)rule->pattern_at);
	}
	if (allows && rule->wildcard &&
	    (block = blocks_passed_over(&o->blocks, r, rule)) != 0) {
		snprintf(text, TEXT_MAX, "it opens what %s blocks for more "
		    "clients: the smaller network comes first",
		    texts_name(&o->list->texts, r->line, block, place));
		return ((long)rule->pattern_at);
	}
	return (-1);
}

/* Tell of groups that no rule has, from *next on, to those of that line. */
static void
tell_unused(struct list *l, size_t *next, uint32_t line, odd_fn *tell,
    void *arg)
{
	const struct acl_unused *u;

	for (; *next < l->nunused && l->unused[*next].line < line; ++*next) {
		u = &l->unused[*next];
		tell(arg, l, u->line, u->at + 1U, "no rule has the group");
	}
}

void
odd_find(struct list *l, const struct clients_nets *nets, odd_fn *tell,
    void *arg)
{
	struct odd o = { .list = l, .nets = nets };
	struct parse_rule rule;
	char text[TEXT_MAX];
	const char *start;
	size_t unused = 0;
	uint32_t i;
	long at;

	o.same = calloc(l->nrules + 1UL, sizeof(*o.same));
	if (o.same == NULL)
		err(1, "calloc");
	if (l->nrules == 0)
		tell(arg, l, 0, 0, "there is no rule: every client is refused "
		    "everything");
	find_same(&o);
	blocks_collect(&o.blocks, l);
	for (i = 0; i < l->nrules; i++) {
		tell_unused(l, &unused, l->rules[i].line, tell, arg);
		list_parse(&l->rules[i], &rule);
		if ((at = judge_rule(&o, &l->rules[i], &rule, text)) == -1)
			continue;
		if (at == 0) {
			(void)list_text(&l->rules[i], &start);
			at = start - l->rules[i].text;
		}
		tell(arg, l, l->rules[i].line, (unsigned int)at + 1, text);
	}
	tell_unused(l, &unused, UINT32_MAX, tell, arg);
	blocks_free(&o.blocks);
	free(o.same);
}
