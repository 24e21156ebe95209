/* What is odd in a list. */
#include "odd.h"

#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "same.h"
#include "suffix.h"

#define TEXT_MAX	320	/* of what is told, with NUL */
#define SUBNETS_MAX	64	/* that stand differently, of a group */

struct odd {
	struct list	*list;
	const struct clients_nets *nets;
	struct relate	 relate;
	struct blocks	 blocks;
	uint32_t	*same;		/* of a rule: the line that says the same */
	uint32_t	 subnet;	/* of a rule without groups */
};

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

/* Are both what one line says of one of its names, which may be a group? */
static bool
is_part(const struct list_rule *r, const struct list_rule *other)
{
	return (other->grouped && other->line == r->line &&
	    other->name_at == r->name_at);
}

/* Has the rule, of which this is the first part, other names, too? */
static bool
is_one_of_several(const struct list *l, const struct list_rule *r)
{
	const struct list_rule *next = r + 1, *end = l->rules + l->nrules;

	while (next < end && is_part(r, next))
		next++;
	return ((r > l->rules && r[-1].line == r->line) ||
	    (next < end && next->line == r->line));
}

/* --- what other rules say --- */

/* Which lines say what a rule says. */
struct elsewhere {
	uint32_t	line;		/* the first of them that was found */
	bool		several;
	bool		before;		/* all for the same clients and names */
};

static void
note_saying(struct elsewhere *e, uint32_t line)
{
	if (e->line == 0)
		e->line = line;
	e->several |= e->line != line;
}

/* For whom the rule is in that record; 0: they are too many to look at. */
static size_t
subnets_of(struct odd *o, const struct list_rule *r,
    const struct parse_rule *rule, const uint32_t **subnets)
{
	size_t n;

	if (!r->grouped) {
		o->subnet = relate_subnet(&o->relate, &rule->client);
		*subnets = &o->subnet;
		return (o->subnet != RELATE_NONE);
	}
	n = relate_subnets(&o->relate, r->record, subnets);
	return (n <= SUBNETS_MAX ? n : 0);
}

static bool
is_said(struct odd *o, const struct list_rule *r, const struct parse_rule *rule,
    struct elsewhere *e)
{
	uint32_t same = o->same[r - o->list->rules];
	const uint32_t *subnets;
	acl_record again;
	size_t i, n;

	if (same != 0) {
		note_saying(e, same);
		return (true);
	}
	e->before = false;
	n = subnets_of(o, r, rule, &subnets);
	for (i = 0; i < n; i++) {
		again = relate_again(&o->relate, subnets[i], rule);
		if (again == 0)
			return (false);
		note_saying(e, line_that_says(o->list, again, rule));
	}
	return (n > 0);
}

static bool
is_needed(struct odd *o, const struct list_rule *r,
    const struct parse_rule *rule)
{
	const uint32_t *subnets;
	size_t i, n = subnets_of(o, r, rule, &subnets);

	for (i = 0; i < n; i++)
		if (relate_hides(&o->relate, subnets[i], rule))
			return (true);
	return (n == 0);
}

/* The next record of the same name of the same line, as the rule's; or NULL. */
static const struct list_rule *
next_part(const struct odd *o, const struct list_rule *r,
    struct parse_rule *rule)
{
	const struct list_rule *next = r + 1;
	const struct list_rule *end = o->list->rules + o->list->nrules;

	/* A group may have a name twice. */
	while (next < end && is_part(r, next) && next->record == r->record)
		next++;
	if (next == end || !is_part(r, next))
		return (NULL);
	relate_pattern(&o->relate, next->record, rule);
	return (next);
}

/* Do other lines say all that the rule says of its name? */
static bool
is_all_said(struct odd *o, const struct list_rule *r, struct parse_rule rule,
    struct elsewhere *e)
{
	*e = (struct elsewhere){ .before = true };
	if (r->grouped)
		relate_pattern(&o->relate, r->record, &rule);
	for (; r != NULL; r = next_part(o, r, &rule))
		if (!is_said(o, r, &rule, e))
			return (false);
	return (true);
}

/* Does nothing change without the rule, a block? */
static bool
hides_nothing(struct odd *o, const struct list_rule *r, struct parse_rule rule)
{
	if (r->grouped)
		relate_pattern(&o->relate, r->record, &rule);
	for (; r != NULL; r = next_part(o, r, &rule))
		if (is_needed(o, r, &rule))
			return (false);
	return (true);
}

/* "line 5", or what else says it. */
static const char *
who_says(const struct odd *o, const struct list_rule *r,
    const struct elsewhere *e, char buf[TEXTS_NAME_SIZE])
{
	if (e->several)
		return ("other lines together");
	return (texts_name(&o->list->texts, r->line, e->line, buf));
}

/* --- all of that --- */

/*
 * What is odd about it, in text.  Returns the offset in the line, 0: of the rule as
 * a whole, or -1: nothing.
 */
static long
judge_rule(struct odd *o, const struct list_rule *r,
    const struct parse_rule *rule, char text[TEXT_MAX])
{
	bool allows = rule->action != PARSE_BLOCK, said;
	char place[TEXTS_NAME_SIZE];
	struct elsewhere e;
	uint32_t block;

	said = is_all_said(o, r, *rule, &e);
	if (said && e.before) {
		snprintf(text, TEXT_MAX, "%s say%s the same", who_says(o, r, &e,
		    place), e.several ? "" : "s");
		return (is_one_of_several(o->list, r) ?
		    (long)rule->pattern_at : 0);
	}
	if (rule->group.len == 0 && is_without_client(o, rule, text))
		return (0);
	if (said) {
		snprintf(text, TEXT_MAX, "nothing changes without it: %s %s%s "
		    "all that it does", who_says(o, r, &e, place), allows ?
		    "allow" : "block", e.several ? "" : "s");
		return ((long)rule->pattern_at);
	}
	if (!allows && rule->local.family == 0 && hides_nothing(o, r, *rule)) {
		snprintf(text, TEXT_MAX, "it blocks what no rule allows");
		return ((long)rule->pattern_at);
	}
	if (allows && rule->wildcard && suffix_is_public(&rule->name)) {
		snprintf(text, TEXT_MAX, "a public suffix: anybody can register "
		    "a name that it allows");
		return ((long)rule->pattern_at);
	}
	if (allows && rule->wildcard && !r->grouped &&
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

	if (l->nrules == 0)
		tell(arg, l, 0, 0, "there is no rule: every client is refused "
		    "everything");
	if (!relate_init(&o.relate, l->image))
		err(1, "calloc");
	o.same = same_find(l);
	blocks_init(&o.blocks, l);
	for (i = 0; i < l->nrules; i++) {
		if (i > 0 && is_part(&l->rules[i - 1], &l->rules[i]))
			continue;
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
	relate_free(&o.relate);
	free(o.same);
}
