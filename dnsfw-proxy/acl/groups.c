/* The groups of a list under construction. */
#include "groups.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hostlist.h"
#include "patterns.h"

/* The slot of the group, or the free one where it belongs. */
static uint16_t *
group_slot(struct build *b, const struct dns_name *name)
{
	const uint32_t nslots = 2 * GROUPS_MAX;
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	const struct dns_name *other;
	uint32_t i;

	image_suffixes_init(&suffixes, name);
	i = image_place(suffixes.hash[suffixes.labels], nslots);
	for (; b->group_slots[i] != 0; i = slot_after(i, nslots)) {
		other = &b->groups[b->group_slots[i] - 1].name;
		if (other->len == name->len &&
		    memcmp(other->wire, name->wire, name->len) == 0)
			break;
	}
	return (&b->group_slots[i]);
}

static void __attribute__((format(printf, 4, 5)))
report_group(struct build *b, uint32_t line, size_t at, const char *format, ...)
{
	char text[PARSE_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	build_report(b, line, at, text);
}

/* A group without anything, or NULL. */
static struct group *
begin_group(struct build *b, uint32_t line, const struct parse_rule *rule,
    uint16_t *slot)
{
	struct group *g;

	if (b->ngroups == GROUPS_MAX) {
		report_group(b, line, rule->client_at, "more than %d groups",
		    GROUPS_MAX);
		return (NULL);
	}
	if (!build_room(b, &b->groups, b->ngroups + 1ULL, &b->groups_max,
	    sizeof(*b->groups)))
		return (NULL);
	g = &b->groups[b->ngroups++];
	*g = (struct group){ .name = rule->group, .host = rule->host,
	    .line = line, .at = (uint16_t)rule->client_at };
	*slot = (uint16_t)b->ngroups;
	return (g);
}

static bool
group_client(struct build *b, struct group *g, const struct addr_net *net)
{
	struct subnet *s = patterns_subnet(b, net);
	uint32_t group = (uint32_t)(g - b->groups), i;

	if (s == NULL || !build_room(b, &b->members, b->nmembers + 1ULL,
	    &b->members_max, sizeof(*b->members)))
		return (false);
	for (i = s->groups; i != 0; i = b->members[i - 1].next)
		if (b->members[i - 1].group == group)
			return (true);
	b->members[b->nmembers++] = (struct member){ .group = group,
	    .next = s->groups };
	s->groups = b->nmembers;
	return (true);
}

static bool
group_name(struct build *b, struct group *g, const struct parse_rule *rule)
{
	struct item *item;

	if (!build_room(b, &b->items, b->nitems + 1ULL, &b->items_max,
	    sizeof(*b->items)))
		return (false);
	item = &b->items[b->nitems];
	*item = (struct item){ .name_len = rule->name.len,
	    .wildcard = rule->wildcard };
	if (!patterns_name(b, &rule->name, &item->name))
		return (false);
	b->nitems++;
	if (g->first == 0)
		g->first = b->nitems;
	else
		b->items[g->last - 1].next = b->nitems;
	g->last = b->nitems;
	return (true);
}

/* All that is wrong with its items is reported. */
static bool
add_items(struct build *b, struct group *g, uint32_t number,
    const struct lex_line *line, struct parse_rule *rule, enum parse_kind kind)
{
	struct parse_error wrong;
	enum parse_result r;

	while ((r = parse_next_item(line, rule, &kind, &wrong)) !=
	    PARSE_EMPTY) {
		g->clients = kind == PARSE_CLIENTS;
		if (r == PARSE_ERROR)
			build_report(b, number, wrong.at, wrong.text);
		else if (!(g->clients ? group_client(b, g, &rule->client) :
		    group_name(b, g, rule)) || (g->host && !hostlist_add(b,
		    g, number, rule->pattern_at, &rule->client)))
			return (false);
	}
	return (true);
}

bool
groups_define(struct build *b, uint32_t number, const struct lex_line *line,
    struct parse_rule *rule, bool adds)
{
	uint16_t *slot = group_slot(b, &rule->group);
	struct group *g = *slot == 0 ? NULL : &b->groups[*slot - 1];
	char place[TEXTS_NAME_SIZE];

	if (g == NULL && adds) {
		build_report(b, number, rule->client_at, "no such group above: "
		    "\"=\" makes one");
		return (true);
	}
	if (g != NULL && !adds) {
		report_group(b, number, rule->client_at, "the group is there since "
		    "%s: \"+=\" adds to it", texts_name(b->texts, number,
		    g->line, place));
		return (true);
	}
	if (g != NULL && g->used != 0) {
		report_group(b, number, rule->client_at, "the rule of %s has "
		    "the group already: add to it above", texts_name(b->texts,
		    number, g->used, place));
		return (true);
	}
	if (g != NULL)
		return (add_items(b, g, number, line, rule, g->clients ?
		    PARSE_CLIENTS : PARSE_NAMES));
	if ((g = begin_group(b, number, rule, slot)) == NULL)
		return (!b->ended);
	return (add_items(b, g, number, line, rule, g->host ? PARSE_CLIENTS :
	    PARSE_UNKNOWN));
}

struct group *
groups_use(struct build *b, uint32_t line, size_t at,
    const struct dns_name *name, bool clients)
{
	uint16_t *slot = group_slot(b, name);
	struct group *g = *slot == 0 ? NULL : &b->groups[*slot - 1];
	char place[TEXTS_NAME_SIZE];

	if (g == NULL) {
		build_report(b, line, at, "no such group above");
		return (NULL);
	}
	if (g->clients != clients) {
		report_group(b, line, at, "expected a group of %s: that of %s "
		    "has %s", clients ? "clients" : "names",
		    texts_name(b->texts, line, g->line, place),
		    clients ? "names" : "clients");
		return (NULL);
	}
	if (g->used == 0)
		g->used = line;
	return (g);
}
