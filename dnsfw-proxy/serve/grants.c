/* Grants under way to the keeper and back. */
#include "grants.h"

#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "bucket.h"
#include "clock.h"
#include "counters.h"
#include "grantcache.h"
#include "holder.h"
#include "label.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "priv.h"
#include "settings.h"

#define SLOTS		(GRANTS_SHARES * GRANTS_SHARE)
#define BUCKETS		16384	/* power of two */
#define WAITS		(GRANTS_SHARES * GRANTS_WAITS)
#define OCTETS		(GRANTS_SHARES * GRANTS_OCTETS)
#define ABANDON_MAX	256	/* answers that go for one */
#define IN_A_ROW	16	/* grants of a client that are sent in a row */
#define REFUSED_PERIOD	60	/* seconds between log lines */
#define LONG		4096	/* octets that are kept: leaving is some work */
/* What a grant that was under way already may be shorter than a new one. */
#define SHORTER_MAX	CLOCK_SECOND

/* A grant under way; its number is the low part of msg.seq. */
struct slot {
	LIST_ENTRY(slot) link;		/* bucket, or free list */
	struct stock_item unsent;
	struct msg_grant msg;
	struct holder	*holder;	/* whose share it is of; NULL: free */
	struct grants_waits waits;
	uint64_t	hash;
	uint32_t	lifetime;	/* seconds, without the grace */
	bool		sendable;	/* is not sent: may still be changed */
};
LIST_HEAD(slots, slot);

static const struct grants_events *on_grants;
static struct slot *slots;
static struct slots slot_buckets[BUCKETS], free_slots;
static uint32_t fresh_slot;		/* never used ones begin there */
static uint32_t slots_used, rounds;	/* in all */
/* Of slots, what was sent has its place until there is a result. */
static struct stock unsent_slots, waits, octets;
/* Of a wait whose result is being told. */
static struct slot telling;
static uint64_t epoch;			/* how often all was forgotten */
/* Clients with something to send; and the next record, as far as it is full. */
static TAILQ_HEAD(, holder) senders = TAILQ_HEAD_INITIALIZER(senders);
static uint32_t record[MSG_BATCH_MAX];
static unsigned int nrecord;
static struct log_limit refused_limit;
static struct bucket pace;		/* of what the keeper is asked */
/* Of which there are all results, but which would be too much for the turn. */
static TAILQ_HEAD(, grants) complete = TAILQ_HEAD_INITIALIZER(complete);
static struct loop_share complete_share;

void
grants_init(const struct grants_events *e)
{
	on_grants = e;
	grantcache_init();
	slots = calloc(SLOTS, sizeof(*slots));
	if (slots == NULL)
		fatalx("no memory for grants");
	bucket_open(&pace, MSG_GRANTS_RATE, MSG_GRANTS_BURST);
	holder_init(SLOTS);
	stock_init(&unsent_slots);
	stock_init(&waits);
	stock_init(&octets);
}

/* --- grants under way --- */

static struct slots *
slot_bucket(uint64_t hash)
{
	return (&slot_buckets[hash & (BUCKETS - 1)]);
}

static struct slot *
slot_of_unsent(struct stock_item *i)
{
	return ((struct slot *)(void *)((char *)i -
	    offsetof(struct slot, unsent)));
}

static struct slot *
slot_new(struct holder *h)
{
	struct slot *s = LIST_FIRST(&free_slots);

	/* The caller has seen to it that there is one. */
	if (s != NULL)
		LIST_REMOVE(s, link);
	else
		s = &slots[fresh_slot++];
	slots_used++;
	h->slots++;
	s->holder = h;
	LIST_INIT(&s->waits);
	return (s);
}

static void
slot_free(struct slot *s)
{
	struct holder *h = s->holder;

	LIST_REMOVE(s, link);
	LIST_INSERT_HEAD(&free_slots, s, link);
	s->holder = NULL;
	slots_used--;
	h->slots--;
	holder_release(h);
}

static void
slot_enqueue(struct slot *s)
{
	struct holder *h = s->holder;

	if (h->unsent.amount == 0)
		TAILQ_INSERT_TAIL(&senders, h, by_turn);
	stock_take(&unsent_slots, &h->unsent, &s->unsent, 1);
	s->sendable = true;
}

static void
slot_dequeue(struct slot *s)
{
	struct holder *h = s->holder;

	stock_give(&unsent_slots, &s->unsent);
	s->sendable = false;
	if (h->unsent.amount == 0)
		TAILQ_REMOVE(&senders, h, by_turn);
}

