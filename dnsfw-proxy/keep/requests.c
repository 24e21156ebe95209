/* What a worker may ask, and what comes of it. */
#include "requests.h"

#include <string.h>

#include "asked.h"
#include "children.h"
#include "choice.h"
#include "clock.h"
#include "conf.h"
#include "counts.h"
#include "firewall.h"
#include "hits.h"
#include "hosts.h"
#include "log.h"
#include "machines.h"
#include "own.h"
#include "permit.h"
#include "policy.h"
#include "refusals.h"
#include "repair.h"
#include "seen.h"
#include "tokens.h"

#define REFUSED_PERIOD	60	/* seconds between log lines */

/* Records are taken as long as there is room for another whole one. */
#define TURN_MAX	(2 * MSG_BATCH_MAX)
#define TOLD_MAX	16	/* records in a turn that are no grants: see request_kinds */

#define NOT_ASKED	SIZE_MAX

/* What a worker asked, and what goes back. */
struct request {
	struct msg_grant grant;
	struct msg_result result;
	uint64_t	end;		/* ns: that its own name gets */
	size_t		ask;		/* of the kernel, or NOT_ASKED */
};

/* What the kernel is asked for one grant, however many requests want it. */
struct request_ask {
	struct msg_grant grant;
	struct ledger_entry *entry;	/* before the answer as it was, */
	bool		is_new;		/* but for a new one */
	uint64_t	until;		/* ns */
};

/* One turn of a worker.  Requests from done on belong to the batch. */
struct request_turn {
	unsigned int	worker;
	uint64_t	now;
	size_t		n, done;
	struct request	at[TURN_MAX];
	size_t		nasks;
	struct request_ask asks[BACKEND_BATCH_MAX];
	struct backend_batch batch;
};

static struct log_limit outcome_limit, full_limit;
static uint64_t counts[RESULT_COUNT], known_count, foreign_count;

/*
 * P5: a host, or a machine, is a client of each worker that some address of it
 * reaches.
 */
static bool
is_foreign(const struct msg_grant *g, unsigned int worker)
{
	struct addr client = { .family = g->family };

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	return (children_nworkers > 1 && g->local == 0 &&
	    choice_worker(g->family, g->client,
	    (unsigned int)children_nworkers) != worker &&
	    !hosts_reach(g->family, g->client, worker) &&
	    !machines_reach(&client, worker));
}

/* P7: what root allows, whatever a worker says; P5: its own clients only. */
static enum msg_result_code
permitted(const struct msg_grant *g, unsigned int worker)
{
	enum msg_result_code code;

	if (g->policy != policy_generation())
		return (RESULT_STALE);
	if (is_foreign(g, worker)) {
		/* A machine may have lost the address since it was asked. */
		if (conf->neighbours != 0)
			return (RESULT_STALE);
		foreign_count++;
		return (RESULT_OUTSIDE);
	}
	code = permit_grant(g);
	if (code == RESULT_OK && (!firewall_works(g) || ask_stuck() ||
	    !own_is_whole()))
		return (RESULT_FAILED);
	return (code);
}

static void
log_outcome(enum msg_result_code code, uint64_t now)
{
	struct log_limit *limit = code == RESULT_FULL ?
	    &full_limit : &outcome_limit;
	uint64_t count;

	/* The backend has logged what failed; STALE is no refusal. */
	if (code == RESULT_OK || code == RESULT_FAILED ||
	    code == RESULT_STALE ||
	    !log_allowed(limit, now, REFUSED_PERIOD, &count))
		return;
	if (code == RESULT_FULL)
		log_warn("%llu grant%s refused: %u live, and --max-grants is "
		    "%u", (unsigned long long)count, log_s(count),
		    ledger_count(firewall.ledger),
		    ledger_max(firewall.ledger));
	else
		log_warn("%llu grant%s refused: %s", (unsigned long long)count,
		    log_s(count), msg_result_text(code));
}

