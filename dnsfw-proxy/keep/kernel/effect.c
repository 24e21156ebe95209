/*
 * What our rules can do where they are: a few listings, one after the other, for
 * each of our chains.
 */
#include "effect.h"

/* In this order; READING is added while the listing is under way. */
enum { ALL_CHAINS, ALL_RULES, MAPS, OUR_RULES, CHAIN_DONE, READING = 0x80 };

static const struct listing {
	enum stamps_id	what;
	void		(*take)(const struct nlmsghdr *, void *);
} listings[] = {
	[ALL_CHAINS] = { STAMP_CHAINS, reach_take_chain },
	[ALL_RULES] = { STAMP_TABLE_RULES, reach_take_rule },
	[MAPS] = { STAMP_MAP, reach_take_elements },
	[OUR_RULES] = { STAMP_RULES, place_take }
};

/* Begin the listing that is due.  Returns 0, or -1 if it cannot be. */
static int
begin_listing(struct backend_effect *e, const struct effect_names *n)
{
	const char *name = NULL;

	if (e->step == ALL_CHAINS) {
		reach_begin(&e->reach, n->table);
		place_begin(&e->place, n->families[e->chain], n->whose);
		e->map = 0;
	}
	if (e->step == MAPS) {
		name = e->reach.maps[e->map];
		reach_map(&e->reach, e->map);
	}
	if (list_begin(&e->list, listings[e->step].what, e->chain, name) == -1)
		return (-1);
	e->step |= READING;
	return (0);
}

/* A listing is over: which is next? */
static void
advance(struct backend_effect *e, const struct effect_names *n)
{
	e->step &= (uint8_t)~READING;
	if (e->step == MAPS)
		e->map++;
	else
		e->step++;
	if (e->step == MAPS && e->map == e->reach.nmaps)
		e->step = OUR_RULES;
	if (e->step != CHAIN_DONE)
		return;
	place_end(&e->place);
	e->reached |= reach_found(&e->reach, n->chain) ?
	    n->families[e->chain] & e->families : 0;
	e->blocked |= e->place.blocked & e->families;
	e->chain++;
	e->step = ALL_CHAINS;
}

enum list_step
effect_step(struct backend_effect *e, const struct effect_names *n,
    unsigned int datagrams)
{
	enum list_step step;
	void *arg;

	while (e->chain < EFFECT_CHAINS && (e->step & READING) == 0 &&
	    (n->families[e->chain] & e->families) == 0)
		e->chain++;
	if (e->chain == EFFECT_CHAINS)
		return (LIST_END);
	if ((e->step & READING) == 0 && begin_listing(e, n) == -1)
		return (LIST_BROKEN);
	arg = e->step == (OUR_RULES | READING) ? (void *)&e->place : &e->reach;
	step = list_step(&e->list, datagrams,
	    listings[e->step & ~READING].take, arg);
	if (step == LIST_END) {
		advance(e, n);
		return (LIST_MORE);
	}
	/* A map, or our chain, that went. */
	return (step == LIST_NONE ? LIST_CHANGED : step);
}

void
effect_drop(struct backend_effect *e)
{
	list_drop(&e->list);
}
