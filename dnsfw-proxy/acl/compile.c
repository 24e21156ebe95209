/* ACL texts -> image. */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

#include "ancestors.h"
#include "build.h"
#include "emit.h"
#include "groups.h"
#include "layout.h"
#include "lex.h"
#include "merge.h"
#include "msg.h"
#include "parse.h"
#include "patterns.h"

#define RULE_LEN_MIN	5	/* octets of the shortest rule: ::~>a */

static bool
build_init(struct build *b)
{
	size_t len = b->texts->size, max = b->texts->lines + 1UL;

	if (max > len / RULE_LEN_MIN + 1)
		max = len / RULE_LEN_MIN + 1;
	b->subnets_max = b->sets_max = (uint32_t)max;
	b->patterns_max = b->ports_max = (uint32_t)max;
	b->subnets = calloc(max, sizeof(*b->subnets));
	b->subnet_slots = calloc(2 * max, sizeof(*b->subnet_slots));
	b->sets = calloc(max, sizeof(*b->sets));
	b->patterns = calloc(max, sizeof(*b->patterns));
	b->pattern_slots = calloc(2 * max, sizeof(*b->pattern_slots));
	b->ports = calloc(max, sizeof(*b->ports));
	/* The wire form has two octets more than its text; a line has four. */
	b->names_max = (uint32_t)len + 1;
	b->names = malloc(b->names_max);
	return ((b->subnets != NULL && b->subnet_slots != NULL &&
	    b->sets != NULL && b->patterns != NULL &&
	    b->pattern_slots != NULL && b->ports != NULL &&
	    b->names != NULL) || build_end(b, "out of memory"));
}

static void
build_free(struct build *b)
{
	free(b->subnets);
	free(b->subnet_slots);
	free(b->sets);
	free(b->patterns);
	free(b->pattern_slots);
	free(b->ports);
	free(b->names);
	free(b->groups);
	free(b->members);
	free(b->items);
	free(b->addresses);
	free(b->notes);
	free(b->origins);
	free(b->ancestors);
	free(b->ancestor_slots);
}

/* The set of the rule's client, in *set; false: there is none. */
static bool
rule_set(struct build *b, uint32_t line, const struct parse_rule *rule,
    uint32_t *set)
{
	struct subnet *s;
	struct group *g;
	uint32_t *number;

	if (rule->group.len > 0) {
		g = groups_use(b, line, rule->client_at, &rule->group, true);
		number = g == NULL ? NULL : &g->set;
	} else {
		s = patterns_subnet(b, &rule->client);
		number = s == NULL ? NULL : &s->own;
	}
	if (number == NULL || !patterns_set(b, number))
		return (false);
	*set = *number - 1;
	return (true);
}

/* What the rule says of all names of a group, which is its name now. */
static void
add_named(struct build *b, uint32_t set, uint32_t line,
    const struct parse_rule *rule)
{
	const struct group *g;
	uint32_t i;

	g = groups_use(b, line, rule->pattern_at, &rule->name, false);
	for (i = g == NULL ? 0 : g->first; i != 0; i = b->items[i - 1].next)
		if (!patterns_add_item(b, set, line, rule, &b->items[i - 1]))
			break;
}

/* The number of these times; 0 also if there are too many, which is reported. */
static uint8_t
times_number(struct build *b, uint32_t line, const struct parse_rule *rule)
{
	const struct image_times times = { .min = rule->times.min,
	    .max = rule->times.max };
	uint32_t i;

	if (times.max == 0)
		return (0);
	for (i = 0; i < b->ntimes; i++)
		if (memcmp(&b->times[i], &times, sizeof(times)) == 0)
			return ((uint8_t)(i + 1));
	if (b->ntimes == IMAGE_TIMES_MAX) {
		build_report(b, line, rule->client_at, "more than 255 different "
		    "times (ttl) in the list");
		return (0);
	}
	b->times[b->ntimes++] = times;
	return ((uint8_t)b->ntimes);
}

static bool
note_comment(struct build *b, uint32_t line, const struct lex_line *text,
    const struct parse_rule *rule)
{
	if (rule->text_len == 0)
		return (true);
	if (!build_room(b, &b->notes, b->nnotes + 1ULL, &b->notes_max,
	    sizeof(*b->notes)))
		return (false);
	b->notes[b->nnotes++] = (struct note){ .line = line,
	    .text = text->text + rule->text_at,
	    .len = (uint32_t)rule->text_len };
	return (true);
}

static void
add_rule(struct build *b, uint32_t line, const struct lex_line *text,
    struct parse_rule *rule)
{
	uint32_t set;

	b->rules++;
	b->rule_times = times_number(b, line, rule);
	if (!note_comment(b, line, text, rule) ||
	    !rule_set(b, line, rule, &set))
		return;
	do {
		if (rule->named)
			add_named(b, set, line, rule);
		else
			(void)patterns_add(b, set, line, rule);
	} while (!b->ended && parse_next_name(text, rule));
}

