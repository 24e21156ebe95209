/* Grants that one answer asks for in parts. */
#include "parts.h"

#include <string.h>

#include "decision.h"
#include "hash.h"
#include "loop.h"
#include "needs.h"
#include "policy.h"
#include "quota.h"
#include "scratch.h"
#include "settings.h"

static_assert(sizeof(struct dns_address) % sizeof(uint64_t) == 0,
    "behind addresses there may be numbers");

/* Clients with parts to ask for, the next one first. */
static TAILQ_HEAD(, quota) clients = TAILQ_HEAD_INITIALIZER(clients);
static struct loop_share parts_share;
static const struct parts_events *on_parts;

void
parts_init(const struct parts_events *e)
{
	on_parts = e;
}

size_t
parts_size(const struct recipients *to, size_t n)
{
	return (sizeof(struct parts) + n * sizeof(struct dns_address) +
	    to->n * (sizeof(uint64_t) + sizeof(struct addr)));
}

static void
parts_enter(struct parts *p)
{
	struct quota *client = p->request->quota;

	if (client->nparts++ == 0) {
		TAILQ_INIT(&client->parts);
		TAILQ_INSERT_TAIL(&clients, client, by_parts);
	}
	TAILQ_INSERT_TAIL(&client->parts, p, link);
	p->asking = true;
}

void
parts_end(struct parts *p)
{
	struct quota *client = p->request->quota;

	if (!p->asking)
		return;
	TAILQ_REMOVE(&client->parts, p, link);
	if (--client->nparts == 0)
		TAILQ_REMOVE(&clients, client, by_parts);
	p->asking = false;
}

/* The first answer of the next client, which has to wait for all others then. */
static struct parts *
take_turn(void)
{
	struct quota *client = TAILQ_FIRST(&clients);

	TAILQ_REMOVE(&clients, client, by_parts);
	TAILQ_INSERT_TAIL(&clients, client, by_parts);
	return (TAILQ_FIRST(&client->parts));
}

/* What is allowed to a recipient, in short. */
static uint64_t
digest(const struct decision *d)
{
	uint32_t words[1 + ACL_PORTS_MAX];
	unsigned int i;

	words[0] = (uint32_t)d->acl.verdict << 1 | d->acl.overflow;
	for (i = 0; i < d->acl.nports; i++)
		words[1 + i] = (uint32_t)d->acl.ports[i].proto << 16 |
		    d->acl.ports[i].port;
	return (hash_bytes(words, (1U + d->acl.nports) * sizeof(words[0])));
}

static void
decide_all(struct parts *p)
{
	struct decision *d = scratch_take(sizeof(*d));
	unsigned int i;

	for (i = 0; i < p->nto; i++) {
		decision_make_for(p->request, &p->to[i], d);
		p->decided[i] = digest(d);
	}
	scratch_give(d);
}

void
parts_begin(struct parts *p, const struct recipients *to,
    const struct dns_address *addresses, size_t n)
{
	p->own_changes = settings.own_changes;
	p->generation = policy.generation;
	p->changed = false;
	p->decided = (uint64_t *)(void *)&p->addresses[n];
	p->to = memcpy(p->decided + to->n, to->at, to->n * sizeof(*p->to));
	p->nto = to->n;
	p->n = n;
	p->recipient = 0;
	p->at = 0;
	memcpy(p->addresses, addresses, n * sizeof(*addresses));
	decide_all(p);
	parts_enter(p);
	/* It may begin again at the end of a turn, after the others. */
	loop_again();
}

bool
parts_are_outdated(const struct parts *p)
{
	return (p->changed || p->generation != policy.generation ||
	    p->own_changes != settings.own_changes);
}

/* The addresses of the next part: one at least, of which no port is left out. */
static size_t
next_size(const struct parts *p, const struct decision *d)
{
	size_t left = p->n - p->at, most;

	if (d->acl.nports == 0)
		return (left);
	most = d->acl.nports < PARTS_AT_ONCE ? PARTS_AT_ONCE / d->acl.nports : 1;
	return (left < most ? left : most);
}

/* False: these are too many. */
static bool
next_needs(struct parts *p, struct needs *needs)
{
	const struct addr *to = &p->to[p->recipient];
	struct decision *d = scratch_take(sizeof(*d));
	bool fits;
	size_t n;

	decision_make_for(p->request, to, d);
	if (digest(d) != p->decided[p->recipient]) {
		p->changed = true;
		scratch_give(d);
		return (true);
	}
	n = next_size(p, d);
	fits = needs_add(needs, p->request, to, d, &p->addresses[p->at], n);
	scratch_give(d);
	p->at += n;
	if (p->at == p->n) {
		p->at = 0;
		p->recipient++;
	}
	return (fits && needs->nwants <= p->room - p->grants->n);
}

/* Why it fails, or NULL. */
static const char *
ask_for_next(struct parts *p)
{
	struct needs *needs = scratch_take(sizeof(*needs));
	struct grants *g = p->grants;
	const char *why = NULL;

	needs_begin(needs);
	if (!next_needs(p, needs))
		why = NEEDS_TOO_MANY;
	else if (needs->nwants > 0 && !grants_add(g, needs->want, needs->nwants))
		why = GRANTS_TOO_MANY;
	else {
		needs_log(p->request, needs);
		if (needs->expiry < g->expiry)
			g->expiry = needs->expiry;
	}
	scratch_give(needs);
	return (why);
}

/* What is outdated is to be decided again, all of it. */
static bool
is_asked(const struct parts *p)
{
	return (p->n == 0 || p->recipient == p->nto || parts_are_outdated(p));
}

/* Why it fails, or NULL. */
static const char *
parts_step(struct parts *p, bool *more)
{
	*more = true;
	if (request_has_left(p->request))
		return ("the client has left");
	if (!is_asked(p))
		return (ask_for_next(p));
	return (on_parts->finish(p, more));
}

static void
parts_go_on(struct parts *p)
{
	bool more;
	const char *why = parts_step(p, &more);

	if (why != NULL) {
		grants_leave(p->grants);
		on_parts->failed(p, why);
		return;
	}
	if (!more) {
		parts_end(p);
		grants_close(p->grants);
	}
}

void
parts_flush(void)
{
	bool first = true;

	/* Perhaps nothing else has come in this turn. */
	if (!TAILQ_EMPTY(&clients))
		loop_clock();
	while (!TAILQ_EMPTY(&clients) && (loop_has_time(&parts_share) || first)) {
		loop_was_long(&parts_share);
		first = false;
		parts_go_on(take_turn());
	}
	if (!TAILQ_EMPTY(&clients))
		loop_again();
}
