/* The names of one message, each octet of them looked at once. */
#include "places.h"

#include <string.h>

/* The way through a name: where its labels, pointers and root begin. */
struct way {
	size_t		 n;
	uint16_t	 at[DNS_LABELS_MAX + DNS_POINTERS_MAX + 1];
	size_t		 start;		/* of this run */
	size_t		 end;		/* behind the first one */
	size_t		 len;		/* octets of the labels on the way */
	unsigned int	 hops;
	/* What is known already begins here, and is not on the way; or NULL. */
	const struct dns_place *rest;
};

void
dns_places_begin(struct dns_places *p, struct dns_place *place, size_t len)
{
	p->place = place;
	p->n = dns_places_room(len);
	p->question_end = 0;
	p->steps = 0;
	memset(place, 0, p->n * sizeof(*place));
	memset(p->own, 0, (p->n + 7) / 8);
}

void
dns_places_own(struct dns_places *p, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to && i < p->n; i++)
		p->own[i / 8] |= (uint8_t)(1U << i % 8);
}

static bool
own_any(const struct dns_places *p, size_t from, size_t to)
{
	size_t i;

	if (to > p->n)
		to = p->n;
	for (i = from; i < to; i++) {
		/* Eight at once, where there are as many. */
		if (i % 8 == 0 && to - i >= 8 && p->own[i / 8] == 0)
			i += 7;
		else if (p->own[i / 8] & 1U << i % 8)
			return (true);
	}
	return (false);
}

/* How far the run reaches to which the pointer leads that ends this one. */
static size_t
next_end(const struct dns_places *p, const struct rcur *run,
    const struct dns_place *rest)
{
	const uint8_t *pointer = run->buf + run->pos + rest->run - 1;
	size_t target = (pointer[0] & ~DNS_POINTER_BITS) << 8 | pointer[1];

	return (rest->hops == 0 ? 0 : target + p->place[target].run + 1);
}

/*
 * Is it known how the name goes on at run->pos, and nothing wrong with that for
 * one that came this way?  If something is, the walk goes on, to say what.
 */
static bool
is_known(const struct dns_places *p, const struct rcur *run, struct way *way)
{
	const struct dns_place *rest = p->place + run->pos;

	if (run->pos >= p->n || rest->len == 0 ||
	    rest->len > DNS_NAME_MAX - way->len ||
	    rest->hops > DNS_POINTERS_MAX - way->hops ||
	    rest->hops > DNS_STEPS_MAX - p->steps - way->hops ||
	    !rcur_has(run, rest->run + 1U) ||
	    next_end(p, run, rest) > way->start)
		return (false);
	way->rest = rest;
	return (true);
}

/* The labels from run->pos to the root, a pointer, or what is known. */
static enum dns_err
walk_run(const struct dns_places *p, struct rcur *run, struct way *way,
    bool *pointer, size_t *target)
{
	uint16_t at;
	uint8_t n, low;

	*pointer = false;
	do {
		if (way->hops > 0 && is_known(p, run, way))
			return (DNS_OK);
		at = (uint16_t)run->pos;
		if (rcur_u8(run, &n) == -1)
			return (DNS_ESHORT);
		if (n >= DNS_POINTER_BITS) {
			if (rcur_u8(run, &low) == -1)
				return (DNS_ESHORT);
			*pointer = true;
			*target = (n & ~DNS_POINTER_BITS) << 8 | low;
			n = 0;
		} else if (n > DNS_LABEL_MAX)
			return (DNS_ELABEL);
		/* Behind a label that is not the root, the root has a place. */
		else if (n > 0 && DNS_NAME_MAX - way->len < (size_t)n + 2)
			return (DNS_ENAME);
		else if (rcur_skip(run, n) == -1)
			return (DNS_ESHORT);
		else
			way->len += n + 1U;
		way->at[way->n++] = at;
	} while (n > 0);
	return (DNS_OK);
}

/* Follows the rules of dns_name_read(), to the letter. */
static enum dns_err
way_walk(const struct dns_places *p, const struct rcur *c, bool pointers,
    struct way *way)
{
	struct rcur run = *c;
	enum dns_err err;
	size_t target = 0;
	bool pointer;

	way->start = c->pos;
	way->n = way->len = way->end = 0;
	way->rest = NULL;
	for (way->hops = 0;; way->hops++) {
		err = walk_run(p, &run, way, &pointer, &target);
		if (err == DNS_ESHORT && way->hops > 0)
			return (DNS_EPOINTER);
		if (err != DNS_OK)
			return (err);
		if (way->hops == 0)
			way->end = run.pos;
		if (!pointer)
			return (DNS_OK);
		if (!pointers || target >= way->start ||
		    way->hops == DNS_POINTERS_MAX)
			return (DNS_EPOINTER);
		if (p->steps + way->hops >= DNS_STEPS_MAX)
			return (DNS_ESTEPS);
		run.len = way->start;
		run.pos = way->start = target;
	}
}

/* From its end to its beginning, the way is checked, and becomes known. */
static enum dns_err
learn(struct dns_places *p, const struct rcur *c, const struct way *way)
{
	struct dns_place here = { .len = 0 };
	size_t i, at, next, end = 0;

	if (way->rest != NULL) {
		here = *way->rest;
		end = (size_t)(way->rest - p->place) + here.run + 1;
	}
	for (i = way->n; i > 0; i--) {
		at = way->at[i - 1];
		if (c->buf[at] > DNS_LABEL_MAX) {
			end = next = at + 2;
			if (end <= p->question_end)
				return (DNS_EPOINTER);
			here.hops++;
		} else {
			next = at + c->buf[at] + 1;
			if (c->buf[at] == 0)
				end = next;
			here.len = (uint8_t)(here.len + next - at);
		}
		if (own_any(p, at, next))
			return (DNS_EPOINTER);
		here.run = (uint8_t)(end - at - 1);
		if (at < p->n)
			p->place[at] = here;
	}
	p->steps += here.hops;
	return (DNS_OK);
}

enum dns_err
dns_places_check(struct dns_places *p, struct rcur *c, bool pointers)
{
	DNS_UNINITIALIZED struct way way;
	enum dns_err err;

	if ((err = way_walk(p, c, pointers, &way)) != DNS_OK ||
	    (err = learn(p, c, &way)) != DNS_OK)
		return (err);
	c->pos = way.end;
	return (DNS_OK);
}
