/* The rows of a view. */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "plain.h"

#define ROWS_FIRST	256

/* --- rows --- */

static struct row *
add_row(struct table *t)
{
	size_t room = t->room == 0 ? ROWS_FIRST : 2 * t->room;
	void *more;

	if (t->n == t->room) {
		more = reallocarray(t->rows, room, sizeof(t->rows[0]));
		if (more == NULL)
			return (NULL);
		t->rows = more;
		t->room = room;
	}
	return (&t->rows[t->n++]);
}

static void
row_text(const struct control_refusal *r, enum view_what what,
    char text[ROW_TEXT_MAX])
{
	struct addr a = { .family = r->family };
	const char *name = r->name[0] != '\0' ? r->name : "-";
	char client[ADDR_TEXT_MAX], all[ROW_TEXT_MAX];

	memcpy(a.bytes, r->client, sizeof(a.bytes));
	(void)addr_print(&a, client);
	(void)snprintf(all, sizeof(all), "%-15s  %-20s  %s", client, name,
	    r->reason);
	(void)plain_copy(text, ROW_TEXT_MAX, what == VIEW_CLIENTS ? client :
	    what == VIEW_NAMES ? name : all, ROW_TEXT_MAX);
}

static void
add_refusals(struct table *t, const struct view *v,
    const struct sample *before, const struct sample *now)
{
	const struct control_refusal *r;
	uint32_t old;
	struct row *row;
	size_t i;

	for (i = 0; i < now->nrefusals; i++) {
		r = &now->refusals[i];
		if ((row = add_row(t)) == NULL)
			return;
		old = before == NULL || !before->has_refusals ? r->count :
		    sample_count(before, r->id);
		*row = (struct row){ .count = r->count, .last = r->last,
		    .more = r->count - (old <= r->count ? old : 0),
		    .audited = r->kind == REFUSAL_AUDIT };
		row->more_audited = row->audited ? row->more : 0;
		row_text(r, v->what, row->text);
	}
}

static void
add_rules(struct table *t, const struct sample *before,
    const struct sample *now, table_line_text *line_text)
{
	const struct control_rule *r;
	char plain[ROW_TEXT_MAX];
	const char *text;
	struct row *row;
	uint64_t old;
	size_t i, len;

	for (i = 0; i < now->nrules; i++) {
		r = &now->rules[i];
		if ((row = add_row(t)) == NULL)
			return;
		/* Another list begins with nothing. */
		old = before == NULL || !before->has_rules ? r->hits :
		    sample_hits(before, r->line);
		*row = (struct row){ .count = r->hits, .last = r->last,
		    .more = r->hits - (old <= r->hits ? old : 0) };
		plain[0] = '\0';
		if ((text = line_text(r->line, r->sum, &len)) != NULL)
			(void)plain_copy(plain, sizeof(plain), text, len);
		(void)snprintf(row->text, sizeof(row->text), "%5" PRIu32
		    "  %.*s", r->line, ROW_TEXT_MAX - 16, plain);
	}
}

/* --- what is one, what is wanted, and in which order --- */

static int
by_text(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (strcmp(x->text, y->text));
}

/* Rows with the same text are one. */
static void
merge_rows(struct table *t)
{
	struct row *to, *from;
	size_t i, n = 0;

	if (t->n == 0)
		return;
	qsort(t->rows, t->n, sizeof(t->rows[0]), by_text);
	for (i = 1; i < t->n; i++) {
		to = &t->rows[n];
		from = &t->rows[i];
		if (strcmp(to->text, from->text) != 0) {
			t->rows[++n] = *from;
			continue;
		}
		to->more += from->more;
		to->more_audited += from->more_audited;
		to->audited |= from->audited;
		to->count += from->count;
		if (from->last < to->last)
			to->last = from->last;
	}
	t->n = n + 1;
}

static void
filter_rows(struct table *t, const char *filter)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		if (strcasestr(t->rows[i].text, filter) != NULL)
			t->rows[n++] = t->rows[i];
	t->n = n;
}

static int
by_last(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int less = (x->last > y->last) - (x->last < y->last);

	return (less != 0 ? less : by_text(a, b));
}

static int
by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int less = (x->count < y->count) - (x->count > y->count);

	return (less != 0 ? less : by_last(a, b));
}

static int
by_rate(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int less = (x->more < y->more) - (x->more > y->more);

	return (less != 0 ? less : by_count(a, b));
}

void
table_make(struct table *t, const struct view *v, const struct sample *before,
    const struct sample *now, table_line_text *line_text)
{
	static int (*const orders[VIEW_ORDERS])(const void *,
	    const void *) = {
		[VIEW_BY_RATE] = by_rate, [VIEW_BY_COUNT] = by_count,
		[VIEW_BY_LAST] = by_last, [VIEW_BY_TEXT] = by_text
	};

	t->n = 0;
	if (v->what == VIEW_RULES)
		add_rules(t, before, now, line_text);
	else
		add_refusals(t, v, before, now);
	merge_rows(t);
	filter_rows(t, v->filter);
	if (t->n > 0)
		qsort(t->rows, t->n, sizeof(t->rows[0]), orders[v->order]);
}
