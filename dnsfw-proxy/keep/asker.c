/* Answers at the control socket. */
#include "asker.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "conf.h"
#include "controlmsg.h"
#include "counts.h"
#include "firewall.h"
#include "hits.h"
#include "hold.h"
#include "hosts.h"
#include "host.h"
#include "kernel/ask.h"
#include "own.h"
#include "policy.h"
#include "refusals.h"
#include "requests.h"
#include "review.h"
#include "seen.h"
#include "status.h"

/* Places of the ledger that a turn looks at, for all of them. */
#define LOOKED_AT	2048

#define ENDING	CONTROL_WHAT_END	/* what: only the END is due */

static uint64_t began_at;		/* ns */
static unsigned int places_left;	/* of this turn */

void
asker_begin(void)
{
	began_at = clock_now();
}

void
asker_turn(void)
{
	places_left = LOOKED_AT;
}

void
asker_drop(struct asker *a)
{
	close(a->fd);
	*a = (struct asker){ .fd = -1 };
}

void
asker_progress(struct asker *a)
{
	a->deadline = clock_now() + CONTROL_SECONDS * CLOCK_SECOND;
}

/* False: it has to be sent again later, or the asker is gone. */
static bool
asker_tell(struct asker *a, const void *record, size_t len)
{
	ssize_t n = sendto(a->fd, record, len, MSG_NOSIGNAL | MSG_DONTWAIT,
	    NULL, 0);

	if (n == (ssize_t)len) {
		asker_progress(a);
		return (true);
	}
	if (n != -1 || errno != EAGAIN)
		asker_drop(a);
	return (false);
}

static uint32_t
seconds_between(uint64_t then, uint64_t now)
{
	return ((uint32_t)((now - then) / CLOCK_SECOND));
}

void
asker_end(struct asker *a, uint8_t code)
{
	const uint64_t now = clock_now();
	const struct control_end m = { .type = CONTROL_END,
	    .code = code, .count = a->count,
	    .lacking = firewall.families & (uint8_t)~firewall.ready,
	    .running = seconds_between(began_at, now),
	    .counting = seconds_between(hits_since(), now) };

	a->what = ENDING;
	a->code = code;
	if (asker_tell(a, &m, sizeof(m)))
		a->what = 0;
}

/* --- answers --- */

static void
answer_status(struct asker *a)
{
	static struct control_status m;

	ledger_expire(firewall.ledger, clock_now());
	m = (struct control_status){ .type = CONTROL_STATUS,
	    .reloading = policy_reloading(), .families = firewall.families,
	    .ready = firewall.ready, .audit = conf->audit, .rules = policy_rules(),
	    .generation = policy_generation(),
	    .grants = ledger_count(firewall.ledger),
	    .grants_max = ledger_max(firewall.ledger),
	    .own_addresses = own_count(), .sum = policy_sum(),
	    .transactions = firewall.transactions,
	    .repairs = firewall.repairs, .revoked = firewall.revoked,
	    .taken_over = firewall.taken_over, .held = hold_count(),
	    .kernel = firewall.kernel };
	requests_counts(m.results);
	m.silent = counts_sum(&m.counters);
	for (; m.nupstreams < conf->upstreams.n &&
	    m.nupstreams < MSG_UPSTREAMS_MAX; m.nupstreams++)
		(void)host_print(&conf->upstreams.at[m.nupstreams],
		    m.upstreams[m.nupstreams]);
	static_assert(CONTROL_HOST_MAX >= HOST_TEXT_MAX, "an upstream");
	static_assert(sizeof(m.scope) == STATUS_SCOPE_MAX, "the scope");
	strncpy(m.scope, status_scope(), sizeof(m.scope) - 1);
	if (asker_tell(a, &m, sizeof(m)))
		asker_end(a, CONTROL_OK);
}

/* Are there places that it has not seen? */
static bool
has_more(const struct asker *a)
{
	return (a->cursor < ledger_places(firewall.ledger));
}

