/* From the addresses of an answer to grants, and to the answer that leaves. */
#include "verdict.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "accesslog.h"
#include "clock.h"
#include "decision.h"
#include "grants.h"
#include "loop.h"
#include "needs.h"
#include "parts.h"
#include "policy.h"
#include "scratch.h"
#include "settings.h"
#include "tell.h"

#define LONG		4096	/* octets of an answer that is for several turns */
#define MORE		64	/* octets that it may become longer, with EDE */

/* An answer that waits. */
struct held {
	struct grants	grants;
	struct verdict	*verdict;
	bool		passes;		/* see struct removal */
	uint8_t		families;
	struct reply	reply;
	struct parts	*parts;		/* NULL: all was asked for at once */
	bool		stripped;	/* what is never granted has gone */
	size_t		room;		/* octets of the message */
	struct grants_wait waits[];	/* and behind them the message */
};

/* What it takes to find out what an answer needs. */
struct work {
	uint8_t		space[DNS_MESSAGE_MAX];
	struct recipients to;
	size_t		n;
	struct dns_address addresses[NEEDS_MAX + 1];
};

static const struct verdict_events *on_verdict;
static const char no_memory[] = "no memory";

/* --- the answer leaves --- */

/* The client may wonder where an address has gone. */
static void
tell_removed(const struct request *q, const struct removal *r)
{
	if (r->found_bad)
		tell(REFUSAL_ANSWER, q, "an address that is never granted was "
		    "removed");
}

static void
leave(struct verdict *v, const struct reply *reply, uint64_t expiry)
{
	if (expiry != NEEDS_NO_EXPIRY)
		dns_answer_cap_ttl(reply->msg, reply->len, &reply->response,
		    (uint32_t)((expiry - loop.now) / CLOCK_SECOND));
	on_verdict->leaves(v, reply, expiry != NEEDS_NO_EXPIRY);
}

/*
 * The keeper knows more, as when an own address is so new that its OWN is
 * still on the way here: it goes from the answer.
 */
static bool
is_forbidden(const void *arg, const struct addr *a)
{
	const struct grants *g = arg;
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->waits[i].forbidden && addr_equal(&g->waits[i].dst, a))
			return (true);
	return (false);
}

static void
leave_granted(struct verdict *v, struct held *h)
{
	uint8_t *space = scratch_take(DNS_MESSAGE_MAX);
	struct removal r = { .request = v->request, .passes = h->passes,
	    .families = h->families, .forbidden = is_forbidden, .arg = &h->grants };
	struct reply reply = h->reply;
	enum dns_err err = DNS_OK;
	bool any = false;
	size_t i;

	for (i = 0; i < h->grants.n; i++)
		any |= h->grants.waits[i].forbidden;
	if (!any)
		r.forbidden = NULL;
	if (any || !h->stripped)
		err = removal_remove(&r, &reply, space);
	tell_removed(v->request, &r);
	if (err != DNS_OK)
		on_verdict->failed(v, EDE_OTHER, dns_strerror(err));
	else
		leave(v, &reply, h->grants.expiry);
	scratch_give(space);
}

/* The list of now decides what is to be granted. */
static void
ask_again(struct verdict *v, struct held *h)
{
	struct answer a;

	answer_begin(&a, h->reply.msg, h->reply.len, &h->reply.response, NULL);
	verdict_answer(v, &a, h->reply.msg);
	answer_end(&a);
}

static struct held *
held_of(struct grants *g)
{
	return ((struct held *)(void *)((char *)g -
	    offsetof(struct held, grants)));
}

/* All results are there. */
static void
verdict_done(struct grants *g)
{
	struct held *h = held_of(g);
	struct verdict *v = h->verdict;
	enum msg_result_code code = g->code;

	v->held = NULL;
	/* It took its time: what was granted, or known, first may be over. */
	if (code == RESULT_OK && (h->grants.expiry <= loop.now ||
	    (h->parts != NULL && parts_are_outdated(h->parts))))
		code = RESULT_STALE;
	if (code == RESULT_OK)
		leave_granted(v, h);
	else if (code != RESULT_STALE)
		on_verdict->failed(v, EDE_OTHER, msg_result_text(code));
	else if (request_has_left(v->request))
		on_verdict->failed(v, EDE_OTHER, "the client has left");
	else
		ask_again(v, h);
	free(h);
}

/* It waits no more: nothing is left of it but the query. */
static struct verdict *
held_free(struct held *h)
{
	struct verdict *v = h->verdict;

	v->held = NULL;
	if (h->parts != NULL)
		parts_end(h->parts);
	free(h);
	return (v);
}

/* There are others who need the room. */
static void
verdict_abandoned(struct grants *g)
{
	on_verdict->failed(held_free(held_of(g)), EDE_OTHER, GRANTS_TOO_MANY);
}