/* Take an entry of the ledger into the batch; its mark is the place there + 1. */
static void
begin_ask(struct request_turn *t, struct request *r, struct ledger_entry *e,
    bool is_new)
{
	struct request_ask *a = &t->asks[t->nasks++];

	firewall_limit(e, t->now);
	a->entry = e;
	a->is_new = is_new;
	a->until = 0;
	e->mark = (uint32_t)t->nasks;
	r->ask = e->mark - 1;
}

/* It ends with the name that ends last, and that one is its comment. */
static void
join_ask(struct request_turn *t, const struct request *r)
{
	struct request_ask *a = &t->asks[r->ask];

	if (a->until == 0) {
		a->grant = a->entry->grant;
		a->until = a->entry->expiry;
	}
	if (r->end > a->until) {
		a->until = r->end;
		memcpy(a->grant.label, r->grant.label, MSG_LABEL_SIZE);
	}
}

/*
 * Decide on a request: either its result is complete then, or the kernel has to
 * be asked.  A new grant is in the ledger meanwhile, so that it has its room.
 */
static void
request_decide(struct request_turn *t, struct request *r)
{
	struct ledger *l = firewall.ledger;
	struct ledger_entry *e;
	uint32_t lifetime, grace;

	r->ask = NOT_ASKED;
	r->result.code = (uint8_t)permitted(&r->grant, t->worker);
	if (r->result.code != RESULT_OK)
		return;
	lifetime = msg_lifetime(r->grant.ttl, conf->min_rule_time,
	    conf->max_rule_time);
	grace = msg_grace(lifetime, conf->max_rule_time);
	r->end = t->now + ((uint64_t)lifetime + grace) * CLOCK_SECOND;
	e = ledger_find(l, &r->grant);
	/* G7: what lives long enough is as it is, even if it is asked again. */
	if (e != NULL && e->expiry >= t->now + lifetime * CLOCK_SECOND &&
	    r->end > e->expiry)
		r->end = e->expiry;
	if (e != NULL && e->mark == 0 && ledger_is_sure(l, e) &&
	    e->expiry >= r->end) {
		r->result.expiry = r->end;
		(void)ledger_put(l, &r->grant, r->end, t->now, t->worker);
		known_count++;
		return;
	}
	if (e == NULL && !ledger_admits(l, &r->grant, t->worker)) {
		r->result.code = RESULT_FULL;
		return;
	}
	if (e == NULL) {
		e = ledger_put(l, &r->grant, r->end, t->now, t->worker);
		/* ledger_admits() has seen to the room. */
		if (e == NULL)
			fatalx("the ledger is full");
		begin_ask(t, r, e, true);
	} else if (e->mark == 0)
		begin_ask(t, r, e, false);
	else
		r->ask = e->mark - 1;
	join_ask(t, r);
}

/* What became of a grant, for those who asked. */
static enum msg_result_code
result_of(const struct backend_add *add)
{
	switch (add->code) {
	case BACKEND_OK:
		return (RESULT_OK);
	case BACKEND_FULL:
		return (RESULT_FULL);
	case BACKEND_REFUSED:
		if (add->refused == ORDER_FORBIDDEN)
			return (RESULT_FORBIDDEN);
		/* The helper may have the new bounds already. */
		if (add->refused == ORDER_OUTSIDE)
			return (policy_reloading() ? RESULT_STALE :
			    RESULT_OUTSIDE);
		return (RESULT_FAILED);
	case BACKEND_FAILED:
	case BACKEND_GONE:
	case BACKEND_UNKNOWN:
		break;
	}
	return (RESULT_FAILED);
}

/*
 * The ledger after the kernel's answer.  What it certainly did not take was
 * promised to nobody: a new one goes, another one is as it was.  What it may
 * have taken stays, to be compared (G13).
 */
static void
enter(struct request_turn *t, struct request *r)
{
	enum backend_code code = t->batch.adds[r->ask].code;

	r->result.code = (uint8_t)result_of(&t->batch.adds[r->ask]);
	if (code != BACKEND_OK && code != BACKEND_UNKNOWN)
		return;
	(void)ledger_put(firewall.ledger, &r->grant, r->end, t->now, t->worker);
	/* The keeper is to hear of the name again before another one's end. */
	if (code == BACKEND_OK)
		r->result.expiry = r->end;
}

