/*
 * A DNS load: many clients, a bounded number of queries, every answer checked.
 * Prints what came of it as one line of JSON.
 */
#include "loadgen.h"

#include <sys/prctl.h>

#include <arpa/inet.h>

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

volatile sig_atomic_t load_stopping;

static void
on_signal(int number)
{
	(void)number;
	load_stopping = 1;
}

uint64_t
load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec);
}

bool
load_goes_on(const struct load *l, uint64_t now)
{
	return (!load_stopping && l->sent < l->count &&
	    now - l->start < l->duration);
}

void
load_answer(struct load *l, const struct ask *ask, uint64_t sent, uint64_t now,
    const uint8_t *msg, size_t len)
{
	enum query_err e;

	if (l->bare && ask->rcode != RCODE_NOERROR)
		e = query_check_bare(msg, len, ask->rcode);
	else
		e = query_check(msg, len, ask->number, ask->rcode);
	l->end = now;
	if (e != QUERY_OK) {
		l->wrong[e]++;
		return;
	}
	l->answered++;
	histogram_add(&l->latency, now - sent);
}

static void
report(const struct load *l)
{
	const struct histogram *h = &l->latency;

	printf("{\"sent\": %ju, \"answered\": %ju, \"lost\": %ju, "
	    "\"wrong_question\": %ju, \"wrong_rcode\": %ju, "
	    "\"wrong_address\": %ju, \"strays\": %ju, \"failed\": %ju, "
	    "\"seconds\": %.6f, \"p50\": %ju, \"p99\": %ju, \"p999\": %ju, "
	    "\"max\": %ju}\n", l->sent, l->answered, l->lost,
	    l->wrong[QUERY_EQUESTION], l->wrong[QUERY_ERCODE],
	    l->wrong[QUERY_EADDRESS], l->strays, l->failed,
	    l->end > l->start ? (double)(l->end - l->start) / 1e9 : 0,
	    histogram_quantile(h, 0.5), histogram_quantile(h, 0.99),
	    histogram_quantile(h, 0.999), h->max);
}

static uint32_t
number(const char *text, uint32_t min, uint32_t max)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || value < min || value > max)
		errx(2, "%s: expected a number from %u to %u", text, min, max);
	return ((uint32_t)value);
}

static const struct option options[] = {
	{ "server", required_argument, NULL, 's' },
	{ "clients", required_argument, NULL, 'c' },
	{ "plan", required_argument, NULL, 'p' },
	{ "first", required_argument, NULL, 'f' },
	{ "names", required_argument, NULL, 'n' },
	{ "rcode", required_argument, NULL, 'r' },
	{ "window", required_argument, NULL, 'w' },
	{ "count", required_argument, NULL, 'q' },
	{ "milliseconds", required_argument, NULL, 't' },
	{ "rate", required_argument, NULL, 'R' },
	{ "per-connection", required_argument, NULL, 'C' },
	{ "depth", required_argument, NULL, 'd' },
	{ "bare", required_argument, NULL, 'b' },
	{ NULL, 0, NULL, 0 }
};

static enum plan_kind
plan_kind(const char *text)
{
	switch (text[0]) {
	case 's':
		return (PLAN_SEQUENCE);
	case 'r':
		return (PLAN_RANDOM);
	case 'p':
		return (PLAN_POLICY);
	default:
		errx(2, "--plan %s: sequence, random or policy", text);
	}
}

static void
set_option(struct load *l, int option, const char *text)
{
	switch (option) {
	case 's':
		if (inet_pton(AF_INET, text, &l->server.sin_addr) != 1)
			errx(2, "--server %s: no IPv4 address", text);
		break;
	case 'c':
		l->plan.clients = number(text, 1, PLAN_CLIENTS_MAX);
		break;
	case 'p':
		l->plan.kind = plan_kind(text);
		break;
	case 'f':
		l->plan.first = number(text, 0, UINT_MAX);
		break;
	case 'n':
		l->plan.names = number(text, 1, UINT_MAX);
		break;
	case 'r':
		l->plan.rcode = (uint8_t)number(text, 0, 15);
		break;
	case 'w':
		l->window = number(text, 1, WINDOW_MAX);
		break;
	case 'q':
		l->count = number(text, 1, UINT_MAX);
		break;
	case 't':
		l->duration = number(text, 1, 60000) * (SECOND / 1000);
		break;
	case 'R':
		l->rate = number(text, 1, 10000000);
		break;
	case 'C':
		l->per_connection = number(text, 1, UINT_MAX);
		break;
	case 'd':
		l->depth = number(text, 1, WINDOW_MAX);
		break;
	case 'b':
		l->bare = number(text, 0, 1) != 0;
		break;
	default:
		exit(2);
	}
}

int
main(int argc, char *argv[])
{
	static struct load l = {
		.plan = { .clients = 256, .names = 1, .random = 1 },
		.window = 100, .depth = 1, .count = 100000000,
		.duration = 10 * SECOND,
		.server = { .sin_family = AF_INET },
	};
	struct sigaction sa = { .sa_handler = on_signal };
	int option;

	l.server.sin_port = htons(53);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(&l, option, optarg);
	if (optind != argc || l.server.sin_addr.s_addr == INADDR_ANY)
		errx(2, "usage: loadgen --server ADDRESS [--OPTION VALUE]...");
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	l.start = load_now();
	l.end = l.start;
	if (l.per_connection != 0)
		load_tcp(&l);
	else
		load_udp(&l);
	report(&l);
	return (0);
}