static void
verdict_granted(const struct grants *g, const struct grants_wait *w)
{
	const struct held *h = (const struct held *)(const void *)
	    ((const char *)g - offsetof(struct held, grants));

	access_grant(h->verdict->request, &w->client, &w->dst, &w->port,
	    w->lifetime);
}

/* --- what is to be granted: all at once --- */

/* With so many octets between waits and message, and room behind that; or NULL. */
static struct held *
held_new(struct verdict *v, const struct reply *reply, size_t nwaits,
    size_t between, size_t more)
{
	size_t at = sizeof(struct held) + nwaits * sizeof(struct grants_wait) +
	    between, size = at + reply->len + more;
	struct held *h;

	if ((h = malloc(size)) == NULL)
		return (NULL);
	h->grants.client = v->request->client;
	h->grants.octets = size;
	h->grants.expiry = NEEDS_NO_EXPIRY;
	h->grants.waits = h->waits;
	h->verdict = v;
	h->parts = NULL;
	h->stripped = true;
	h->room = reply->len + more;
	h->reply = *reply;
	h->reply.msg = (uint8_t *)h + at;
	memcpy(h->reply.msg, reply->msg, reply->len);
	return (h);
}

/* Wait for the results with a copy of the answer. */
static void
hold(struct verdict *v, const struct reply *reply, const struct needs *needs,
    bool passes, uint8_t families)
{
	struct held *h = held_new(v, reply, needs->nwants, 0, 0);

	if (h == NULL) {
		on_verdict->failed(v, EDE_OTHER, no_memory);
		return;
	}
	h->grants.expiry = needs->expiry;
	h->passes = passes;
	h->families = families;
	if (!grants_ask(&h->grants, needs->want, needs->nwants)) {
		free(h);
		on_verdict->failed(v, EDE_OTHER, GRANTS_TOO_MANY);
		return;
	}
	needs_log(v->request, needs);
	v->held = h;
}

/* What the other addresses of the host need, each by its own rules. */
static bool
need_others(struct needs *needs, const struct request *q, const struct work *work)
{
	const struct recipients *to = &work->to;
	struct decision *d = scratch_take(sizeof(*d));
	bool fits = true;
	unsigned int i;

	for (i = 1; i < to->n && fits; i++) {
		decision_make_for(q, &to->at[i], d);
		fits = needs_add(needs, q, &to->at[i], d, work->addresses,
		    work->n);
	}
	scratch_give(d);
	return (fits);
}

/* Grant all of the addresses that are in work. */
static void
grant_all(struct verdict *v, const struct reply *reply, const struct work *work,
    const struct decision *d)
{
	struct needs *needs = scratch_take(sizeof(*needs));

	needs_begin(needs);
	if (!needs_add(needs, v->request, &work->to.at[0], d, work->addresses,
	    work->n) || !need_others(needs, v->request, work))
		on_verdict->failed(v, EDE_OTHER, NEEDS_TOO_MANY);
	else if (needs->nwants > 0)
		hold(v, reply, needs, d->acl.resolve_first, work->to.families);
	else {
		needs_log(v->request, needs);
		leave(v, reply, needs->expiry);
	}
	scratch_give(needs);
}

/* Grant what is left of the answer without what is not granted. */
static void
remove_and_grant(struct verdict *v, struct reply *reply, struct work *work,
    const struct decision *d)
{
	struct removal r = { .request = v->request,
	    .passes = d->acl.resolve_first, .families = work->to.families };
	enum dns_err err = removal_remove(&r, reply, work->space);

	tell_removed(v->request, &r);
	if (err != DNS_OK)
		on_verdict->failed(v, EDE_OTHER, dns_strerror(err));
	else
		grant_all(v, reply, work, d);
}

/* --- what is to be granted: a part in a turn --- */

/* A copy of the answer, and of what it needs; or NULL. */
static struct held *
held_new_in_parts(struct verdict *v, const struct reply *reply,
    const struct work *work, size_t room)
{
	struct held *h = held_new(v, reply, room,
	    parts_size(&work->to, work->n), MORE);

	if (h == NULL)
		return (NULL);
	h->families = work->to.families;
	h->stripped = false;
	h->parts = (struct parts *)(void *)&h->waits[room];
	h->parts->request = v->request;
	h->parts->grants = &h->grants;
	h->parts->room = room;
	return (h);
}

/* What is not granted is removed at the end. */
static void
grant_in_parts(struct verdict *v, const struct reply *reply,
    const struct work *work, const struct decision *d)
{
	size_t n = needs_count(v->request, &work->to, d, work->addresses, work->n);
	size_t room = n > 0 ? n : 1;
	struct held *h;

	if (n > NEEDS_MAX) {
		on_verdict->failed(v, EDE_OTHER, NEEDS_TOO_MANY);
		return;
	}
	if ((h = held_new_in_parts(v, reply, work, room)) == NULL) {
		on_verdict->failed(v, EDE_OTHER, no_memory);
		return;
	}
	h->passes = d->acl.resolve_first;
	if (!grants_open(&h->grants, room)) {
		free(h);
		on_verdict->failed(v, EDE_OTHER, GRANTS_TOO_MANY);
		return;
	}
	v->held = h;
	parts_begin(h->parts, &work->to, work->addresses, work->n);
}

