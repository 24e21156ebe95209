/* dnsfwctl grants, stats, reload, revoke: of a dnsfw that runs (U6). */
#include <netinet/in.h>

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "ask.h"
#include "ctl.h"
#include "json.h"
#include "live.h"
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
	while ((ch = getopt_long(argc, argv, "", options, NULL)) != -1) {
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

/* --- grants --- */

static const char *
print_address(uint8_t family, const uint8_t bytes[16],
    char buf[ADDR_TEXT_MAX])
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return (addr_print(&a, buf));
}

static void
print_grant(void *arg, const void *record)
{
	const struct control_grant *g = record;
	const struct live *l = arg;
	char client[ADDR_TEXT_MAX] = "this host", dst[ADDR_TEXT_MAX];
	const char *proto = g->proto == IPPROTO_UDP ? "udp" : "tcp";
	int len = (int)strnlen(g->label, sizeof(g->label));
	struct json j = { .to = stdout };

	if (g->local == 0)
		(void)print_address(g->family, g->client, client);
	(void)print_address(g->family, g->dst, dst);
	if (!l->json) {
		printf("%-15s  %s:%-5u  %-15s  %6" PRIu32 " s  ", client,
		    proto, g->port, dst, g->left);
		show_text(stdout, g->label, (size_t)len);
		putchar('\n');
		return;
	}
	json_begin(&j, NULL, '{');
	if (g->local == 0)
		json_text(&j, "client", client);
	else
		json_null(&j, "client");
	json_text(&j, "protocol", proto);
	json_number(&j, "port", g->port);
	json_text(&j, "address", dst);
	json_bytes(&j, "name", g->label, (size_t)len);
	json_number(&j, "left", g->left);
	json_end(&j, '}');
	json_line(&j);
}

int
grants_main(int argc, char **argv)
{
	struct control_end end;
	struct live l;
	int status;

	if (!live_arguments(&l, argc, argv, 0, 1))
		return (usage_wrong(argv[0]));
	status = live_ask(&l, CONTROL_GRANTS, CONTROL_GRANT, print_grant,
	    &end);
	if (status == CTL_YES && end.count == 0 && !l.json)
		warnx("nothing is open%s%s", l.has_client ? " for " : "",
		    l.has_client ? argv[argc - 1] : "");
	return (status);
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
	json_begin(j, "counters", '{');
	json_number(j, "queries", c->queries);
	json_number(j, "refused", c->refused);
	json_number(j, "bad", c->bad);
	json_number(j, "turned_away", c->overload);
	json_number(j, "exchanges", c->exchanges);
	json_number(j, "shared", c->shared);
	json_number(j, "timeouts", c->timeouts);
	json_number(j, "junk", c->junk);
	json_number(j, "grants_asked", c->grants);
	json_number(j, "grants_known", c->known);
	json_number(j, "refusals_untold", c->untold);
	json_number(j, "audited", c->audited);
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
	const struct counters *c = &s->counters;
	size_t i;

	printf("queries        %" PRIu64 "; refused %" PRIu64 ", bad %" PRIu64
	    ", turned away %" PRIu64, c->queries, c->refused, c->bad,
	    c->overload);
	if (c->audited > 0)
		printf(", let through %" PRIu64, c->audited);
	putchar('\n');
	printf("upstream       questions %" PRIu64 ", shared %" PRIu64
	    ", timeouts %" PRIu64 ", junk %" PRIu64 "\n", c->exchanges,
	    c->shared, c->timeouts, c->junk);
	for (i = 0; i < upstreams_of(s); i++) {
		printf("%15s", "");
		show_text(stdout, s->upstreams[i], strnlen(s->upstreams[i],
		    CONTROL_HOST_MAX));
		printf(" %s\n", is_silent(s, i) ? "does not answer" :
		    "answers");
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
