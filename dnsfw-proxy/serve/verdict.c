/* From the addresses of an answer to grants, and to the answer that leaves. */
#include "verdict.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/vet.h"
#include "accesslog.h"
#include "clock.h"
#include "decision.h"
#include "grants.h"
#include "loop.h"
#include "policy.h"
#include "scratch.h"
#include "settings.h"
#include "tell.h"

#define ANSWER_MAX	1024	/* grants of one answer */
#define NO_EXPIRY	UINT64_MAX

/* An answer that waits. */
struct held {
	struct grants	grants;
	struct verdict	*verdict;
	bool		passes;		/* see struct removal */
	uint8_t		families;
	struct reply	reply;
	struct grants_wait waits[];	/* and behind them the message */
};

/* What an answer needs. */
struct needs {
	uint64_t	expiry;		/* of the one known that ends first */
	size_t		nwants, nknown;
	/* What is to be asked for from its begin, what is known from its end. */
	struct grants_want want[ANSWER_MAX];
	/* Of these the names that led there: all of a host have the same (D14). */
	struct dns_name	labels[ALIAS_ORIGINS];
	size_t		nlabels;
};

/* What it takes to find that out. */
struct work {
	uint8_t		space[DNS_MESSAGE_MAX];
	struct recipients recipients;
	const struct dns_address *granted[ANSWER_MAX + 1];
};

static const struct verdict_events *on_verdict;
static const char too_many[] = "too many grants under way";

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
	uint64_t left;

	if (expiry != NO_EXPIRY) {
		left = expiry > loop.now ? expiry - loop.now : 0;
		dns_answer_cap_ttl(reply->msg, reply->len, &reply->response,
		    (uint32_t)(left / CLOCK_SECOND));
	}
	on_verdict->leaves(v, reply, expiry != NO_EXPIRY);
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
	if (any)
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

/* All results are there. */
static void
verdict_done(struct grants *g)
{
	struct held *h = (struct held *)(void *)((char *)g -
	    offsetof(struct held, grants));
	struct verdict *v = h->verdict;

	v->held = NULL;
	if (g->code == RESULT_OK)
		leave_granted(v, h);
	else if (g->code != RESULT_STALE)
		on_verdict->failed(v, EDE_OTHER, msg_result_text(g->code));
	else if (request_has_left(v->request))
		on_verdict->failed(v, EDE_OTHER, "the client has left");
	else
		ask_again(v, h);
	free(h);
}

/* There are others who need the room. */
static void
verdict_abandoned(struct grants *g)
{
	struct held *h = (struct held *)(void *)((char *)g -
	    offsetof(struct held, grants));
	struct verdict *v = h->verdict;

	v->held = NULL;
	free(h);
	on_verdict->failed(v, EDE_OTHER, too_many);
}

static void
verdict_granted(const struct grants *g, const struct grants_wait *w)
{
	const struct held *h = (const struct held *)(const void *)
	    ((const char *)g - offsetof(struct held, grants));

	access_grant(h->verdict->request, &w->client, &w->dst, &w->port,
	    w->lifetime);
}

/* --- what is to be granted --- */

/* Which of the addresses are to be; returns how many, or ANSWER_MAX + 1. */
static size_t
to_be_granted(const struct request *q, const struct recipients *to,
    const struct dns_address *a, size_t n,
    const struct dns_address *granted[ANSWER_MAX + 1])
{
	bool told = !settings.config.firewall;
	size_t i, ngranted = 0;

	for (i = 0; i < n && ngranted <= ANSWER_MAX; i++) {
		/* It passes, or was removed. */
		if (dns_vet_forbidden(&a[i].addr, &settings.vet))
			continue;
		/* Once an answer: it looks at all who were told of. */
		if (!told)
			told = removal_tell_of_scope(q, to, &a[i].addr);
		if (recipients_reach(to->families, &a[i].addr))
			granted[ngranted++] = &a[i];
	}
	return (ngranted);
}

/* One address and port; false: the answer needs too many. */
static bool
need(struct needs *needs, const struct grants_want *want)
{
	struct grants_want *w = &needs->want[needs->nwants];
	uint64_t known;

	if (needs->nwants + needs->nknown == ANSWER_MAX)
		return (false);
	*w = *want;
	if ((known = grants_known(w)) == 0) {
		needs->nwants++;
		return (true);
	}
	/* This may be its place already. */
	needs->want[ANSWER_MAX - ++needs->nknown] = *w;
	if (known < needs->expiry)
		needs->expiry = known;
	return (true);
}

static void
log_known(const struct request *q, const struct needs *needs)
{
	const struct grants_want *w;
	size_t i;

	for (i = 1; i <= needs->nknown; i++) {
		w = &needs->want[ANSWER_MAX - i];
		access_grant(q, &w->client, &w->dst, &w->port, w->lifetime);
	}
}

