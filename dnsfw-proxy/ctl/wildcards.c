/* Names with one parent become a wildcard. */
#include "wildcards.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "suffix.h"

/* What is wanted of a name, as if it was a port; no port is below 1 << 16. */
enum { AS_RESOLVE = 1, AS_UNKNOWN };
#define WANTS_END	UINT32_MAX

/* All names below one, for a client that wants a thing of some of them. */
struct below {
	const struct want *of;		/* its client, and one of these names */
	size_t		 at;		/* where theirs is in that */
	uint32_t	 what;		/* a port, or one of the above */
};

struct belows {
	struct below	*at;
	size_t		 n, room;
};

/* --- one thing that is wanted --- */

static void
want_it(struct want *p, uint32_t what)
{
	if (what == AS_RESOLVE)
		p->resolve = true;
	else if (what == AS_UNKNOWN)
		p->unknown = true;
	else
		want_add(p, what);
}

static void
want_it_not(struct want *p, uint32_t what)
{
	if (what == AS_RESOLVE)
		p->resolve = false;
	else if (what == AS_UNKNOWN)
		p->unknown = false;
	else
		want_drop(p, what);
}

/* The next thing behind that one which is wanted, or WANTS_END. */
static uint32_t
next_thing(const struct want *p, uint32_t what)
{
	uint32_t i;

	if (what < AS_RESOLVE && p->resolve)
		return (AS_RESOLVE);
	if (what < AS_UNKNOWN && p->unknown)
		return (AS_UNKNOWN);
	for (i = 0; i < p->nports; i++)
		if (p->ports[i] > what)
			return (p->ports[i]);
	return (WANTS_END);
}

/* --- parents --- */

static int
compare_belows(const void *a, const void *b)
{
	const struct below *x = a, *y = b;
	const struct dns_name *one = &x->of->name, *other = &y->of->name;
	size_t len = one->len - x->at;
	int rc;

	if ((rc = wants_compare_clients(x->of, y->of)) != 0)
		return (rc);
	if (len != other->len - y->at)
		return (len < other->len - y->at ? -1 : 1);
	if ((rc = memcmp(one->wire + x->at, other->wire + y->at, len)) != 0)
		return (rc);
	return (x->what == y->what ? 0 : x->what < y->what ? -1 : 1);
}

static void
add_below(struct belows *b, struct below below)
{
	if (b->n == b->room) {
		b->room = b->room == 0 ? 1024 : 2 * b->room;
		b->at = reallocarray(b->at, b->room, sizeof(*b->at));
		if (b->at == NULL)
			err(1, "no memory");
	}
	b->at[b->n++] = below;
}

/* Each name with its parent, for each thing that is wanted of it. */
static void
collect_parents(struct belows *b, const struct wants *w)
{
	const struct want *p;
	uint32_t what;
	size_t i;

	for (i = 0; i < w->n; i++) {
		p = w->at[i];
		if (p->wildcard || p->name.labels < 3)
			continue;
		for (what = next_thing(p, 0); what != WANTS_END;
		    what = next_thing(p, what))
			add_below(b, (struct below){ .of = p, .what = what,
			    .at = p->name.wire[0] + 1U });
	}
	if (b->n > 0)
		qsort(b->at, b->n, sizeof(*b->at), compare_belows);
}

static void
wildcard_name(const struct below *b, struct dns_name *out)
{
	size_t at;

	*out = (struct dns_name){ .len = (uint8_t)(b->of->name.len - b->at) };
	memcpy(out->wire, b->of->name.wire + b->at, out->len);
	for (at = 0; out->wire[at] != 0; at += out->wire[at] + 1U)
		out->labels++;
}

/* Keep one of each that has enough names, which are told apart by the wants. */
static void
keep_wildcards(struct belows *b, size_t least)
{
	struct dns_name name;
	size_t i, run, n = 0;

	for (i = 0; i < b->n; i += run) {
		for (run = 1; i + run < b->n &&
		    compare_belows(&b->at[i], &b->at[i + run]) == 0; run++)
			;
		if (run < least)
			continue;
		wildcard_name(&b->at[i], &name);
		if (!suffix_is_public(&name))
			b->at[n++] = b->at[i];
	}
	b->n = n;
}

/* --- folding --- */

/* The wildcard that takes the thing: that nearest to the root. */
static const struct below *
find_wildcard(const struct belows *b, const struct want *p, uint32_t what)
{
	struct below key = { .of = p, .what = what };
	const struct below *found, *last = NULL;
	const uint8_t *wire = p->name.wire;

	for (key.at = wire[0] + 1U; wire[key.at] != 0;
	    key.at += wire[key.at] + 1U) {
		found = bsearch(&key, b->at, b->n, sizeof(*b->at),
		    compare_belows);
		if (found != NULL)
			last = found;
	}
	return (last);
}

/* What its client wants of all names below, it need not want of this one. */
static void
fold_thing(struct wants *w, struct want *p, const struct below *b)
{
	struct dns_name name;
	struct want *all;

	wildcard_name(b, &name);
	all = wants_below(w, p, &name);
	want_it(all, b->what);
	want_it_not(p, b->what);
	if (!want_is_any(p))
		want_count(all, p->count, p->first, p->last);
}

static void
fold_name(struct wants *w, struct want *p, const struct belows *b)
{
	const struct below *wildcard;
	uint32_t what;

	for (what = next_thing(p, 0); what != WANTS_END;
	    what = next_thing(p, what)) {
		wildcard = find_wildcard(b, p, what);
		if (wildcard != NULL)
			fold_thing(w, p, wildcard);
	}
}

void
wildcards_fold(struct wants *w, size_t least)
{
	struct belows b = { .n = 0 };
	size_t i, n = w->n;

	collect_parents(&b, w);
	keep_wildcards(&b, least);
	/* Wildcards are put behind those that there are. */
	for (i = 0; b.n > 0 && i < n; i++)
		if (!w->at[i]->wildcard)
			fold_name(w, w->at[i], &b);
	free(b.at);
}
