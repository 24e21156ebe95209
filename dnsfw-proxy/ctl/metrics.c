/* dnsfwctl metrics: numbers of a running dnsfw (U7). */
#include "metrics.h"

#include <ctype.h>
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "ctl.h"
#include "numbers.h"
#include "usage.h"

#define ANSWER_SECONDS	5	/* who collects numbers does not wait for longer */

static void
print_gauge(struct samples *s, const char *name, uint64_t value,
    const char *help)
{
	samples_head(s, name, "", "gauge", NULL, help);
	samples_number(s, name, "", value);
}

/* OpenMetrics names a counter without the "_total" of its values. */
static void
counter_head(struct samples *s, const char *name, const char *help)
{
	samples_head(s, name, s->form == SAMPLES_OPEN ? "" : "_total",
	    "counter", NULL, help);
}

static void
print_counter(struct samples *s, const char *name, uint64_t value,
    const char *help)
{
	counter_head(s, name, help);
	samples_number(s, name, "_total", value);
}

static void
print_histogram(struct samples *s, const struct span *span,
    const struct histogram *h)
{
	const struct samples_row row = { span->metric, "_bucket", "le" };
	char bound[32];
	size_t i;

	samples_head(s, span->metric, "", "histogram", "seconds", span->help);
	samples_row_begin(s, &row);
	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		(void)snprintf(bound, sizeof(bound), "%.9g",
		    (double)(span->first << i) / CLOCK_SECOND);
		samples_row_put(s, &row, bound, span_within(h, i));
	}
	samples_row_put(s, &row, "+Inf", span_within(h, i));
	samples_row_end(s);
	samples_number(s, span->metric, "_count", span_within(h, i));
	samples_seconds(s, span->metric, "_sum", h->sum);
}

static void
print_families(struct samples *s, const struct control_status *c)
{
	static const struct {
		uint8_t		bit;
		const char	*name;
	} families[] = { { MSG_FAMILY_V4, "ipv4" }, { MSG_FAMILY_V6, "ipv6" } };
	static const struct samples_row row = { "firewall_ready", "",
	    "family" };
	size_t i;

	if (c->families == 0)
		return;
	samples_head(s, row.name, "", "gauge", NULL, "Whether grants of the "
	    "family can be made now.");
	samples_row_begin(s, &row);
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if ((c->families & families[i].bit) != 0)
			samples_row_put(s, &row, families[i].name,
			    (c->ready & families[i].bit) != 0);
	samples_row_end(s);
}

static void
print_requests(struct samples *s, const struct control_status *c)
{
	static const char *const names[RESULT_COUNT] = {
		[RESULT_OK] = "granted", [RESULT_FORBIDDEN] = "forbidden",
		[RESULT_OUTSIDE] = "outside", [RESULT_FULL] = "full",
		[RESULT_FAILED] = "failed", [RESULT_STALE] = "stale"
	};
	static const struct samples_row row = { "grant_requests", "_total",
	    "result" };
	size_t i;

	counter_head(s, row.name, "Requests of the workers for grants, by what "
	    "became of them.");
	samples_row_begin(s, &row);
	for (i = 0; i < RESULT_COUNT; i++)
		samples_row_put(s, &row, names[i], c->results[i]);
	samples_row_end(s);
}

/* What would end the label's value is none of an address. */
static void
copy_upstream(const char text[CONTROL_HOST_MAX],
    char out[CONTROL_HOST_MAX + 1])
{
	size_t i;

	for (i = 0; i < CONTROL_HOST_MAX && text[i] != '\0'; i++)
		out[i] = isalnum((unsigned char)text[i]) ||
		    strchr(".:%-_", text[i]) != NULL ? text[i] : '_';
	out[i] = '\0';
}

static void
print_upstreams(struct samples *s, const struct control_status *c)
{
	static const struct samples_row row = { "upstream_up", "",
	    "upstream" };
	char upstream[CONTROL_HOST_MAX + 1];
	size_t i;

	samples_head(s, row.name, "", "gauge", NULL, "Whether the upstream "
	    "answers.");
	samples_row_begin(s, &row);
	for (i = 0; i < c->nupstreams && i < MSG_UPSTREAMS_MAX; i++) {
		copy_upstream(c->upstreams[i], upstream);
		samples_row_put(s, &row, upstream,
		    (c->silent & 1U << i) == 0);
	}
	samples_row_end(s);
}

static void
print_status(struct samples *s, const struct control_status *c)
{
	size_t i;

	for (i = 0; i < numbers_count; i++)
		print_counter(s, numbers[i].metric,
		    number_of(&c->counters, &numbers[i]), numbers[i].help);
	for (i = 0; i < spans_count; i++)
		print_histogram(s, &spans[i], span_of(c, &spans[i]));
	print_upstreams(s, c);
	print_gauge(s, "reloading", c->reloading, "Whether a new list is being "
	    "read.");
	print_gauge(s, "rules", c->rules, "Rules of the list in force.");
	print_counter(s, "reloads", c->generation, "Lists that came into force "
	    "after the first.");
	print_gauge(s, "grants", c->grants, "Grants that are live.");
	print_gauge(s, "grants_limit", c->grants_max, "How many may be live "
	    "(--max-grants).");
	print_counter(s, "grants_held", c->held, "Grants that were prolonged "
	    "for living connections (--hold-live).");
	print_counter(s, "grants_revoked", c->revoked, "Grants that were taken "
	    "out before their end.");
	print_counter(s, "grants_taken_over", c->taken_over, "Grants that were "
	    "in the firewall at the start, and kept.");
	print_requests(s, c);
	print_families(s, c);
	print_counter(s, "firewall_transactions", c->transactions,
	    "Transactions with the firewall.");
	print_counter(s, "firewall_repairs", c->repairs, "How often something "
	    "of the firewall had to be put back.");
	print_gauge(s, "own_addresses", c->own_addresses, "Addresses of this "
	    "host, which are never granted.");
}

void
metrics_print(FILE *to, const struct control_status *c, enum samples_form form)
{
	struct samples s;

	samples_begin(&s, to, form);
	print_gauge(&s, "up", c != NULL, "Whether dnsfw answers.");
	if (c != NULL)
		print_status(&s, c);
	samples_end(&s);
}

static void
keep_status(void *arg, const void *record)
{
	struct control_status *out = arg;

	*out = *(const struct control_status *)record;
}

int
metrics_ask(const char *path, struct control_status *out)
{
	struct control_end end;

	out->type = 0;
	if (ask(path, CONTROL_STATS, NULL, CONTROL_STATUS, keep_status, out,
	    &end) == -1)
		return (-1);
	if (end.code == CONTROL_OK && out->type == CONTROL_STATUS)
		return (0);
	if (!ask_manner.quiet)
		warnx("%s", ask_strcode(end.code));
	return (-1);
}

int
metrics_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	static struct control_status status;
	enum samples_form form = SAMPLES_OPEN;
	const char *path = ASK_PATH_DEFAULT;
	bool is_up;
	int ch;

	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			form = SAMPLES_JSON;
		else if (ch == 'c')
			path = optarg;
		else
			return (usage_wrong("metrics"));
	}
	if (optind != argc)
		return (usage_wrong("metrics"));
	ask_manner.seconds = ANSWER_SECONDS;
	ask_manner.whole = true;
	is_up = metrics_ask(path, &status) == 0;
	metrics_print(stdout, is_up ? &status : NULL, form);
	return (is_up ? CTL_YES : CTL_NO);
}