static void
ask_settle(struct request_ask *a, enum backend_code code)
{
	struct ledger *l = firewall.ledger;

	a->entry->mark = 0;
	if (code == BACKEND_OK || code == BACKEND_UNKNOWN) {
		ledger_set_sure(l, a->entry, code == BACKEND_OK);
		if (code == BACKEND_UNKNOWN)
			repair_unsure();
		return;
	}
	/* It was there, so something else may be missing, too. */
	if (!a->is_new && code == BACKEND_FAILED) {
		ledger_set_sure(l, a->entry, false);
		repair_unsure();
	}
	if (a->is_new)
		ledger_remove(l, a->entry);
}

/* Ask the kernel for all that was decided since the last time. */
static void
ask_kernel(struct request_turn *t)
{
	struct backend_add *add;
	size_t i;

	t->batch.n = 0;
	for (i = 0; i < t->nasks; i++) {
		add = firewall_batch(&t->batch, &t->asks[i].grant,
		    t->asks[i].until - t->now);
		add->is_new = t->asks[i].is_new;
	}
	if (t->nasks > 0) {
		firewall_add(&t->batch);
		tokens_take(t->worker, t->nasks);
	}
	for (i = t->done; i < t->n; i++) {
		if (t->at[i].ask != NOT_ASKED)
			enter(t, &t->at[i]);
	}
	for (i = 0; i < t->nasks; i++)
		ask_settle(&t->asks[i], t->batch.adds[i].code);
	t->nasks = 0;
}

static void
reply(const struct request_turn *t)
{
	struct msg_result results[MSG_BATCH_MAX];
	const struct msg_result *r;
	size_t i, k;

	for (i = 0; i < t->n; i++) {
		r = &t->at[i].result;
		log_outcome((enum msg_result_code)r->code, t->now);
		counts[r->code]++;
	}
	for (i = 0; i < t->n; i += k) {
		for (k = 0; k < MSG_BATCH_MAX && i + k < t->n; k++)
			results[k] = t->at[i + k].result;
		children_send(&children_workers[t->worker], results,
		    k * sizeof(results[0]), -1);
	}
}

static void
answer(struct request_turn *t)
{
	size_t n = t->n, i;
	struct request *r;

	ledger_expire(firewall.ledger, t->now);
	t->nasks = t->done = t->n = 0;
	for (i = 0; i < n; i++) {
		r = &t->at[i];
		r->result = (struct msg_result){ .type = MSG_RESULT,
		    .seq = r->grant.seq };
		request_decide(t, r);
		t->n = i + 1;
		if (t->nasks == BACKEND_BATCH_MAX || t->n == n) {
			ask_kernel(t);
			t->done = t->n;
		}
	}
	reply(t);
}

/* --- what comes --- */

/* Each decodes a message of its type, and takes it; or returns why it is none. */
static enum msg_err
take_grant(struct request_turn *t, const uint8_t *buf, size_t len)
{
	return (msg_grant_decode(buf, len, &t->at[t->n++].grant));
}

static enum msg_err
take_refusal(struct request_turn *t, const uint8_t *buf, size_t len)
{
	struct msg_refusal m;
	enum msg_err err = msg_refusal_decode(buf, len, &m);

	if (err == MSG_OK)
		(void)refusals_take(t->worker, &m, t->now);
	return (err);
}

static enum msg_err
take_seen(struct request_turn *t, const uint8_t *buf, size_t len)
{
	struct msg_seen m;
	enum msg_err err = msg_seen_decode(buf, len, &m);

	if (err == MSG_OK)
		(void)seen_take(t->worker, &m, t->now);
	return (err);
}

static enum msg_err
take_hits(struct request_turn *t, const uint8_t *buf, size_t len)
{
	struct msg_hits m;
	enum msg_err err = msg_hits_decode(buf, len, &m);

	if (err == MSG_OK)
		hits_take(&m, t->now);
	return (err);
}

