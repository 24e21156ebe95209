/* What dnsfw counts and measures, and how it is called. */
#include "numbers.h"

#include <string.h>

#define AT(field)	offsetof(struct counters, field)

const struct number numbers[] = {
	{ AT(queries), "queries", "queries", "Messages of clients.",
	    "queries", "" },
	{ AT(refused), "refused", "queries_refused", "Those that the list "
	    "refused, or answered itself.", NULL, "refused " },
	{ AT(bad), "bad", "queries_bad", "Those that were malformed, or of a "
	    "kind that is not allowed.", NULL, "bad " },
	{ AT(overload), "turned_away", "queries_turned_away", "Those that a "
	    "limit turned away.", NULL, "turned away " },
	{ AT(limited), "over_rate", "queries_over_rate", "Messages above "
	    "--client-rate: dropped over UDP, delayed over TCP.", NULL,
	    "over the rate " },
	{ AT(outside), "outside", "queries_outside", "Messages, and "
	    "connections, of addresses outside of --client-net.", NULL,
	    "not of clients " },
	{ AT(audited), "audited", "queries_audited", "Those that the list "
	    "would have refused, but for --audit.", NULL, "let through " },
	{ AT(exchanges), "exchanges", "upstream_questions", "Questions that "
	    "went to upstreams.", "upstream", "questions " },
	{ AT(shared), "shared", "upstream_shared", "Queries that shared the "
	    "question of another one.", NULL, "shared " },
	{ AT(timeouts), "timeouts", "upstream_timeouts", "Tries that had no "
	    "answer in time.", NULL, "timeouts " },
	{ AT(junk), "junk", "upstream_junk", "What came and was no answer.",
	    NULL, "junk " },
	{ AT(grants), "grants_asked", "grants_asked", "Grants that workers "
	    "asked for.", NULL, NULL },
	{ AT(known), "grants_known", "grants_known", "Grants that workers "
	    "knew to live long enough.", NULL, NULL },
	{ AT(untold), "refusals_untold", "refusals_untold", "Refusals that "
	    "dnsfwctl why does not know of.", NULL, NULL },
};

const size_t numbers_count = sizeof(numbers) / sizeof(numbers[0]);

static_assert(sizeof(numbers) / sizeof(numbers[0]) * sizeof(uint64_t) ==
    AT(decision), "each counter is there");

uint64_t
number_of(const struct counters *c, const struct number *n)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)c + n->at, sizeof(value));
	return (value);
}

const struct span spans[] = {
	{ offsetof(struct control_status, counters.decision),
	    HISTOGRAM_DECISION, "decision", "decision_seconds",
	    "What the list says of a query: one in some is measured." },
	{ offsetof(struct control_status, counters.upstream),
	    HISTOGRAM_UPSTREAM, "upstream", "upstream_seconds",
	    "From a question to its answer, or to the end of its time." },
	{ offsetof(struct control_status, kernel), HISTOGRAM_KERNEL,
	    "firewall", "firewall_seconds",
	    "Transactions with the firewall, to the answer of the kernel." },
};

const size_t spans_count = sizeof(spans) / sizeof(spans[0]);

const struct histogram *
span_of(const struct control_status *s, const struct span *span)
{
	return ((const void *)((const uint8_t *)s + span->at));
}

uint64_t
span_within(const struct histogram *h, size_t i)
{
	uint64_t sum = h->counts[i];

	while (i-- > 0)
		sum += h->counts[i];
	return (sum);
}

size_t
span_percent(const struct histogram *h, unsigned int percent)
{
	double part = (double)span_within(h, HISTOGRAM_BOUNDS) * percent / 100;
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && (double)span_within(h, i) < part)
		i++;
	return (i);
}
