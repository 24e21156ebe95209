/* dnsfwctl stats, reload, revoke: of a dnsfw that runs (U6). */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "ask.h"
#include "clock.h"
#include "ctl.h"
#include "json.h"
#include "live.h"
#include "numbers.h"
#include "show.h"
#include "usage.h"

static const char *
plural(uint32_t n)
{
	return (n == 1 ? "" : "s");
}

/* --- arguments --- */

bool
live_arguments(struct live *l, int argc, char **argv, int least, int most)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	int ch;

	*l = (struct live){ .path = ASK_PATH_DEFAULT };
	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			l->json = true;
		else if (ch == 'c')
			l->path = optarg;
		else
			return (false);
	}
	if (argc - optind < least || argc - optind > most)
		return (false);
	if (argc == optind)
		return (true);
	l->has_client = true;
	if (argc - optind > 1)
		l->name = argv[optind + 1];
	if (addr_parse(argv[optind], strlen(argv[optind]), &l->client) == 0) {
		addr_unmap(&l->client);
		return (true);
	}
	warnx("\"%s\": expected a client: an IPv4 or IPv6 address",
	    argv[optind]);
	return (false);
}

int
live_ask(struct live *l, enum control_what what, enum control_type type,
    ask_answer *fn, struct control_end *end)
{
	if (ask(l->path, what, l->has_client ? &l->client : NULL, type, fn, l,
	    end) == -1)
		return (CTL_NO);
	if (end->code == CONTROL_OK)
		return (CTL_YES);
	warnx("%s", ask_strcode(end->code));
	return (CTL_NO);
}

/* --- stats --- */

static const struct {
	const char	*key, *text;
} results[RESULT_COUNT] = {
	[RESULT_OK] = { "granted", "granted" },
	[RESULT_FORBIDDEN] = { "forbidden", "never granted" },
	[RESULT_OUTSIDE] = { "outside", "outside of the policy" },
	[RESULT_FULL] = { "full", "no room" },
	[RESULT_FAILED] = { "failed", "firewall failed" },
	[RESULT_STALE] = { "stale", "of an older list" }
};

static bool
is_silent(const struct control_status *s, size_t i)
{
	return ((s->silent & 1U << i) != 0);
}

/* What another program sent may be anything. */
static size_t
upstreams_of(const struct control_status *s)
{
	return (s->nupstreams < MSG_UPSTREAMS_MAX ? s->nupstreams :
	    MSG_UPSTREAMS_MAX);
}

static void
print_upstreams_json(struct json *j, const struct control_status *s)
{
	size_t i;

	json_begin(j, "upstreams", '[');
	for (i = 0; i < upstreams_of(s); i++) {
		json_begin(j, NULL, '{');
		json_bytes(j, "address", s->upstreams[i],
		    strnlen(s->upstreams[i], CONTROL_HOST_MAX));
		json_bool(j, "answers", !is_silent(s, i));
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void
print_counters_json(struct json *j, const struct counters *c)
{
	size_t i;

	json_begin(j, "counters", '{');
	for (i = 0; i < numbers_count; i++)
		json_number(j, numbers[i].key, number_of(c, &numbers[i]));
	json_end(j, '}');
}

static void
print_span_json(struct json *j, const struct span *span,
    const struct histogram *h)
{
	size_t i;

	json_begin(j, span->key, '{');
	json_number(j, "count", span_within(h, HISTOGRAM_BOUNDS));
	json_number(j, "sum_ns", h->sum);
	json_begin(j, "buckets", '[');
	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		json_begin(j, NULL, '{');
		json_number(j, "within_ns", span->first << i);
		json_number(j, "count", span_within(h, i));
		json_end(j, '}');
	}
	json_end(j, ']');
	json_end(j, '}');
}

static void
print_times_json(struct json *j, const struct control_status *s)
{
	size_t i;

	json_begin(j, "times", '{');
	for (i = 0; i < spans_count; i++)
		print_span_json(j, &spans[i], span_of(s, &spans[i]));
	json_end(j, '}');
}

static void
print_stats_json(const struct control_status *s)
{
	struct json j = { .to = stdout };
	size_t i;

	json_begin(&j, NULL, '{');
	json_bytes(&j, "serves", s->scope, strnlen(s->scope,
	    sizeof(s->scope)));
	json_bool(&j, "working", s->ready == s->families);
	json_bool(&j, "reloading", s->reloading != 0);
	json_number(&j, "rules", s->rules);
	json_number(&j, "reloads", s->generation);
	json_number(&j, "grants", s->grants);
	json_number(&j, "grants_max", s->grants_max);
	json_number(&j, "held", s->held);
	json_number(&j, "transactions", s->transactions);
	json_number(&j, "repairs", s->repairs);
	json_number(&j, "revoked", s->revoked);
	json_number(&j, "taken_over", s->taken_over);
	json_number(&j, "own_addresses", s->own_addresses);
	print_counters_json(&j, &s->counters);
	print_times_json(&j, s);
	print_upstreams_json(&j, s);
	json_begin(&j, "requests", '{');
	for (i = 0; i < RESULT_COUNT; i++)
		json_number(&j, results[i].key, s->results[i]);
	json_end(&j, '}');
	json_end(&j, '}');
	json_line(&j);
}

static void
print_counters(const struct control_status *s)
{
	const struct number *n;
	size_t i;

	for (n = numbers; n < numbers + numbers_count; n++) {
		if (n->text == NULL)
			continue;
		if (n->line != NULL)
			printf("%s%-15s", n > numbers ? "\n" : "", n->line);
		else
			printf(n[-1].text[0] == '\0' ? "; " : ", ");
		printf("%s%" PRIu64, n->text, number_of(&s->counters, n));
	}
	printf("\n");
	for (i = 0; i < upstreams_of(s); i++) {
		printf("%15s", "");
		show_text(stdout, s->upstreams[i], strnlen(s->upstreams[i],
		    CONTROL_HOST_MAX));
		printf(" %s\n", is_silent(s, i) ? "does not answer" :
		    "answers");
	}
}

/* A bound, in the largest unit of which it is one at least. */
static void
print_bound(const struct span *span, size_t i)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)(span->first << i);
	size_t unit = 0;

	for (; value >= 1000 && unit < 3; unit++)
		value /= 1000;
	printf("%.4g %s", value, units[unit]);
}

