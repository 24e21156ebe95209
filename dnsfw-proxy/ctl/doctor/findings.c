/* What is told of a set-up. */
#include "findings.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "../show.h"

static const char *const severities[] = { [NOTE] = "note",
    [WARNING] = "warning", [ERROR] = "error" };

static bool
is_found(const struct findings *f, const char *text)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->at[i].text, text) == 0)
			return (true);
	return (false);
}

void
findings_add(struct findings *f, enum severity severity, const char *what,
    const char *mend, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		err(1, "asprintf");
	va_end(ap);
	if (is_found(f, text)) {
		free(text);
		return;
	}
	if (f->n == f->room) {
		f->room = f->room == 0 ? 16 : 2 * f->room;
		f->at = reallocarray(f->at, f->room, sizeof(*f->at));
		if (f->at == NULL)
			err(1, "realloc");
	}
	f->at[f->n] = (struct finding){ .severity = severity, .what = what,
	    .text = text };
	if (mend[0] != '\0' && (f->at[f->n].mend = strdup(mend)) == NULL)
		err(1, "strdup");
	f->n++;
}

static void
print_finding_json(const struct finding *one)
{
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	json_text(&j, "severity", severities[one->severity]);
	json_text(&j, "what", one->what);
	json_text(&j, "text", one->text);
	if (one->mend == NULL)
		json_null(&j, "mend");
	else
		json_text(&j, "mend", one->mend);
	json_end(&j, '}');
	json_line(&j);
}

static void
print_finding_text(const struct finding *one)
{
	printf("%s: ", severities[one->severity]);
	show_text(stdout, one->text, strlen(one->text));
	printf(" (%s)\n", one->what);
	if (one->mend == NULL)
		return;
	printf("    mend: ");
	show_text(stdout, one->mend, strlen(one->mend));
	putchar('\n');
}

size_t
findings_print(const struct findings *f, bool json)
{
	size_t i, grave = 0;
	int severity;

	for (severity = ERROR; severity >= NOTE; severity--)
		for (i = 0; i < f->n; i++) {
			if ((int)f->at[i].severity != severity)
				continue;
			grave += severity != NOTE;
			if (json)
				print_finding_json(&f->at[i]);
			else
				print_finding_text(&f->at[i]);
		}
	if (!json && grave == 0)
		printf("nothing found\n");
	else if (!json)
		printf("%zu finding%s\n", grave, grave == 1 ? "" : "s");
	return (grave);
}

void
findings_free(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->at[i].text);
		free(f->at[i].mend);
	}
	free(f->at);
}
