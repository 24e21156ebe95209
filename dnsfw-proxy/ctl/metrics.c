/* dnsfwctl metrics: numbers of a running dnsfw (U7). */
#include "metrics.h"

#include <ctype.h>
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "ask.h"
#include "ctl.h"
#include "usage.h"

struct metrics {
	FILE		*to;
	bool		 open;		/* OpenMetrics */
};

/*
 * What stands before the values of a metric: OpenMetrics names a counter without
 * the "_total" of its values.
 */
static void
print_head(const struct metrics *m, const char *name, bool counts,
    const char *help)
{
	const char *end = counts && !m->open ? "_total" : "";

	fprintf(m->to, "# TYPE dnsfw_%s%s %s\n# HELP dnsfw_%s%s %s\n", name,
	    end, counts ? "counter" : "gauge", name, end, help);
}

static void
print_gauge(const struct metrics *m, const char *name, uint64_t value,
    const char *help)
{
	print_head(m, name, false, help);
	fprintf(m->to, "dnsfw_%s %" PRIu64 "\n", name, value);
}

static void
print_counter(const struct metrics *m, const char *name, uint64_t value,
    const char *help)
{
	print_head(m, name, true, help);
	fprintf(m->to, "dnsfw_%s_total %" PRIu64 "\n", name, value);
}

static void
print_families(const struct metrics *m, const struct control_status *s)
{
	static const struct {
		uint8_t		bit;
		const char	*name;
	} families[] = { { MSG_FAMILY_V4, "ipv4" }, { MSG_FAMILY_V6, "ipv6" } };
	size_t i;

	if (s->families == 0)
		return;
	print_head(m, "firewall_ready", false, "Whether grants of the family "
	    "can be made now.");
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if ((s->families & families[i].bit) != 0)
			fprintf(m->to, "dnsfw_firewall_ready{family=\"%s\"} "
			    "%d\n", families[i].name,
			    (s->ready & families[i].bit) != 0);
}

static void
print_requests(const struct metrics *m, const struct control_status *s)
{
	static const char *const names[RESULT_COUNT] = {
		[RESULT_OK] = "granted", [RESULT_FORBIDDEN] = "forbidden",
		[RESULT_OUTSIDE] = "outside", [RESULT_FULL] = "full",
		[RESULT_FAILED] = "failed", [RESULT_STALE] = "stale"
	};
	size_t i;

	print_head(m, "grant_requests", true, "Requests of the workers for "
	    "grants, by what became of them.");
	for (i = 0; i < RESULT_COUNT; i++)
		fprintf(m->to, "dnsfw_grant_requests_total{result=\"%s\"} %"
		    PRIu64 "\n", names[i], s->results[i]);
}

static void
print_traffic(const struct metrics *m, const struct counters *c)
{
	print_counter(m, "queries", c->queries, "Messages of clients.");
	print_counter(m, "queries_refused", c->refused, "Those that the list "
	    "refused, or answered itself.");
	print_counter(m, "queries_bad", c->bad, "Those that were malformed, or "
	    "of a kind that is not allowed.");
	print_counter(m, "queries_turned_away", c->overload, "Those that a "
	    "limit turned away.");
	print_counter(m, "upstream_questions", c->exchanges, "Questions that "
	    "went to upstreams.");
	print_counter(m, "upstream_shared", c->shared, "Queries that shared "
	    "the question of another one.");
	print_counter(m, "upstream_timeouts", c->timeouts, "Tries that had no "
	    "answer in time.");
	print_counter(m, "upstream_junk", c->junk, "What came and was no "
	    "answer.");
	print_counter(m, "queries_audited", c->audited, "Those that the list "
	    "would have refused, but for --audit.");
}

/* What would end the label's value is none of an address. */
static void
print_upstream(const struct metrics *m, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size && text[i] != '\0'; i++)
		putc(isalnum((unsigned char)text[i]) ||
		    strchr(".:%-_", text[i]) != NULL ? text[i] : '_', m->to);
}

static void
print_upstreams(const struct metrics *m, const struct control_status *s)
{
	size_t i;

	print_head(m, "upstream_up", false, "Whether the upstream answers.");
	for (i = 0; i < s->nupstreams && i < MSG_UPSTREAMS_MAX; i++) {
		fprintf(m->to, "dnsfw_upstream_up{upstream=\"");
		print_upstream(m, s->upstreams[i], CONTROL_HOST_MAX);
		fprintf(m->to, "\"} %d\n", (s->silent & 1U << i) == 0);
	}
}

static void
print_status(const struct metrics *m, const struct control_status *s)
{
	print_traffic(m, &s->counters);
	print_upstreams(m, s);
	print_gauge(m, "reloading", s->reloading, "Whether a new list is being "
	    "read.");
	print_gauge(m, "rules", s->rules, "Rules of the list in force.");
	print_counter(m, "reloads", s->generation, "Lists that came into force "
	    "after the first.");
	print_gauge(m, "grants", s->grants, "Grants that are live.");
	print_gauge(m, "grants_limit", s->grants_max, "How many may be live "
	    "(--max-grants).");
	print_counter(m, "grants_held", s->held, "Grants that were prolonged "
	    "for living connections (--hold-live).");
	print_counter(m, "grants_revoked", s->revoked, "Grants that were taken "
	    "out before their end.");
	print_counter(m, "grants_taken_over", s->taken_over, "Grants that were "
	    "in the firewall at the start, and kept.");
	print_requests(m, s);
	print_families(m, s);
	print_counter(m, "firewall_transactions", s->transactions,
	    "Transactions with the firewall.");
	print_counter(m, "firewall_repairs", s->repairs, "How often something "
	    "of the firewall had to be put back.");
	print_gauge(m, "own_addresses", s->own_addresses, "Addresses of this "
	    "host, which are never granted.");
}

void
metrics_print(FILE *to, const struct control_status *s, bool open)
{
	struct metrics m = { .to = to, .open = open };

	print_gauge(&m, "up", s != NULL, "Whether dnsfw answers.");
	if (s != NULL)
		print_status(&m, s);
	if (open)
		fprintf(to, "# EOF\n");
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
		{ "control", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	static struct control_status status;
	const char *path = ASK_PATH_DEFAULT;
	bool is_up;
	int ch;

	while ((ch = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (ch != 'c')
			return (usage_wrong("metrics"));
		path = optarg;
	}
	if (optind != argc)
		return (usage_wrong("metrics"));
	is_up = metrics_ask(path, &status) == 0;
	metrics_print(stdout, is_up ? &status : NULL, true);
	return (is_up ? CTL_YES : CTL_NO);
}