/* A copy of the answer, and places for what it waits for; or NULL. */
static struct held *
held_new(struct verdict *v, const struct reply *reply, const struct needs *needs)
{
	size_t size = sizeof(struct held) +
	    needs->nwants * sizeof(struct grants_wait) + reply->len;
	struct held *h;

	if ((h = malloc(size)) == NULL)
		return (NULL);
	h->grants.client = v->request->client;
	h->grants.octets = size;
	h->grants.expiry = needs->expiry;
	h->grants.waits = h->waits;
	h->verdict = v;
	h->reply = *reply;
	h->reply.msg = (uint8_t *)&h->waits[needs->nwants];
	memcpy(h->reply.msg, reply->msg, reply->len);
	return (h);
}

/* Wait for the results with a copy of the answer. */
static void
hold(struct verdict *v, const struct reply *reply, const struct needs *needs,
    bool passes, uint8_t families)
{
	struct held *h = held_new(v, reply, needs);

	if (h == NULL) {
		on_verdict->failed(v, EDE_OTHER, "no memory");
		return;
	}
	h->passes = passes;
	h->families = families;
	if (!grants_ask(&h->grants, needs->want, needs->nwants)) {
		free(h);
		on_verdict->failed(v, EDE_OTHER, too_many);
		return;
	}
	log_known(v->request, needs);
	v->held = h;
}

/* The label, where it outlives the decision that it is of; NULL: no room. */
static const struct dns_name *
keep_label(struct needs *needs, const struct dns_name *label,
    const struct dns_name *qname)
{
	size_t i;

	if (label == qname)
		return (qname);
	for (i = 0; i < needs->nlabels; i++)
		if (dns_name_identical(&needs->labels[i], label))
			return (&needs->labels[i]);
	if (i == ALIAS_ORIGINS)
		return (NULL);
	needs->labels[needs->nlabels++] = *label;
	return (&needs->labels[i]);
}

/* What one of them needs: each address at each port that it is allowed. */
static bool
need_all(struct needs *needs, const struct request *q, const struct addr *to,
    const struct dns_address **addresses, size_t n, const struct decision *d)
{
	struct grants_want w = { .client = *to };
	unsigned int p;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!recipient_takes(to, &addresses[i]->addr))
			continue;
		for (p = 0; p < d->acl.nports; p++) {
			w.dst = addresses[i]->addr;
			w.port = d->acl.ports[p];
			w.ttl = policy_ttl(&w.port, addresses[i]->ttl);
			w.label = keep_label(needs, decision_label(d, p,
			    &q->dns.qname), &q->dns.qname);
			if (w.label == NULL || !need(needs, &w))
				return (false);
		}
	}
	return (true);
}

/* What the other addresses of the host need, each by its own rules. */
static bool
need_others(struct needs *needs, const struct request *q,
    const struct recipients *to, const struct dns_address **addresses, size_t n)
{
	struct decision *d = scratch_take(sizeof(*d));
	bool fits = true;
	unsigned int i;

	for (i = 1; i < to->n && fits; i++) {
		decision_make_for(q, &to->at[i], d);
		fits = need_all(needs, q, &to->at[i], addresses, n, d);
	}
	scratch_give(d);
	return (fits);
}

/* Grant all of the addresses that are in work. */
static void
grant_all(struct verdict *v, const struct reply *reply, struct work *work,
    size_t n, const struct decision *d)
{
	const struct recipients *to = &work->recipients;
	struct needs *needs = scratch_take(sizeof(*needs));

	needs->expiry = NO_EXPIRY;
	needs->nwants = needs->nknown = needs->nlabels = 0;
	if (!need_all(needs, v->request, &to->at[0], work->granted, n, d) ||
	    !need_others(needs, v->request, to, work->granted, n))
		on_verdict->failed(v, EDE_OTHER, "too many addresses to grant");
	else if (needs->nwants > 0)
		hold(v, reply, needs, d->acl.resolve_first, to->families);
	else {
		log_known(v->request, needs);
		leave(v, reply, needs->expiry);
	}
	scratch_give(needs);
}

/* Grant what is left of the answer without what is not granted. */
static void
remove_and_grant(struct verdict *v, struct answer *a, struct reply *reply,
    const struct decision *d, struct work *work)
{
	struct removal r = { .request = v->request,
	    .passes = d->acl.resolve_first };
	const struct dns_address *all;
	enum dns_err err;
	size_t n = 0;

	recipients_of(v->request, &work->recipients);
	r.families = work->recipients.families;
	err = removal_remove(&r, reply, work->space);
	tell_removed(v->request, &r);
	if (err == DNS_OK && d->acl.nports > 0 &&
	    (err = answer_addresses(a, &all, &n)) == DNS_OK)
		n = to_be_granted(v->request, &work->recipients, all, n,
		    work->granted);
	if (err != DNS_OK)
		on_verdict->failed(v, EDE_OTHER, dns_strerror(err));
	else
		grant_all(v, reply, work, n, d);
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
	remove_and_grant(v, a, &reply, &d, work);
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
		leave(v, &reply, NO_EXPIRY);
	scratch_give(space);
}

void
verdict_abandon(struct verdict *v)
{
	struct held *h = v->held;

	v->held = NULL;
	grants_leave(&h->grants);
	free(h);
}

void
verdict_init(const struct verdict_events *e)
{
	static const struct grants_events grants = {
		.granted = verdict_granted, .done = verdict_done,
		.abandoned = verdict_abandoned };

	on_verdict = e;
	grants_init(&grants);
}
