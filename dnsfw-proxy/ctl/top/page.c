/* The lines of the screen. */
#include "page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plain.h"

#define HEAD_MAX	8	/* lines above the table, at most */
#define TABS_FROM	10	/* rows: with less there are no tabs */
#define WIDE_FROM	50	/* columns: with less there are two */
#define LINE_MAX_TEXT	2048	/* before it is cut; a scope is shorter */
#define RATE_SIZE	16

/* --- lines --- */

/* A line that is cut ends with ">". */
static void __attribute__((format(printf, 4, 5)))
lay_line(struct page *p, size_t row, enum page_look look, const char *format, ...)
{
	struct page_line *l = &p->lines[row];
	char text[LINE_MAX_TEXT];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	l->look = look;
	(void)plain_copy(l->text, p->columns + 1, text, sizeof(text));
	if (len > (int)p->columns)
		l->text[p->columns - 1] = '>';
}

/* So many more, a second. */
static const char *
rate(const struct rates *r, uint64_t more, char buf[RATE_SIZE])
{
	if (r->known)
		(void)snprintf(buf, RATE_SIZE, "%.1f/s", (double)more * 1e9 /
		    (double)r->ns);
	else
		(void)snprintf(buf, RATE_SIZE, "-");
	return (buf);
}

/* What one of them took, of these. */
static const char *
mean(const struct rates *r, const struct histogram *h, char buf[RATE_SIZE])
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += h->counts[i];
	if (r->known && n > 0)
		(void)snprintf(buf, RATE_SIZE, "%.2f ms",
		    (double)h->sum / (double)n / 1e6);
	else
		(void)snprintf(buf, RATE_SIZE, "-");
	return (buf);
}

/* --- the head --- */

typedef void head_line(struct page *, size_t row, const struct page_of *);

static void
put_title(struct page *p, size_t row, const struct page_of *o)
{
	if (o->up)
		lay_line(p, row, LOOK_TITLE, "dnsfw  %s%s", o->clock,
		    o->sample->status.audit != 0 ?
		    "  --audit: nothing is refused" : "");
	else
		lay_line(p, row, LOOK_ALERT, "dnsfw does not answer at %s  %s",
		    o->path, o->clock);
}

static void
put_queries(struct page *p, size_t row, const struct page_of *o)
{
	const struct counters *c = &o->rates->counters;
	char all[RATE_SIZE], refused[RATE_SIZE], bad[RATE_SIZE],
	    away[RATE_SIZE];

	/* With --audit nothing is refused by the list. */
	lay_line(p, row, LOOK_PLAIN, "queries    %s; %srefused %s, bad %s, "
	    "turned away %s", rate(o->rates, c->queries, all),
	    o->sample->status.audit != 0 ? "would be " : "",
	    rate(o->rates, c->refused + c->audited, refused),
	    rate(o->rates, c->bad, bad),
	    rate(o->rates, c->overload, away));
}

static void
put_grants(struct page *p, size_t row, const struct page_of *o)
{
	const struct control_status *s = &o->sample->status;
	const uint64_t *more = o->rates->results;
	bool is_full = s->grants >= s->grants_max || more[RESULT_FULL] > 0;
	char granted[RATE_SIZE], full[RATE_SIZE], failed[RATE_SIZE];

	lay_line(p, row, is_full || more[RESULT_FAILED] > 0 ? LOOK_ALERT :
	    LOOK_PLAIN, "grants     %" PRIu32 " of %" PRIu32 "; granted %s, "
	    "no room %s, failed %s", s->grants, s->grants_max,
	    rate(o->rates, more[RESULT_OK], granted),
	    rate(o->rates, more[RESULT_FULL], full),
	    rate(o->rates, more[RESULT_FAILED], failed));
}