/* The message for one address and port; seq and label are left out. */
static void
make_grant(const struct grants_want *w, struct msg_grant *g)
{
	memset(g, 0, offsetof(struct msg_grant, label));
	g->type = MSG_GRANT;
	g->family = w->dst.family;
	g->proto = w->port.proto;
	g->port = w->port.port;
	g->policy = policy.generation;
	g->ttl = w->ttl;
	memcpy(g->dst, w->dst.bytes, sizeof(g->dst));
	g->local = addr_is_loopback(&w->client);
	if (!g->local)
		memcpy(g->client, w->client.bytes, sizeof(g->client));
}

/* The same for the same client, by the same policy. */
static bool
is_equal(const struct msg_grant *a, const struct msg_grant *b)
{
	return (a->family == b->family && a->proto == b->proto &&
	    a->local == b->local && a->port == b->port &&
	    a->policy == b->policy &&
	    memcmp(a->client, b->client, sizeof(a->client)) == 0 &&
	    memcmp(a->dst, b->dst, sizeof(a->dst)) == 0);
}

/*
 * One under way that will do: it is as long as this one is to be, or can still
 * be made so.
 */
static struct slot *
slot_find(const struct msg_grant *g, const struct grants_want *w)
{
	struct slot *s;

	LIST_FOREACH(s, slot_bucket(w->hash), link) {
		if (s->hash == w->hash && is_equal(&s->msg, g) &&
		    (s->sendable || s->lifetime >= w->lifetime))
			break;
	}
	return (s);
}

static struct slot *
slot_make(struct holder *h, const struct msg_grant *g,
    const struct grants_want *w)
{
	struct slot *s = slot_new(h);

	counters.grants++;
	s->msg = *g;
	/* The high part makes a stale or invented number stand out. */
	s->msg.seq = (uint32_t)(s - slots) + SLOTS * rounds++;
	label_of(w->label, s->msg.label);
	s->hash = w->hash;
	s->lifetime = w->lifetime;
	/* Before an older one that is too short. */
	LIST_INSERT_HEAD(slot_bucket(w->hash), s, link);
	slot_enqueue(s);
	return (s);
}

/* --- who wants them --- */

uint64_t
grants_known(struct grants_want *w)
{
	DNS_UNINITIALIZED struct msg_grant g;
	uint64_t expiry;

	make_grant(w, &g);
	w->lifetime = msg_lifetime(w->ttl, settings.config.min_rule_time,
	    settings.config.max_rule_time);
	w->hash = grantcache_hash(&g, w->label);
	expiry = grantcache_expiry(w->hash);
	if (expiry < loop.now + w->lifetime * CLOCK_SECOND)
		return (0);
	counters.known++;
	return (expiry);
}

static void
log_refused(void)
{
	uint64_t count;

	if (log_allowed(&refused_limit, loop.now, REFUSED_PERIOD, &count))
		log_warn("%llu answer%s turned away: too many grants are under "
		    "way, in all or for one client",
		    (unsigned long long)count, log_s(count));
}

static size_t
count_new(const struct grants_want *want, size_t n)
{
	DNS_UNINITIALIZED struct msg_grant m;
	size_t i, new = 0;

	for (i = 0; i < n; i++) {
		make_grant(&want[i], &m);
		new += slot_find(&m, &want[i]) == NULL;
	}
	return (new);
}

static void
wait_for(struct grants *g, const struct grants_want *want)
{
	struct grants_wait *w = &g->waits[g->n++];
	DNS_UNINITIALIZED struct msg_grant m;
	struct slot *s;

	make_grant(want, &m);
	s = slot_find(&m, want);
	w->joined = s != NULL;
	if (s == NULL)
		s = slot_make(g->holder, &m, want);
	if (s->lifetime < want->lifetime) {
		s->lifetime = want->lifetime;
		s->msg.ttl = want->ttl;
	}
	w->slot = s;
	w->of = g;
	w->client = want->client;
	w->dst = want->dst;
	w->port = want->port;
	w->lifetime = want->lifetime;
	w->forbidden = false;
	LIST_INSERT_HEAD(&s->waits, w, link);
}

/* It waits for nothing any more. */
static void
settle(struct grants *g)
{
	stock_give(&waits, &g->waits_stock);
	stock_give(&octets, &g->octets_stock);
	holder_release(g->holder);
}

