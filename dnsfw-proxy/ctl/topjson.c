/* dnsfwctl top --json: one object a refresh. */
#include "topjson.h"

#include <string.h>
#include <time.h>

#include "json.h"
#include "top/table.h"

#define ROWS_MAX	20	/* of the clients, and of the names */

static struct table rows;

/* As many more; null if that is not known. */
static void
put_more(struct json *j, const struct rates *r, const char *key,
    uint64_t more)
{
	if (r->known)
		json_number(j, key, more);
	else
		json_null(j, key);
}

static void
put_counters(struct json *j, const struct rates *r)
{
	const struct counters *c = &r->counters;

	put_more(j, r, "milliseconds", r->ns / 1000000);
	put_more(j, r, "queries", c->queries);
	put_more(j, r, "refused", c->refused);
	put_more(j, r, "audited", c->audited);
	put_more(j, r, "bad", c->bad);
	put_more(j, r, "turned_away", c->overload);
	put_more(j, r, "exchanges", c->exchanges);
	put_more(j, r, "exchanges_ns", c->upstream.sum);
	put_more(j, r, "shared", c->shared);
	put_more(j, r, "timeouts", c->timeouts);
	put_more(j, r, "junk", c->junk);
	put_more(j, r, "granted", r->results[RESULT_OK]);
	put_more(j, r, "full", r->results[RESULT_FULL]);
	put_more(j, r, "failed", r->results[RESULT_FAILED]);
	put_more(j, r, "transactions", r->transactions);
	put_more(j, r, "transactions_ns", r->kernel.sum);
	put_more(j, r, "repairs", r->repairs);
}

static void
put_status(struct json *j, const struct control_status *s)
{
	size_t i;

	json_number(j, "grants", s->grants);
	json_number(j, "grants_max", s->grants_max);
	json_bool(j, "working", s->ready == s->families);
	json_number(j, "rules", s->rules);
	json_number(j, "reloads", s->generation);
	json_begin(j, "upstreams", '[');
	for (i = 0; i < s->nupstreams && i < MSG_UPSTREAMS_MAX; i++) {
		json_begin(j, NULL, '{');
		json_bytes(j, "address", s->upstreams[i],
		    strnlen(s->upstreams[i], CONTROL_HOST_MAX));
		json_bool(j, "answers", (s->silent & 1U << i) == 0);
		json_end(j, '}');
	}
	json_end(j, ']');
}

/* Those that were refused most, or let pass by --audit, since the sample before. */
static void
put_rows(struct json *j, const char *key, const char *of,
    enum view_what what, const struct sample *before,
    const struct sample *now)
{
	const struct view view = { .what = what, .order = VIEW_BY_RATE };
	size_t i;

	table_make(&rows, &view, before, now, NULL);
	json_begin(j, key, '[');
	for (i = 0; i < rows.n && i < ROWS_MAX && rows.rows[i].more > 0; i++) {
		json_begin(j, NULL, '{');
		json_text(j, of, rows.rows[i].text);
		json_number(j, "refused", rows.rows[i].more -
		    rows.rows[i].more_audited);
		json_number(j, "audited", rows.rows[i].more_audited);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
put_moment(struct json *j)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ",
	    gmtime_r(&now, &tm));
	json_text(j, "time", text);
}

void
topjson_print(const struct sample *before, const struct sample *now,
    const struct rates *r)
{
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	put_moment(&j);
	json_bool(&j, "up", now != NULL);
	if (now != NULL) {
		put_counters(&j, r);
		put_status(&j, &now->status);
		before = r->known ? before : NULL;
		put_rows(&j, "clients", "client", VIEW_CLIENTS, before, now);
		put_rows(&j, "names", "name", VIEW_NAMES, before, now);
	}
	json_end(&j, '}');
	json_line(&j);
}