static void
put_firewall(struct page *p, size_t row, const struct page_of *o)
{
	const struct control_status *s = &o->sample->status;
	char transactions[RATE_SIZE], kernel[RATE_SIZE];

	lay_line(p, row, s->ready != s->families ? LOOK_ALERT : LOOK_PLAIN,
	    "firewall   %s; transactions %s, each %s, repairs %" PRIu64,
	    s->families == 0 ? "none" : s->ready == s->families ? "ready" :
	    "NOT READY", rate(o->rates, o->rates->transactions, transactions),
	    mean(o->rates, &o->rates->kernel, kernel), s->repairs);
}

static void
put_upstreams(struct page *p, size_t row, const struct page_of *o)
{
	const struct control_status *s = &o->sample->status;
	char text[LINE_MAX_TEXT] = "upstreams  ";
	size_t i, at = strlen(text);

	/* What another program sent may be anything. */
	for (i = 0; i < s->nupstreams && i < MSG_UPSTREAMS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%s%.*s %s", i == 0 ? "" : ", ", CONTROL_HOST_MAX,
		    s->upstreams[i], (s->silent & 1U << i) != 0 ?
		    "DOES NOT ANSWER" : "answers");
	lay_line(p, row, s->silent != 0 ? LOOK_ALERT : LOOK_PLAIN, "%s", text);
}

static void
put_exchanges(struct page *p, size_t row, const struct page_of *o)
{
	const struct counters *c = &o->rates->counters;
	char asked[RATE_SIZE], shared[RATE_SIZE], timeouts[RATE_SIZE],
	    junk[RATE_SIZE], took[RATE_SIZE];

	lay_line(p, row, LOOK_PLAIN, "upstream   asked %s, each %s, shared %s, "
	    "timeouts %s, junk %s", rate(o->rates, c->exchanges, asked),
	    mean(o->rates, &c->upstream, took),
	    rate(o->rates, c->shared, shared),
	    rate(o->rates, c->timeouts, timeouts),
	    rate(o->rates, c->junk, junk));
}

static void
put_list(struct page *p, size_t row, const struct page_of *o)
{
	const struct control_status *s = &o->sample->status;

	lay_line(p, row, LOOK_PLAIN, "list       %" PRIu32 " rule%s, reloaded %"
	    PRIu32 " time%s%s", s->rules, s->rules == 1 ? "" : "s",
	    s->generation, s->generation == 1 ? "" : "s",
	    s->reloading != 0 ? ", reloading" : "");
}

static void
put_scope(struct page *p, size_t row, const struct page_of *o)
{
	lay_line(p, row, LOOK_PLAIN, "serves     %.*s", CONTROL_SCOPE_MAX,
	    o->sample->status.scope);
}

/* --- the table --- */

/*
 * Before a row's text: whether some of it was let pass, as the log marks that.
 * There is such a column with --audit only.
 */
static const char *
row_mark(const struct page_of *o, const struct row *r)
{
	if (o->sample->status.audit == 0 || o->view->what == VIEW_RULES)
		return ("");
	return (r != NULL && r->audited ? "?> " : "   ");
}

static const char *const tabs[VIEWS] = {
	[VIEW_CLIENTS] = "1 clients", [VIEW_NAMES] = "2 names",
	[VIEW_REFUSALS] = "3 refusals", [VIEW_RULES] = "4 rules"
};
static const char *const orders[VIEW_ORDERS] = {
	[VIEW_BY_RATE] = "rate", [VIEW_BY_COUNT] = "count", [VIEW_BY_LAST] = "last",
	[VIEW_BY_TEXT] = "text"
};

static void
put_tabs(struct page *p, size_t row, const struct page_of *o)
{
	char text[128] = "";
	size_t i, at = 0;

	for (i = 0; i < VIEWS; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    i == o->view->what ? "[%s] " : " %s  ", tabs[i]);
	lay_line(p, row, LOOK_PLAIN, "%sby %s, %zu in all", text,
	    orders[o->view->order], o->table->n);
}