/* Why it fails, or NULL.  What is longer than before is stripped when it leaves. */
static const char *
held_strip(struct held *h, bool *more)
{
	struct removal r = { .request = h->verdict->request,
	    .passes = h->passes, .families = h->families };
	uint8_t *space = scratch_take(DNS_MESSAGE_MAX);
	struct reply reply = h->reply;
	enum dns_err err = removal_strip(&r, &reply, space, more);

	if (err == DNS_OK && reply.len <= h->room) {
		if (*more)
			memcpy(h->reply.msg, space, reply.len);
		h->reply.len = reply.len;
		h->stripped = true;
		tell_removed(r.request, &r);
	} else
		*more = false;
	scratch_give(space);
	return (err == DNS_OK ? NULL : dns_strerror(err));
}

/* What is not granted is removed: the message is looked at twice. */
static const char *
verdict_finish(struct parts *p, bool *more)
{
	struct held *h = held_of(p->grants);
	enum dns_err err;

	*more = false;
	if (h->stripped) {
		err = removal_parse(p->request, &h->reply, h->room);
		return (err == DNS_OK ? NULL : dns_strerror(err));
	}
	return (parts_are_outdated(p) ? NULL : held_strip(h, more));
}

static void
verdict_failed(struct parts *p, const char *why)
{
	on_verdict->failed(held_free(held_of(p->grants)), EDE_OTHER, why);
}

/* --- an answer comes --- */

/*
 * Is all that it needs not too much for this turn?  One without addresses waits for
 * nothing, so it needs no room to wait.
 */
static bool
is_for_now(const struct request *q, const struct answer *a, size_t addresses,
    const struct work *work, const struct decision *d)
{
	if (addresses == 0)
		return (true);
	return (a->len <= LONG && (work->to.n == 1 ? work->n * d->acl.nports :
	    needs_count(q, &work->to, d, work->addresses, work->n)) <=
	    PARTS_AT_ONCE);
}

static void
vet_and_grant(struct verdict *v, struct answer *a, struct reply *reply,
    struct work *work, const struct decision *d)
{
	const struct dns_address *all;
	enum dns_err err = DNS_OK;
	size_t n = 0;

	recipients_of(v->request, &work->to);
	if (d->acl.nports > 0)
		err = answer_addresses(a, &all, &n);
	if (err != DNS_OK) {
		on_verdict->failed(v, EDE_OTHER, dns_strerror(err));
		return;
	}
	work->n = n == 0 ? 0 : needs_addresses(v->request, &work->to, all, n,
	    work->addresses);
	if (is_for_now(v->request, a, n, work, d))
		remove_and_grant(v, reply, work, d);
	else
		grant_in_parts(v, reply, work, d);
}

void
verdict_answer(struct verdict *v, struct answer *a, uint8_t *msg)
{
	struct reply reply = { .msg = msg, .len = a->len,
	    .response = *a->response };
	DNS_UNINITIALIZED struct decision d;
	struct work *work;

	/* Again, since the policy of now is what counts. */
	decision_make(v->request, &d);
	if (d.acl.verdict != ACL_ALLOW || d.acl.overflow) {
		on_verdict->failed(v, EDE_PROHIBITED, "the policy has changed");
		return;
	}
	work = scratch_take(sizeof(*work));
	vet_and_grant(v, a, &reply, work, &d);
	scratch_give(work);
}

void
verdict_pass(struct verdict *v, struct answer *a, uint8_t *msg)
{
	struct reply reply = { .msg = msg, .len = a->len,
	    .response = *a->response };
	struct removal r = { .request = v->request };
	uint8_t *space = scratch_take(DNS_MESSAGE_MAX);
	enum dns_err err = removal_remove(&r, &reply, space);

	tell_removed(v->request, &r);
	if (err != DNS_OK)
		on_verdict->failed(v, EDE_OTHER, dns_strerror(err));
	else
		leave(v, &reply, NEEDS_NO_EXPIRY);
	scratch_give(space);
}

void
verdict_abandon(struct verdict *v)
{
	grants_leave(&v->held->grants);
	(void)held_free(v->held);
}

void
verdict_init(const struct verdict_events *e)
{
	static const struct grants_events grants = {
		.granted = verdict_granted, .done = verdict_done,
		.abandoned = verdict_abandoned };
	static const struct parts_events parts = { .finish = verdict_finish,
	    .failed = verdict_failed };

	on_verdict = e;
	grants_init(&grants);
	parts_init(&parts);
}