void
grants_leave(struct grants *g)
{
	struct slot *s;
	size_t i;

	if (g->pending == 0 && !g->open)
		TAILQ_REMOVE(&complete, g, link);
	for (i = 0; i < g->n; i++) {
		if ((s = g->waits[i].slot) == NULL)
			continue;
		LIST_REMOVE(&g->waits[i], link);
		/* What was sent has its place until there is a result. */
		if (LIST_EMPTY(&s->waits) && s->sendable) {
			slot_dequeue(s);
			slot_free(s);
		}
	}
	settle(g);
}

/* --- room for more --- */

/* What is asked for takes, of each. */
struct room {
	size_t		slots, waits, octets;
};

/* Is that within the client's share? */
static bool
in_share(const struct room *r, const struct holder *h)
{
	return (h->slots + r->slots <= GRANTS_SHARE &&
	    r->waits <= GRANTS_WAITS - h->waits.amount &&
	    r->octets <= GRANTS_OCTETS - h->octets.amount);
}

/* What there is too little left of, or NULL. */
static struct stock *
used_up(const struct room *r)
{
	if (r->slots > SLOTS - slots_used)
		return (&unsent_slots);
	if (r->waits > WAITS - waits.amount)
		return (&waits);
	return (r->octets > OCTETS - octets.amount ? &octets : NULL);
}

/* The answer that is to go so that there is more of it; NULL: none can. */
static struct grants *
in_the_way(struct stock *of)
{
	struct stock_item *i = stock_oldest(of);

	if (i == NULL)
		return (NULL);
	/* What is not sent is waited for. */
	if (of == &unsent_slots)
		return (LIST_FIRST(&slot_of_unsent(i)->waits)->of);
	return ((struct grants *)(void *)((char *)i - (of == &waits ?
	    offsetof(struct grants, waits_stock) :
	    offsetof(struct grants, octets_stock))));
}

static void
abandon(struct grants *g)
{
	log_refused();
	grants_leave(g);
	on_grants->abandoned(g);
}

/*
 * Who asks, if there is room for what he wants, perhaps as others go; or NULL.  own:
 * who asked first, in parts, and has something still.
 */
static struct holder *
let_others_go(const struct grants *g, struct holder *own, struct room r,
    const struct grants_want *want, size_t n)
{
	struct holder *h = own != NULL ? own : holder_of(&g->client);
	struct grants *victim;
	struct stock *full;
	unsigned int i;

	for (i = 0; h != NULL && in_share(&r, h); i++) {
		if ((full = used_up(&r)) == NULL)
			return (h);
		if (i == ABANDON_MAX || (victim = in_the_way(full)) == NULL ||
		    victim == g)
			break;
		abandon(victim);
		/* It might have joined some of what has gone, or that was all of h. */
		r.slots = count_new(want, n);
		if (own == NULL)
			h = holder_of(&g->client);
	}
	if (h != NULL && own == NULL)
		holder_release(h);
	log_refused();
	return (NULL);
}

static void
take_room(struct grants *g, struct holder *h, size_t max)
{
	g->holder = h;
	g->epoch = epoch;
	g->code = RESULT_OK;
	g->n = g->pending = 0;
	stock_take(&waits, &h->waits, &g->waits_stock, (uint32_t)max);
	stock_take(&octets, &h->octets, &g->octets_stock, (uint32_t)g->octets);
}

static void
wait_for_all(struct grants *g, const struct grants_want *want, size_t n)
{
	size_t i;

	g->pending += n;
	for (i = 0; i < n; i++)
		wait_for(g, &want[i]);
}

bool
grants_ask(struct grants *g, const struct grants_want *want, size_t n)
{
	const struct room r = { .slots = count_new(want, n), .waits = n,
	    .octets = g->octets };
	struct holder *h = let_others_go(g, NULL, r, want, n);

	if (h == NULL)
		return (false);
	take_room(g, h, n);
	g->open = false;
	wait_for_all(g, want, n);
	return (true);
}

bool
grants_open(struct grants *g, size_t max)
{
	const struct room r = { .waits = max, .octets = g->octets };
	struct holder *h = let_others_go(g, NULL, r, NULL, 0);

	if (h == NULL)
		return (false);
	take_room(g, h, max);
	g->open = true;
	return (true);
}

bool
grants_add(struct grants *g, const struct grants_want *want, size_t n)
{
	const struct room r = { .slots = count_new(want, n) };

	if (let_others_go(g, g->holder, r, want, n) == NULL)
		return (false);
	wait_for_all(g, want, n);
	return (true);
}