/* So many of a hundred. */
static void
print_percent(const struct span *span, const struct histogram *h,
    unsigned int percent)
{
	size_t i = span_percent(h, percent);
	bool above = i == HISTOGRAM_BOUNDS;

	printf("%s%u %% %s ", percent == 50 ? "" : ", ", percent,
	    above ? "above" : "within");
	print_bound(span, i - above);
}

static void
print_times(const struct control_status *s)
{
	const struct histogram *h;
	size_t i;

	for (i = 0; i < spans_count; i++) {
		h = span_of(s, &spans[i]);
		printf("%-15s%-10s", i == 0 ? "times" : "", spans[i].key);
		if (span_within(h, HISTOGRAM_BOUNDS) == 0)
			printf("none yet");
		else {
			print_percent(&spans[i], h, 50);
			print_percent(&spans[i], h, 99);
		}
		printf("\n");
	}
}

static void
print_stats(void *arg, const void *record)
{
	const struct control_status *s = record;
	const struct live *l = arg;
	size_t i;

	if (l->json) {
		print_stats_json(s);
		return;
	}
	printf("serves         ");
	show_text(stdout, s->scope, strnlen(s->scope, sizeof(s->scope)));
	putchar('\n');
	print_counters(s);
	printf("firewall       %s; transactions %" PRIu64 ", repairs %" PRIu64
	    "\n", s->families == 0 ? "none" : s->ready == s->families ?
	    "works" : "incomplete",
	    s->transactions, s->repairs);
	printf("list           %" PRIu32 " rule%s, reloaded %" PRIu32
	    " time%s%s\n", s->rules, plural(s->rules), s->generation,
	    plural(s->generation), s->reloading != 0 ? ", reloading" : "");
	printf("grants         %" PRIu32 " live of %" PRIu32 "; held %" PRIu64
	    ", revoked %" PRIu64 ", kept at the start %" PRIu64 "\n",
	    s->grants, s->grants_max, s->held, s->revoked, s->taken_over);
	print_times(s);
	printf("own addresses  %" PRIu32 "\n", s->own_addresses);
	printf("asked for      ");
	for (i = 0; i < RESULT_COUNT; i++)
		printf("%s%s %" PRIu64, i == 0 ? "" : ", ", results[i].text,
		    s->results[i]);
	printf("\n");
}

int
stats_main(int argc, char **argv)
{
	struct control_end end;
	struct live l;

	if (!live_arguments(&l, argc, argv, 0, 0))
		return (usage_wrong(argv[0]));
	return (live_ask(&l, CONTROL_STATS, CONTROL_STATUS, print_stats,
	    &end));
}

/* --- reload, revoke --- */

/* Do it, and say how much of it was done, if there was an answer. */
static int
change_it(int argc, char **argv, enum control_what what, int clients,
    const char *noun, const char *done)
{
	struct control_end end = { .type = 0 };
	struct json j = { .to = stdout };
	struct live l;
	char key[16];
	int status;

	if (!live_arguments(&l, argc, argv, clients, clients))
		return (usage_wrong(argv[0]));
	status = live_ask(&l, what, CONTROL_END, NULL, &end);
	if (l.json && end.type == CONTROL_END) {
		json_begin(&j, NULL, '{');
		json_bool(&j, "done", status == CTL_YES);
		(void)snprintf(key, sizeof(key), "%ss", noun);
		json_number(&j, key, end.count);
		json_end(&j, '}');
		json_line(&j);
	} else if (status == CTL_YES)
		printf("%s: %" PRIu32 " %s%s\n", done, end.count, noun,
		    plural(end.count));
	return (status);
}

int
reload_main(int argc, char **argv)
{
	return (change_it(argc, argv, CONTROL_RELOAD, 0, "rule", "in force"));
}

int
revoke_main(int argc, char **argv)
{
	return (change_it(argc, argv, CONTROL_REVOKE, 1, "grant", "revoked"));
}
