/* Names with one parent become a wildcard. */
#include "wildcards.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "suffix.h"

/* What is wanted of a name, as if it was a port; no port is below 1 << 16. */
enum { AS_RESOLVE, AS_UNKNOWN };

/* A name that wants something, by its parent. */
struct child {
	struct dns_name	parent;
	uint32_t	what;		/* a port, or one of the above */
	const struct dns_name *name;
};

struct children {
	struct child	*at;
	size_t		 n, room;
};

/* --- one thing that is wanted --- */

static bool
wants_it(const struct want *p, uint32_t what)
{
	if (what == AS_RESOLVE)
		return (p->resolve);
	return (what == AS_UNKNOWN ? p->unknown : want_has(p, what));
}

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

/* --- parents --- */

static void
parent_of(const struct dns_name *name, struct dns_name *out)
{
	const size_t skip = name->wire[0] + 1U;

	*out = (struct dns_name){ .labels = (uint8_t)(name->labels - 1),
	    .len = (uint8_t)(name->len - skip) };
	memcpy(out->wire, name->wire + skip, out->len);
}

static void
add_child(struct children *c, const struct want *p, uint32_t what)
{
	struct child *child;

	if (c->n == c->room) {
		c->room = c->room == 0 ? 1024 : 2 * c->room;
		c->at = reallocarray(c->at, c->room, sizeof(*c->at));
		if (c->at == NULL)
			err(1, "no memory");
	}
	child = &c->at[c->n++];
	parent_of(&p->name, &child->parent);
	child->what = what;
	child->name = &p->name;
}

static int
compare_names(const struct dns_name *a, const struct dns_name *b)
{
	if (a->len != b->len)
		return (a->len < b->len ? -1 : 1);
	return (memcmp(a->wire, b->wire, a->len));
}

/* Those nearer to the root first: they may take what others would. */
static int
compare_children(const void *a, const void *b)
{
	const struct child *x = a, *y = b;
	int rc;

	if (x->parent.labels != y->parent.labels)
		return (x->parent.labels < y->parent.labels ? -1 : 1);
	if ((rc = compare_names(&x->parent, &y->parent)) != 0)
		return (rc);
	if (x->what != y->what)
		return (x->what < y->what ? -1 : 1);
	return (compare_names(x->name, y->name));
}

/* Of one parent and one thing, from i on: how many, of which so many names. */
static size_t
run_of(const struct children *c, size_t i, size_t *names)
{
	size_t k;

	*names = 1;
	for (k = i + 1; k < c->n && c->at[k].what == c->at[i].what &&
	    dns_name_identical(&c->at[k].parent, &c->at[i].parent); k++)
		*names += !dns_name_identical(c->at[k].name, c->at[k - 1].name);
	return (k - i);
}

static void
collect_children(struct children *c, const struct wants *w)
{
	const struct want *p;
	size_t i;
	uint32_t k;

	for (i = 0; i < w->n; i++) {
		p = w->at[i];
		if (p->name.labels < 3)
			continue;
		for (k = 0; k < p->nports; k++)
			add_child(c, p, p->ports[k]);
		if (p->resolve)
			add_child(c, p, AS_RESOLVE);
		if (p->unknown)
			add_child(c, p, AS_UNKNOWN);
	}
	if (c->n > 0)
		qsort(c->at, c->n, sizeof(*c->at), compare_children);
}

/* --- folding --- */

static bool
is_under_parent(const struct want *p, const struct dns_name *parent)
{
	return (p->name.labels > parent->labels &&
	    dns_name_is_under(&p->name, parent));
}

/* What its client wants of all names below, it need not want of this one. */
static void
fold_one(struct wants *w, struct want *p, const struct child *c)
{
	struct want *all = wants_below(w, p, &c->parent);

	want_it(all, c->what);
	want_it_not(p, c->what);
	if (!want_is_any(p))
		want_count(all, p->count, p->first, p->last);
}

static void
fold(struct wants *w, const struct child *c)
{
	size_t i, n = w->n;

	for (i = 0; i < n; i++)
		if (is_under_parent(w->at[i], &c->parent) &&
		    wants_it(w->at[i], c->what))
			fold_one(w, w->at[i], c);
}

void
wildcards_fold(struct wants *w, size_t least)
{
	struct children c = { .n = 0 };
	size_t i, run, names;

	collect_children(&c, w);
	for (i = 0; i < c.n; i += run) {
		run = run_of(&c, i, &names);
		if (names >= least && !suffix_is_public(&c.at[i].parent))
			fold(w, &c.at[i]);
	}
	free(c.at);
}
