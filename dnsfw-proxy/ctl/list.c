/* A list as its file has it. */
#include "list.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../acl/lex.h"

#define TEXT_FIRST	(64UL << 10)	/* octets; doubled as they come */

/* Returns -1 with errno. */
static int
read_all(FILE *from, struct list *l)
{
	size_t size = TEXT_FIRST, n;

	l->len = 0;
	if ((l->text = malloc(size)) == NULL)
		err(1, "malloc");
	while ((n = fread(l->text + l->len, 1, size - l->len, from)) > 0) {
		l->len += n;
		if (l->len < size)
			continue;
		size *= 2;
		if ((l->text = realloc(l->text, size)) == NULL)
			err(1, "realloc");
	}
	return (ferror(from) ? -1 : 0);
}

static int
read_file(struct list *l)
{
	FILE *from = stdin;
	int rc;

	if (strcmp(l->path, "-") == 0)
		l->path = "standard input";
	else if ((from = fopen(l->path, "re")) == NULL) {
		warn("cannot open the list \"%s\"", l->path);
		return (-1);
	}
	if ((rc = read_all(from, l)) == -1)
		warn("cannot read the list \"%s\"", l->path);
	if (from != stdin)
		fclose(from);
	return (rc);
}

/* What acl_compile reports goes on with the list. */
struct report {
	struct list	*list;
	list_error_fn	*error;
	void		*arg;
};

static void
pass_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	struct report *r = arg;

	r->error(r->arg, r->list, line, column, text);
}

static int
compare_rules(const void *a, const void *b, void *list)
{
	const struct list *l = list;
	const struct list_rule *x = &l->rules[*(const uint32_t *)a];
	const struct list_rule *y = &l->rules[*(const uint32_t *)b];

	if (x->record != y->record)
		return (x->record < y->record ? -1 : 1);
	return (x < y ? -1 : x > y);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct list_rule *x = a, *y = b;

	if (x->line != y->line)
		return (x->line < y->line ? -1 : 1);
	if (x->name_at != y->name_at)
		return (x->name_at < y->name_at ? -1 : 1);
	return (x->record < y->record ? -1 : x->record > y->record);
}

/* Where the lines of the rules are. */
static void
find_lines(struct list *l)
{
	struct lex_text lines = { .text = l->text, .len = l->len };
	struct lex_line line = { .len = 0 };
	uint32_t i;

	lines.next = acl_text_start(l->text, l->len);
	for (i = 0; i < l->nrules; i++) {
		while (lines.number < l->rules[i].line &&
		    lex_next_line(&lines, &line))
			;
		l->rules[i].at = (size_t)(line.text - l->text);
		l->rules[i].len = line.len;
	}
}

static void
index_rules(struct list *l, const struct acl_compiled *c)
{
	const struct acl_origin *o;
	uint32_t i;

	l->rules = calloc(c->norigins + 1, sizeof(*l->rules));
	l->by_record = calloc(c->norigins + 1, sizeof(*l->by_record));
	if (l->rules == NULL || l->by_record == NULL)
		err(1, "calloc");
	l->lines = c->rules;
	l->nrules = (uint32_t)c->norigins;
	for (i = 0; i < l->nrules; i++) {
		o = &c->origins[i];
		l->rules[i] = (struct list_rule){ .record = o->record,
		    .line = o->line, .name_at = o->at, .grouped = o->grouped };
		l->by_record[i] = i;
	}
	qsort(l->rules, l->nrules, sizeof(*l->rules), compare_lines);
	find_lines(l);
	qsort_r(l->by_record, l->nrules, sizeof(*l->by_record), compare_rules,
	    l);
}

int
list_load(struct list *l, const char *path, list_error_fn *error, void *arg)
{
	struct report report = { .list = l, .error = error, .arg = arg };
	struct acl_compiled compiled;

	*l = (struct list){ .path = path };
	if (read_file(l) == -1)
		return (-1);
	if (acl_compile_traced(l->text, l->len, pass_error, &report,
	    &compiled) == -1)
		return (-1);
	l->image = compiled.image;
	l->sum = compiled.sum;
	index_rules(l, &compiled);
	free(compiled.origins);
	return (0);
}

void
list_free(struct list *l)
{
	free(l->text);
	free((void *)(uintptr_t)l->image);
	free(l->rules);
	free(l->by_record);
}

size_t
list_rules(const struct list *l, acl_record record, const uint32_t **first)
{
	size_t low = 0, high = l->nrules, middle, n;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (l->rules[l->by_record[middle]].record < record)
			low = middle + 1;
		else
			high = middle;
	}
	*first = &l->by_record[low];
	for (n = 0; low + n < l->nrules &&
	    l->rules[l->by_record[low + n]].record == record; n++)
		;
	return (n);
}

void
list_parse(const struct list *l, const struct list_rule *r,
    struct parse_rule *out)
{
	struct lex_line line = { .text = l->text + r->at, .len = r->len };
	struct parse_error error;

	(void)parse_line(&line, out, &error);
	while (out->pattern_at != r->name_at && parse_next_name(&line, out))
		;
}

size_t
list_text(const struct list *l, const struct list_rule *r, const char **text)
{
	struct lex_line line = { .text = l->text + r->at, .len = r->len };
	struct lex_token token;
	size_t first, end;

	lex_next(&line, &token);
	for (first = end = token.at; token.kind != LEX_END;
	    lex_next(&line, &token))
		end = token.at + token.len;
	*text = line.text + first;
	return (end - first);
}

size_t
list_line(struct list *l, unsigned int number, const char **text)
{
	struct lex_line line = { .text = "" };

	/* Mostly the next one is asked for, or one behind it. */
	if (number <= l->shown.number || l->shown.text == NULL)
		l->shown = (struct lex_text){ .text = l->text, .len = l->len,
		    .next = acl_text_start(l->text, l->len) };
	while (l->shown.number < number && lex_next_line(&l->shown, &line))
		;
	*text = line.text;
	return (line.len);
}