static enum msg_err
take_counters(struct request_turn *t, const uint8_t *buf, size_t len)
{
	struct msg_counters m;
	enum msg_err err = msg_counters_decode(buf, len, &m);

	if (err == MSG_OK)
		counts_take(t->worker, &m);
	return (err);
}

static enum msg_err
take_asked(struct request_turn *t, const uint8_t *buf, size_t len)
{
	struct msg_known m;
	enum msg_err err = msg_known_decode(buf, len, MSG_ASKED, &m);

	if (err == MSG_OK)
		asked_take(t->worker, &m, t->now);
	return (err);
}

/* That it came is what counts (alive.h). */
static enum msg_err
take_pong(struct request_turn *t, const uint8_t *buf, size_t len)
{
	return (children_pong(&children_workers[t->worker], buf, len));
}

/*
 * What may come; the last one is what anything else is taken for.  told is how
 * much of a turn's work that is no grant's a record is.
 */
static const struct request_kind {
	enum msg_type	type;
	size_t		size;
	size_t		most;		/* in a record */
	unsigned int	told;
	enum msg_err	(*take)(struct request_turn *, const uint8_t *, size_t);
} request_kinds[] = {
	{ MSG_REFUSAL, sizeof(struct msg_refusal), MSG_REFUSALS_MAX, 8,
	    take_refusal },
	{ MSG_SEEN, sizeof(struct msg_seen), MSG_SEEN_MAX, 8, take_seen },
	{ MSG_HITS, sizeof(struct msg_hits), MSG_BATCH_MAX, 1, take_hits },
	{ MSG_COUNTERS, sizeof(struct msg_counters), 1, 1, take_counters },
	{ MSG_ASKED, sizeof(struct msg_known), 1, 1, take_asked },
	{ MSG_PONG, sizeof(struct msg_plain), 1, 1, take_pong },
	{ MSG_GRANT, sizeof(struct msg_grant), MSG_BATCH_MAX, 0, take_grant }
};
#define REQUEST_KINDS	(sizeof(request_kinds) / sizeof(request_kinds[0]))

/* A record of one or more messages.  Returns how much work it is. */
static unsigned int
request_take(struct request_turn *t, const uint8_t *buf, size_t len)
{
	const struct request_kind *k = request_kinds;
	enum msg_err err = MSG_OK;
	size_t size;

	while (k < request_kinds + REQUEST_KINDS - 1 && k->type != buf[0])
		k++;
	if (len > k->most * k->size)
		err = MSG_ESIZE;
	/* A piece of a message is malformed. */
	for (; err == MSG_OK && len > 0; buf += size, len -= size) {
		size = len < k->size ? len : k->size;
		err = k->take(t, buf, size);
	}
	if (err != MSG_OK)
		children_malformed(&children_workers[t->worker],
		    msg_strerror(err));
	return (k->told);
}

void
requests_serve(unsigned int worker)
{
	static uint8_t buf[MSG_SIZE_MAX];
	static struct request_turn t;
	struct child *c = &children_workers[worker];
	unsigned int told = 0;
	size_t len;

	t.worker = worker;
	t.now = clock_now();
	t.n = 0;
	while (t.n + MSG_BATCH_MAX <= TURN_MAX && told < TOLD_MAX &&
	    (len = children_receive(c, buf, NULL)) > 0)
		told += request_take(&t, buf, len);
	if (t.n > 0)
		answer(&t);
}

bool
requests_may(unsigned int worker)
{
	return (tokens_has(worker));
}

void
requests_counts(uint64_t out[RESULT_COUNT])
{
	memcpy(out, counts, sizeof(counts));
}

void
requests_log(void)
{
	enum msg_result_code code;

	log_info("grants: %llu known already, %llu of another worker's "
	    "clients", (unsigned long long)known_count,
	    (unsigned long long)foreign_count);
	for (code = RESULT_OK; code < RESULT_COUNT; code++)
		log_info("grants asked for, %s: %llu", msg_result_text(code),
		    (unsigned long long)counts[code]);
}
