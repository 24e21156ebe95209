/* dnsfwctl rules: how often each rule matched, and when last (U6). */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ago.h"
#include "ctl.h"
#include "json.h"
#include "list.h"
#include "live.h"
#include "usage.h"

struct rules {
	struct live	live;		/* first: the answers come with it */
	bool		unused;		/* only these */
	const char	*path;
	struct list	list;
	struct control_rule of_lines[MSG_LINES_MAX + 1];
	bool		 other_text;	/* the list in force has */
	uint32_t	*first;		/* of a rule: the line it is counted at */
	uint32_t	 counting;	/* seconds */
};

static bool
read_options(struct rules *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ "acl", required_argument, NULL, 'a' },
		{ "unused", no_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 }
	};
	int ch;

	r->live.path = ASK_PATH_DEFAULT;
	r->path = CTL_ACL_DEFAULT;
	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			r->live.json = true;
		else if (ch == 'c')
			r->live.path = optarg;
		else if (ch == 'a')
			r->path = optarg;
		else if (ch == 'u')
			r->unused = true;
		else
			return (false);
	}
	return (argc == optind);
}

static void
tell_error(void *arg, struct list *l, unsigned int line, unsigned int column,
    const char *text)
{
	const char *file = list_place(l, &line);

	(void)arg;
	warnx("%s:%u:%u: %s", file, line, column, text);
}

static void
take_rule(void *arg, const void *record)
{
	const struct control_rule *c = record;
	struct rules *r = arg;

	if (c->line > 0 && c->line <= MSG_LINES_MAX)
		r->of_lines[c->line] = *c;
	r->other_text |= c->sum != r->list.sum;
}

/* Rules of one client and one name are counted together, at the first. */
static void
find_first(struct rules *r)
{
	const struct list *l = &r->list;
	const struct list_rule *rule;
	uint32_t i, record = 0, line = 0;

	r->first = calloc(l->nrules + 1UL, sizeof(*r->first));
	if (r->first == NULL)
		err(1, "calloc");
	for (i = 0; i < l->nrules; i++) {
		rule = &l->rules[l->by_record[i]];
		if (rule->record != record) {
			record = rule->record;
			line = rule->line;
		}
		r->first[l->by_record[i]] = line;
	}
}

static void
rule_json(const struct rules *r, const struct list_rule *rule,
    const struct control_rule *c)
{
	struct json j = { .to = stdout };
	char since[AGO_WHEN_SIZE];
	const char *text;
	size_t len = list_text(rule, &text);
	uint32_t line = rule->line;

	ago_when(r->counting, true, since);
	json_begin(&j, NULL, '{');
	json_text(&j, "file", list_place(&r->list, &line));
	json_number(&j, "line", line);
	if (c == NULL)
		json_null(&j, "hits");
	else
		json_number(&j, "hits", c->hits);
	if (c == NULL || c->hits == 0)
		json_null(&j, "ago");
	else
		json_number(&j, "ago", c->last);
	json_text(&j, "since", since);
	json_bytes(&j, "text", text, len);
	if ((len = list_comment(rule, &text)) > 0)
		json_bytes(&j, "comment", text, len);
	json_end(&j, '}');
	json_line(&j);
}

static void
rule_text(const struct rules *r, const struct list_rule *rule,
    const struct control_rule *c)
{
	char ago[AGO_SIZE] = "never";
	const char *text, *file;
	size_t len = list_text(rule, &text);
	uint32_t line = rule->line;

	if (c == NULL)
		printf("%10s  %10s", "not", "counted");
	else {
		if (c->hits > 0)
			ago_print(c->last, ago);
		printf("%10" PRIu64 "  %10s", c->hits, ago);
	}
	file = list_place(&r->list, &line);
	printf("  %s:%" PRIu32 "  %.*s\n", file, line, (int)len, text);
}

/* The count of the i-th: at its own line, or where it is counted with another. */
static const struct control_rule *
count_of(const struct rules *r, uint32_t i)
{
	const struct control_rule *found = NULL, *c;
	uint32_t line = r->list.rules[i].line;

	for (; i < r->list.nrules && r->list.rules[i].line == line; i++) {
		if (r->first[i] > MSG_LINES_MAX)
			continue;
		c = &r->of_lines[r->first[i]];
		if (found == NULL || found->hits == 0 ||
		    (r->first[i] == line && c->hits > 0))
			found = c;
	}
	return (found);
}

/* A rule with several names or clients is there for each. */
static void
list_hits(const struct rules *r)
{
	const struct list_rule *rule;
	const struct control_rule *c;
	uint32_t i;

	for (i = 0; i < r->list.nrules; i++) {
		rule = &r->list.rules[i];
		if (i > 0 && rule->line == rule[-1].line)
			continue;
		c = count_of(r, i);
		if (r->unused && (c == NULL || c->hits > 0))
			continue;
		if (r->live.json)
			rule_json(r, rule, c);
		else
			rule_text(r, rule, c);
	}
}

static int
show_rules(struct rules *r)
{
	char since[AGO_SINCE_SIZE];
	struct control_end end;
	int status;

	status = live_ask(&r->live, CONTROL_RULES, CONTROL_RULE, take_rule,
	    &end);
	if (status != CTL_YES)
		return (status);
	if (end.count != r->list.lines) {
		warnx("%s: it has %" PRIu32 " rule%s, and the list in force has "
		    "%" PRIu32 ": another file, or changed since it was loaded",
		    r->path, r->list.lines, r->list.lines == 1 ? "" : "s",
		    end.count);
		return (CTL_NO);
	}
	if (r->other_text) {
		warnx("%s: it is not the list in force: another file, or "
		    "changed since it was loaded", r->path);
		return (CTL_NO);
	}
	find_first(r);
	r->counting = end.counting;
	if (!r->live.json) {
		ago_since(end.counting, since);
		printf("counted since %s\n", since);
	}
	list_hits(r);
	free(r->first);
	return (CTL_YES);
}

int
rules_main(int argc, char **argv)
{
	static struct rules r;
	int status = CTL_NO;

	if (!read_options(&r, argc, argv))
		return (usage_wrong(argv[0]));
	if (list_load(&r.list, r.path, tell_error, NULL) == 0)
		status = show_rules(&r);
	list_free(&r.list);
	return (status);
}