/* What could not be included there. */
static void
report_include(struct build *b, uint32_t line)
{
	const struct texts_wrong *w = b->texts->wrongs;
	const struct texts_wrong *end = w + b->texts->nwrongs;

	for (; w < end; w++)
		if (w->line == line)
			build_report(b, line, w->at, w->text);
}

static void
take_line(struct build *b, uint32_t number, struct lex_line *line)
{
	struct parse_rule rule;
	struct parse_error wrong;
	enum parse_result r;

	switch (r = parse_line(line, &rule, &wrong)) {
	case PARSE_EMPTY:
		break;
	case PARSE_RULE:
		add_rule(b, number, line, &rule);
		break;
	case PARSE_GROUP:
	case PARSE_MORE:
		(void)groups_define(b, number, line, &rule, r == PARSE_MORE);
		break;
	case PARSE_INCLUDE:
		report_include(b, number);
		break;
	case PARSE_ERROR:
		build_report(b, number, wrong.at, wrong.text);
		break;
	}
}

static void
take_texts(struct build *b)
{
	struct texts_at at = { .part = 0 };
	struct lex_line line;

	while (!b->ended && texts_line(b->texts, &at, &line))
		take_line(b, at.number, &line);
}

/* Which rules are in which records, of those that there are. */
static bool
list_origins(struct build *b, struct acl_compiled *out)
{
	const struct pattern *p, *end = b->patterns + b->npatterns;
	const struct origin *o;
	uint32_t i;

	out->origins = calloc(b->norigins + 1ULL, sizeof(*out->origins));
	if (out->origins == NULL)
		return (build_end(b, "out of memory"));
	for (p = b->patterns; p < end; p++) {
		for (i = b->sets[p->set].used ? p->origins : 0; i != 0;
		    i = o->next) {
			o = &b->origins[i - 1];
			out->origins[out->norigins++] = (struct acl_origin){
			    .record = p->record, .line = o->line, .at = o->at,
			    .grouped = o->grouped,
			    .blocks = (p->flags & RECORD_BLOCK) != 0 };
		}
	}
	return (true);
}

static bool
list_unused(struct build *b, struct acl_compiled *out)
{
	const struct group *g, *end = b->groups + b->ngroups;

	out->unused = calloc(b->ngroups + 1ULL, sizeof(*out->unused));
	if (out->unused == NULL)
		return (build_end(b, "out of memory"));
	for (g = b->groups; g < end; g++)
		/* A host does something without a rule, too. */
		if (g->used == 0 && !g->host)
			out->unused[out->nunused++] = (struct acl_unused){
			    .line = g->line, .at = g->at };
	return (true);
}

/*
 * It tells texts apart that nobody made to be alike.  The list's own file may have
 * any name.
 */
static uint32_t
sum_of(const struct texts *t)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < t->nfiles; i++) {
		if (i > 0)
			sum = image_bytes_hash(sum, t->files[i].path,
			    ACLPATH_SIZE);
		sum = image_bytes_hash(sum ^ t->files[i].len,
		    t->files[i].text, t->files[i].len);
	}
	return ((uint32_t)(sum >> 32));
}

static void
make_image(struct build *b, struct acl_compiled *out)
{
	struct acl_image *image;

	if (b->texts->out_of_memory)
		(void)build_end(b, "out of memory");
	else if (b->texts->size > IMAGE_SIZE_MAX)
		(void)build_end(b, "the file is too large");
	else if (build_init(b))
		take_texts(b);
	if (!b->failed && merge_sets(b) && !b->failed && build_ancestors(b) &&
	    (image = build_emit(b)) != NULL)
		*out = (struct acl_compiled){ .image = image,
		    .size = image->size, .rules = image->rules,
		    .sum = sum_of(b->texts) };
	if (!b->failed && b->traced &&
	    (!list_origins(b, out) || !list_unused(b, out))) {
		free(out->image);
		free(out->origins);
		out->image = NULL;
		out->origins = NULL;
	}
}

int
acl_compile(const struct texts *texts, bool traced, acl_error_fn *error,
    void *arg, struct acl_compiled *out)
{
	struct build b = { .error = error, .arg = arg, .texts = texts,
	    .traced = traced };

	memset(out, 0, sizeof(*out));
	make_image(&b, out);
	build_free(&b);
	return (b.failed ? -1 : 0);
}

void
acl_compiled_file(struct acl_compiled *c, const char *path)
{
	struct acl_image *image = c->image;
	const char *slash = strrchr(path, '/');
	size_t len = strlen(path);

	if (len >= sizeof(image->file) && slash != NULL)
		path = slash + 1;
	if ((len = strlen(path)) < sizeof(image->file))
		memcpy(image->file, path, len + 1);
}