static void
put_heads(struct page *p, size_t row, const struct page_of *o)
{
	static const char *const heads[VIEWS] = {
		[VIEW_CLIENTS] = "CLIENT", [VIEW_NAMES] = "NAME",
		[VIEW_REFUSALS] = "CLIENT           NAME                  REASON",
		[VIEW_RULES] = " LINE  RULE"
	};
	bool rules = o->view->what == VIEW_RULES;

	if (p->columns < WIDE_FROM)
		lay_line(p, row, LOOK_TITLE, "%8s  %s%s", rules ? "HITS" :
		    "REFUSED", row_mark(o, NULL), heads[o->view->what]);
	else
		lay_line(p, row, LOOK_TITLE, "%8s %9s %5s  %s%s", rules ? "HITS" :
		    "REFUSED", "IN ALL", "LAST", row_mark(o, NULL),
		    heads[o->view->what]);
}

static void
put_row(struct page *p, size_t row, const struct page_of *o,
    const struct row *r)
{
	static const struct { uint32_t seconds; char unit; } units[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' }
	};
	char more[RATE_SIZE];
	size_t i;

	(void)rate(o->rates, r->more, more);
	if (p->columns < WIDE_FROM) {
		lay_line(p, row, LOOK_PLAIN, "%8s  %s%s", more, row_mark(o, r),
		    r->text);
		return;
	}
	for (i = 0; i < 3 && r->last < 2 * units[i].seconds; i++)
		;
	lay_line(p, row, LOOK_PLAIN, "%8s %9" PRIu64 " %4" PRIu32 "%c  %s%s",
	    more, r->count, r->last / units[i].seconds, units[i].unit,
	    row_mark(o, r), r->text);
}

static void
put_help(struct page *p, size_t row, const struct page_of *o)
{
	if (o->view->typing)
		lay_line(p, row, LOOK_TITLE, "only with: %s_", o->view->filter);
	else if (o->view->filter[0] != '\0')
		lay_line(p, row, LOOK_TITLE, "only with: %s  ESC all  q quit",
		    o->view->filter);
	else
		lay_line(p, row, LOOK_TITLE, "q quit  1-4 what  s sort  "
		    "/ only with  arrows scroll");
}

/* --- the page --- */

/* The most important first: a small screen has as many as go into half of it. */
static head_line *const head_lines[HEAD_MAX] = {
	put_title, put_queries, put_grants, put_firewall, put_upstreams,
	put_exchanges, put_list, put_scope
};

static size_t
head_rows(size_t rows)
{
	return (rows < 3 ? 1 : rows >= 2 * HEAD_MAX + 1 ? HEAD_MAX :
	    (rows - 1) / 2);
}

/* All lines but those of the table: head, tabs, heads, help. */
static size_t
other_rows(size_t rows)
{
	return (head_rows(rows) + (rows >= TABS_FROM) + 2);
}

size_t
page_table_rows(size_t rows)
{
	return (rows > other_rows(rows) ? rows - other_rows(rows) : 0);
}

static void
put_table(struct page *p, size_t row, const struct page_of *o)
{
	const struct table *t = o->table;
	size_t i;

	if (p->rows >= TABS_FROM)
		put_tabs(p, row++, o);
	put_heads(p, row++, o);
	for (i = o->view->first; i < t->n && p->shown < page_table_rows(
	    p->rows); i++, p->shown++)
		put_row(p, row++, o, &t->rows[i]);
}

void
page_make(struct page *p, const struct page_of *o)
{
	size_t i;

	if (p->rows > PAGE_ROWS_MAX)
		p->rows = PAGE_ROWS_MAX;
	if (p->columns > PAGE_COLUMNS_MAX)
		p->columns = PAGE_COLUMNS_MAX;
	p->shown = 0;
	if (p->rows == 0 || p->columns == 0)
		return;
	for (i = 0; i < p->rows; i++)
		lay_line(p, i, LOOK_PLAIN, "%s", "");
	for (i = 0; i < head_rows(p->rows); i++)
		head_lines[i](p, i, o);
	if (p->rows >= other_rows(p->rows))
		put_table(p, i, o);
	if (p->rows > 1)
		put_help(p, p->rows - 1, o);
}