/* All addresses of a host of the list are one client (U11). */
static bool
belongs_to(const struct asker *a, const struct msg_grant *g)
{
	struct addr asked = a->client, own = { .family = g->family };

	if (asked.family == 0)
		return (true);
	if (g->local != 0)
		return (addr_is_loopback(&asked));
	memcpy(own.bytes, g->client, sizeof(own.bytes));
	return (addr_equal(&own, &asked) || (hosts_first(&asked) &&
	    hosts_first(&own) && addr_equal(&own, &asked)));
}

/*
 * The next live grants of the client, at most max, in what is left of the turn's
 * places.
 */
static size_t
next_grants(struct asker *a, const struct ledger_entry **out, size_t max)
{
	const struct ledger_entry *e;
	size_t n = 0;

	for (; places_left > 0 && n < max && has_more(a); places_left--) {
		e = ledger_place(firewall.ledger, a->cursor++);
		if (e != NULL && belongs_to(a, &e->grant))
			out[n++] = e;
	}
	return (n);
}

static void
answer_grants(struct asker *a)
{
	static struct control_grant m[CONTROL_BATCH_MAX];
	const struct ledger_entry *e[CONTROL_BATCH_MAX];
	uint64_t now = clock_now();
	uint32_t before = a->cursor;
	size_t i, n;

	ledger_expire(firewall.ledger, now);
	n = next_grants(a, e, CONTROL_BATCH_MAX);
	for (i = 0; i < n; i++) {
		m[i] = (struct control_grant){ .type = CONTROL_GRANT,
		    .family = e[i]->grant.family, .proto = e[i]->grant.proto,
		    .local = e[i]->grant.local, .port = e[i]->grant.port,
		    .left = seconds_between(now, e[i]->expiry),
		    .lacking = !firewall_works(&e[i]->grant) };
		memcpy(m[i].client, e[i]->grant.client, sizeof(m[i].client));
		memcpy(m[i].dst, e[i]->grant.dst, sizeof(m[i].dst));
		memcpy(m[i].label, e[i]->grant.label, sizeof(m[i].label));
	}
	if (n > 0 && !asker_tell(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count += (uint32_t)n;
	if (!has_more(a))
		asker_end(a, CONTROL_OK);
}

/* The next ones of all clients, in what is left of the turn's places. */
static size_t
next_refusals(struct asker *a, const struct refusal **out, size_t max)
{
	size_t n = 0;

	for (; places_left > 0 && n < max && a->cursor < refusals_places();
	    places_left--)
		if ((out[n] = refusals_place(a->cursor++)) != NULL)
			n++;
	return (n);
}

/* What comes while a client's are told is told, too, but not for ever. */
static bool
told_all(const struct asker *a, size_t n)
{
	if (a->client.family == 0)
		return (a->cursor == refusals_places());
	return (n < CONTROL_BATCH_MAX || a->count >= REFUSALS_CLIENT);
}

static void
answer_refusals(struct asker *a)
{
	static struct control_refusal m[CONTROL_BATCH_MAX];
	const struct refusal *r[CONTROL_BATCH_MAX];
	uint64_t now = clock_now();
	uint32_t before = a->cursor;
	size_t i, n;

	if (a->client.family == 0)
		n = next_refusals(a, r, CONTROL_BATCH_MAX);
	else
		n = refusals_next(&a->client, a->told, r, CONTROL_BATCH_MAX);
	for (i = 0; i < n; i++) {
		m[i] = (struct control_refusal){ .type = CONTROL_REFUSAL,
		    .kind = r[i]->told.kind, .qtype = r[i]->told.qtype,
		    .first = seconds_between(r[i]->first, now),
		    .last = seconds_between(r[i]->last, now),
		    .count = r[i]->told.count, .rule = r[i]->told.rule,
		    .family = r[i]->told.family, .id = r[i]->id };
		memcpy(m[i].client, r[i]->told.client, sizeof(m[i].client));
		memcpy(m[i].name, r[i]->told.name, sizeof(m[i].name));
		memcpy(m[i].reason, r[i]->told.reason, sizeof(m[i].reason));
	}
	if (n > 0 && !asker_tell(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	if (n > 0)
		a->told = r[n - 1]->number;
	a->count += (uint32_t)n;
	if (told_all(a, n))
		asker_end(a, CONTROL_OK);
}

/* The next lines that have hits, in what is left of the turn's places. */
static size_t
next_rules(struct asker *a, struct control_rule *out, size_t max)
{
	uint64_t now = clock_now();
	const struct hits *h;
	size_t n = 0;

	for (; places_left > 0 && n < max && a->cursor < MSG_LINES_MAX;
	    places_left--) {
		h = hits_of(++a->cursor);
		if (h->count > 0)
			out[n++] = (struct control_rule){
			    .type = CONTROL_RULE, .line = a->cursor,
			    .last = seconds_between(h->last, now),
			    .sum = policy_sum(), .hits = h->count };
	}
	return (n);
}

static void
answer_rules(struct asker *a)
{
	static struct control_rule m[CONTROL_BATCH_MAX];
	uint32_t before = a->cursor;
	size_t n;

	if (a->list != policy_generation()) {
		asker_end(a, CONTROL_CHANGED);
		return;
	}
	n = next_rules(a, m, CONTROL_BATCH_MAX);
	if (n > 0 && !asker_tell(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count = policy_rules();
	if (a->cursor == MSG_LINES_MAX)
		asker_end(a, CONTROL_OK);
}

static void
answer_seen(struct asker *a)
{
	static struct control_seen m[CONTROL_BATCH_MAX];
	uint32_t before = a->cursor;
	size_t n;

	if (conf->audit == 0) {
		asker_end(a, CONTROL_NO_AUDIT);
		return;
	}
	n = seen_next(&a->cursor, &places_left, m, CONTROL_BATCH_MAX);
	if (n > 0 && !asker_tell(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count = seen_lost();
	if (a->cursor == seen_places())
		asker_end(a, CONTROL_OK);
}

/* Returns true if there were any. */
static bool
revoke_some(struct asker *a)
{
	const struct ledger_entry *e[REVIEW_BATCH];
	struct msg_grant grants[REVIEW_BATCH];
	size_t i, n, gone;

	if (ask_stuck())
		return (false);
	ledger_expire(firewall.ledger, clock_now());
	n = next_grants(a, e, REVIEW_BATCH);
	for (i = 0; i < n; i++)
		grants[i] = e[i]->grant;
	gone = review_revoke(grants, n);
	a->count += (uint32_t)gone;
	if (gone < n)
		a->code = CONTROL_UNSURE;
	if (!has_more(a))
		asker_end(a, a->code);
	return (n > 0);
}

static bool
is_reloading(void)
{
	return (policy_reloading() || review_is_busy());
}

static void
await_reload(struct asker *a)
{
	if (is_reloading()) {
		asker_progress(a);
		return;
	}
	a->count = policy_rules();
	asker_end(a, policy_was_taken() ? CONTROL_OK : policy_was_read() ?
	    CONTROL_REJECTED : CONTROL_UNREADABLE);
}

bool
asker_answer(struct asker *a)
{
	switch (a->what) {
	case CONTROL_STATS:
		answer_status(a);
		break;
	case CONTROL_GRANTS:
		answer_grants(a);
		break;
	case CONTROL_WHY:
		answer_refusals(a);
		break;
	case CONTROL_RULES:
		answer_rules(a);
		break;
	case CONTROL_SEEN:
		answer_seen(a);
		break;
	case CONTROL_RELOAD:
		await_reload(a);
		break;
	case CONTROL_REVOKE:
		return (revoke_some(a));
	case ENDING:
		asker_end(a, a->code);
		break;
	}
	return (false);
}

short
asker_awaits(const struct asker *a)
{
	if (a->what == 0)
		return (POLLIN);
	if ((a->what == CONTROL_RELOAD && is_reloading()) ||
	    (a->what == CONTROL_REVOKE && ask_stuck()))
		return (0);
	return (POLLOUT);
}