void
grants_close(struct grants *g)
{
	g->open = false;
	if (g->pending == 0)
		TAILQ_INSERT_TAIL(&complete, g, link);
}

/* --- results --- */

/* Under way for too long: what is left is not what was wanted. */
static bool
is_short(const struct grants_wait *w, uint64_t expiry)
{
	return (w->joined &&
	    expiry + SHORTER_MAX < loop.now + w->lifetime * CLOCK_SECOND);
}

static void
tell_done(struct grants *g)
{
	if (g->code == RESULT_OK && g->epoch != epoch)
		g->code = RESULT_STALE;
	settle(g);
	on_grants->done(g);
}

/* Many may have waited for the same result: each goes on as there is time (D21). */
static void
tell_complete(void)
{
	struct grants *g;
	bool first = true;

	/* Perhaps nothing else has come in this turn. */
	if (!TAILQ_EMPTY(&complete))
		loop_clock();
	while ((g = TAILQ_FIRST(&complete)) != NULL &&
	    (loop_has_time(&complete_share) || first)) {
		TAILQ_REMOVE(&complete, g, link);
		tell_done(g);
		first = false;
	}
	if (g != NULL)
		loop_again();
}

static void
tell_result(struct grants_wait *w, const struct msg_result *r)
{
	enum msg_result_code code = (enum msg_result_code)r->code;
	struct grants *g = w->of;

	w->slot = NULL;
	if (code == RESULT_FORBIDDEN)
		w->forbidden = true;
	else if (code == RESULT_OK) {
		on_grants->granted(g, w);
		if (r->expiry < g->expiry)
			g->expiry = r->expiry;
		if (is_short(w, r->expiry))
			code = RESULT_STALE;
	}
	if (code != RESULT_FORBIDDEN && g->code == RESULT_OK)
		g->code = code;
	if (--g->pending > 0 || g->open)
		return;
	if (g->octets > LONG)
		TAILQ_INSERT_TAIL(&complete, g, link);
	else
		tell_done(g);
}

void
grants_result(const struct msg_result *r)
{
	struct grants_waits told = LIST_HEAD_INITIALIZER(told);
	struct slot *s = &slots[r->seq % SLOTS];
	struct grants_wait *w;

	if (s->holder == NULL || s->sendable || s->msg.seq != r->seq)
		fatalx("a result from the keeper that nothing waits for");
	/* What was decided by another policy may be revoked. */
	if (r->code == RESULT_OK && s->msg.policy == policy.generation)
		grantcache_put(s->hash, r->expiry);
	/* Who is told may ask for the same again: that is another one. */
	while ((w = LIST_FIRST(&s->waits)) != NULL) {
		LIST_REMOVE(w, link);
		LIST_INSERT_HEAD(&told, w, link);
		w->slot = &telling;
	}
	slot_free(s);
	/* In the order in which they came. */
	while ((w = LIST_FIRST(&told)) != NULL) {
		LIST_REMOVE(w, link);
		tell_result(w, r);
	}
}

void
grants_forget(void)
{
	grantcache_forget();
	epoch++;
}

/* --- to the keeper --- */

/* From the clients in turn. */
static void
fill_record(void)
{
	struct holder *h;
	struct slot *s;
	unsigned int i;

	while (nrecord < MSG_BATCH_MAX && (h = TAILQ_FIRST(&senders)) != NULL) {
		for (i = 0; i < IN_A_ROW && nrecord < MSG_BATCH_MAX &&
		    h->unsent.amount > 0; i++) {
			s = slot_of_unsent(TAILQ_FIRST(&h->unsent.items));
			slot_dequeue(s);
			record[nrecord++] = (uint32_t)(s - slots);
		}
		if (h->unsent.amount == 0)
			continue;
		TAILQ_REMOVE(&senders, h, by_turn);
		TAILQ_INSERT_TAIL(&senders, h, by_turn);
	}
}

void
grants_flush(void)
{
	static struct msg_grant msgs[MSG_BATCH_MAX];
	unsigned int i;

	tell_complete();
	/* Who waits has a deadline, so there is a tick to go on with. */
	while (bucket_has(&pace, loop.now)) {
		fill_record();
		for (i = 0; i < nrecord; i++)
			msgs[i] = slots[record[i]].msg;
		/* What has no room waits, as it is. */
		if (nrecord == 0 || !priv_send(msgs, nrecord * sizeof(msgs[0])))
			return;
		bucket_take(&pace, loop.now, nrecord);
		nrecord = 0;
	}
}
