/* dnsfwctl check: all errors of lists, and what is odd in them (U3). */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clients.h"
#include "ctl.h"
#include "json.h"
#include "list.h"
#include "odd.h"
#include "show.h"
#include "usage.h"

struct finding {
	unsigned int	line, column;
	char		*text;
};

struct findings {
	struct finding	*at;
	size_t		 n, room;
};

struct check {
	bool		 json;
	struct clients_nets nets;
	struct findings	 errors, warnings;	/* of one list */
};

/* An error, or what is odd. */
static void
keep_finding(void *findings, struct list *l, unsigned int line,
    unsigned int column, const char *text)
{
	struct findings *f = findings;
	struct finding *found;

	(void)l;
	if (f->n == f->room) {
		f->room = f->room == 0 ? 64 : 2 * f->room;
		f->at = realloc(f->at, f->room * sizeof(*f->at));
		if (f->at == NULL)
			err(CTL_NO, "realloc");
	}
	found = &f->at[f->n++];
	found->line = line;
	found->column = column;
	found->text = strdup(text);
	if (found->text == NULL)
		err(CTL_NO, "strdup");
}

static void
forget_findings(struct findings *f)
{
	while (f->n > 0)
		free(f->at[--f->n].text);
}

static void
print_findings(struct list *l, const struct findings *f, const char *kind)
{
	const struct finding *found;
	const char *text, *file;
	uint32_t line;
	size_t i, len;

	for (i = 0; i < f->n; i++) {
		found = &f->at[i];
		if (found->line == 0) {
			printf("%s: %s: %s\n", l->path, kind, found->text);
			continue;
		}
		line = found->line;
		file = list_place(l, &line);
		printf("%s:%u:%u: %s: %s\n", file, line, found->column, kind,
		    found->text);
		len = list_line(l, found->line, &text);
		show_line(stdout, text, len, found->column);
	}
}

static void
print_json_findings(struct json *j, struct list *l, const struct findings *f,
    const char *key)
{
	const char *text;
	uint32_t line;
	size_t i, len;

	json_begin(j, key, '[');
	for (i = 0; i < f->n; i++) {
		len = list_line(l, f->at[i].line, &text);
		line = f->at[i].line;
		json_begin(j, NULL, '{');
		json_text(j, "file", list_place(l, &line));
		json_number(j, "line", line);
		json_number(j, "column", f->at[i].column);
		json_text(j, "text", f->at[i].text);
		json_bytes(j, "source", text, len);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
print_verdict(const struct check *c, struct list *l)
{
	struct json j = { .to = stdout };

	if (!c->json) {
		print_findings(l, &c->errors, "error");
		print_findings(l, &c->warnings, "warning");
		printf("%s: %u rule%s, %zu error%s, %zu warning%s\n", l->path,
		    l->lines, l->lines == 1 ? "" : "s", c->errors.n,
		    c->errors.n == 1 ? "" : "s", c->warnings.n,
		    c->warnings.n == 1 ? "" : "s");
		return;
	}
	json_begin(&j, NULL, '{');
	json_text(&j, "file", l->path);
	json_number(&j, "rules", l->lines);
	print_json_findings(&j, l, &c->errors, "errors");
	print_json_findings(&j, l, &c->warnings, "warnings");
	json_end(&j, '}');
	json_line(&j);
}

/* One file; true if it has no errors. */
static bool
check_file(struct check *c, const char *path)
{
	struct list l;

	forget_findings(&c->errors);
	forget_findings(&c->warnings);
	if (list_load(&l, path, keep_finding, &c->errors) == -1 &&
	    c->errors.n == 0) {
		list_free(&l);
		return (false);
	}
	if (l.image != NULL)
		odd_find(&l, &c->nets, keep_finding, &c->warnings);
	print_verdict(c, &l);
	list_free(&l);
	return (c->errors.n == 0);
}

int
check_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "client-net", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	static struct check c;
	int ch, status = CTL_YES;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			c.json = true;
		else if (ch != 'n' || clients_add(&c.nets, optarg) == -1)
			return (usage_wrong("check"));
	}
	if (optind == argc)
		return (usage_wrong("check"));
	for (; optind < argc; optind++)
		if (!check_file(&c, argv[optind]))
			status = CTL_NO;
	return (status);
}
