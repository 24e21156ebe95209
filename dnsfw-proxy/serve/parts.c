/* Grants that one answer asks for in parts. */
#include "parts.h"

#include <string.h>

#include "decision.h"
#include "loop.h"
#include "needs.h"
#include "policy.h"
#include "scratch.h"
#include "settings.h"

static TAILQ_HEAD(, parts) asking = TAILQ_HEAD_INITIALIZER(asking);
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
	    to->n * sizeof(struct addr));
}

void
parts_begin(struct parts *p, const struct recipients *to,
    const struct dns_address *addresses, size_t n)
{
	p->own_changes = settings.own_changes;
	p->generation = policy.generation;
	p->to = memcpy(&p->addresses[n], to->at, to->n * sizeof(*p->to));
	p->nto = to->n;
	p->n = n;
	p->recipient = 0;
	p->at = 0;
	memcpy(p->addresses, addresses, n * sizeof(*addresses));
	p->asking = true;
	TAILQ_INSERT_TAIL(&asking, p, link);
}

void
parts_end(struct parts *p)
{
	if (p->asking)
		TAILQ_REMOVE(&asking, p, link);
	p->asking = false;
}

bool
parts_are_outdated(const struct parts *p)
{
	return (p->generation != policy.generation ||
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
	n = next_size(p, d);
	fits = needs_add(needs, p->request, to, d, &p->addresses[p->at], n);
	scratch_give(d);
	p->at += n;
	if (p->at == p->n) {
		p->at = 0;
		p->recipient++;
	}
	/* Since room was taken, more may be allowed (D14). */
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
	parts_end(p);
	if (!more) {
		grants_close(p->grants);
		return;
	}
	/* Others have their turn before the next step. */
	p->asking = true;
	TAILQ_INSERT_TAIL(&asking, p, link);
}

void
parts_flush(void)
{
	struct parts *p;
	bool first = true;

	/* Perhaps nothing else has come in this turn. */
	if (!TAILQ_EMPTY(&asking))
		loop_clock();
	while ((p = TAILQ_FIRST(&asking)) != NULL &&
	    (loop_has_time(&parts_share) || first)) {
		loop_was_long(&parts_share);
		first = false;
		parts_go_on(p);
	}
	if (p != NULL)
		loop_again();
}
