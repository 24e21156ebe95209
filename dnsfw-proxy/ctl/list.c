/* A list as its file has it. */
#include "list.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../acl/lex.h"
#include "aclfile.h"
#include "readtext.h"

/* What the list includes is below the directory of its file. */
static int
open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (asprintf(&dir, "%.*s", slash == NULL ? 1 : (int)(slash + 1 - path),
	    slash == NULL ? "." : path) == -1)
		err(1, "asprintf");
	if ((fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "open %s", dir);
	free(dir);
	return (fd);
}

/* The text that is asked for, or why not. */
static void
read_included(struct list *l, int dir, const struct texts_ask *ask)
{
	char name[ACLPATH_SIZE] = "", path[2 * ACLPATH_SIZE];
	enum aclfile_trouble trouble = ACLFILE_OK;
	const char *why;
	char *text;
	size_t len;
	int fd = -1;

	if (ask->directory)
		trouble = aclfile_next(dir, ask->path, ask->after, name);
	snprintf(path, sizeof(path), "%s%s%s", ask->path, ask->directory ? "/" :
	    "", name);
	if (trouble == ACLFILE_OK)
		fd = aclfile_open(dir, path, &trouble);
	else
		name[0] = '\0';
	why = aclfile_text(trouble);
	text = fd == -1 ? NULL : readtext(fd, &len, &why);
	if (fd != -1)
		close(fd);
	if (text != NULL)
		texts_give(&l->texts, name, text, len);
	else if (trouble == ACLFILE_END)
		texts_end(&l->texts, why);
	else
		texts_refuse(&l->texts, name, why);
}

static int
read_files(struct list *l)
{
	bool stdin_it = strcmp(l->path, "-") == 0;
	struct texts_ask ask;
	int fd = STDIN_FILENO, dir;
	const char *why;
	size_t len;
	char *text;

	if (stdin_it)
		l->path = "standard input";
	else if ((fd = open(l->path, O_RDONLY | O_CLOEXEC)) == -1) {
		warn("cannot open the list \"%s\"", l->path);
		return (-1);
	}
	text = readtext(fd, &len, &why);
	if (text == NULL)
		warnx("cannot read the list \"%s\": %s", l->path, why);
	if (!stdin_it)
		close(fd);
	if (text == NULL)
		return (-1);
	texts_begin(&l->texts, l->path, text, len);
	dir = open_directory(l->path);
	while (texts_next(&l->texts, &ask))
		read_included(l, dir, &ask);
	close(dir);
	return (0);
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
	struct texts_at at = { .part = 0 };
	struct lex_line line = { .len = 0 };
	uint32_t i;

	for (i = 0; i < l->nrules; i++) {
		while (at.number < l->rules[i].line &&
		    texts_line(&l->texts, &at, &line))
			;
		l->rules[i].text = line.text;
		l->rules[i].len = line.len;
	}
}

#define DIGIT_BITS	11		/* of a record, which has three of these */
#define DIGITS		(1U << DIGIT_BITS)

/* The indices in order of that digit; those of one digit stay in theirs. */
static void
sort_digit(const struct list *l, unsigned int shift, const uint32_t *from,
    uint32_t *to)
{
	static uint32_t at[DIGITS + 1];
	uint32_t i;

	memset(at, 0, sizeof(at));
	for (i = 0; i < l->nrules; i++)
		at[(l->rules[i].record >> shift) % DIGITS + 1]++;
	for (i = 0; i < DIGITS; i++)
		at[i + 1] += at[i];
	for (i = 0; i < l->nrules; i++)
		to[at[(l->rules[from[i]].record >> shift) % DIGITS]++] =
		    from[i];
}

/* By record, then by index: in three passes, as there may be a million. */
static void
sort_by_record(struct list *l)
{
	uint32_t *other = calloc(l->nrules + 1UL, sizeof(*other)), *sorted;
	unsigned int shift;

	if (other == NULL)
		err(1, "calloc");
	for (shift = 0; shift < 32; shift += DIGIT_BITS) {
		sort_digit(l, shift, l->by_record, other);
		sorted = other;
		other = l->by_record;
		l->by_record = sorted;
	}
	free(other);
}

/* Mostly they come so: then there need not be room to sort them in. */
static bool
are_in_order(const struct list *l)
{
	uint32_t i;

	for (i = 1; i < l->nrules; i++)
		if (compare_lines(&l->rules[i - 1], &l->rules[i]) > 0)
			return (false);
	return (true);
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
		    .line = o->line, .name_at = o->at, .grouped = o->grouped,
		    .blocks = o->blocks };
		l->by_record[i] = i;
	}
	if (!are_in_order(l))
		qsort(l->rules, l->nrules, sizeof(*l->rules), compare_lines);
	find_lines(l);
	sort_by_record(l);
}

int
list_load(struct list *l, const char *path, list_error_fn *error, void *arg)
{
	struct report report = { .list = l, .error = error, .arg = arg };
	struct acl_compiled compiled;

	*l = (struct list){ .path = path };
	if (read_files(l) == -1)
		return (-1);
	if (acl_compile(&l->texts, true, pass_error, &report, &compiled) == -1)
		return (-1);
	l->image = compiled.image;
	l->sum = compiled.sum;
	l->unused = compiled.unused;
	l->nunused = compiled.nunused;
	index_rules(l, &compiled);
	free(compiled.origins);
	return (0);
}

void
list_free(struct list *l)
{
	texts_free(&l->texts);
	free((void *)(uintptr_t)l->image);
	free(l->unused);
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
list_parse(const struct list_rule *r, struct parse_rule *out)
{
	struct lex_line line = { .text = r->text, .len = r->len };
	struct parse_error error;

	(void)parse_line(&line, out, &error);
	while (out->pattern_at != r->name_at && parse_next_name(&line, out))
		;
}

size_t
list_text(const struct list_rule *r, const char **text)
{
	struct lex_line line = { .text = r->text, .len = r->len };
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
list_comment(const struct list_rule *r, const char **text)
{
	struct parse_rule rule;

	list_parse(r, &rule);
	*text = r->text + rule.text_at;
	return (rule.text_len);
}

const char *
list_place(const struct list *l, uint32_t *line)
{
	return (*line == 0 ? l->path : texts_place(&l->texts, line)->shown);
}

size_t
list_line(struct list *l, unsigned int number, const char **text)
{
	struct lex_line line = { .text = "" };

	/* Mostly the next one is asked for, or one behind it. */
	if (number <= l->shown.number || l->shown.number == 0)
		texts_seek(&l->texts, number, &l->shown);
	while (l->shown.number < number &&
	    texts_line(&l->texts, &l->shown, &line))
		;
	*text = line.text;
	return (line.len);
}
