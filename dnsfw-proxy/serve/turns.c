/* Who is open for each question: a hash table with chains, from a fixed pool. */
#include "turns.h"

#include <stdlib.h>

#include "exchange_state.h"
#include "log.h"

#define LANES_LOOK	64	/* lanes that are looked at for a client's */

/* What waits for one question, of one client. */
struct lane {
	TAILQ_ENTRY(lane) link;		/* of its turn, or free list */
	const struct quota *client;
	struct exchanges waiting;	/* never empty */
};
TAILQ_HEAD(lanes, lane);

/*
 * One name, type and class.  The keyed hash stands for it: two that had the
 * same one would wait for each other, which is no harm.
 */
struct turn {
	LIST_ENTRY(turn) link;		/* bucket, or free list */
	uint64_t	question;
	unsigned int	open;		/* 0 in the free list */
	struct lanes	lanes;		/* the next one first */
};
LIST_HEAD(turn_list, turn);

static struct turn_list *turns_buckets, turns_unused;
static struct turn *turns_pool;
static struct lane *lanes;
static struct lanes unused_lanes;
static uint32_t turns_nbuckets;		/* power of two */
static uint32_t turns_fresh, fresh_lanes;	/* never used ones begin here */

void
turns_init(uint32_t max)
{
	uint32_t i;

	/* Chains of four at the most cost less than a table out of the caches. */
	for (turns_nbuckets = 16; turns_nbuckets < max / 4; turns_nbuckets *= 2)
		;
	turns_buckets = calloc(turns_nbuckets, sizeof(*turns_buckets));
	turns_pool = calloc(max, sizeof(*turns_pool));
	lanes = calloc(max, sizeof(*lanes));
	if (turns_buckets == NULL || turns_pool == NULL || lanes == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < turns_nbuckets; i++)
		LIST_INIT(&turns_buckets[i]);
	LIST_INIT(&turns_unused);
	TAILQ_INIT(&unused_lanes);
	turns_fresh = fresh_lanes = 0;
}

/* --- lanes --- */

/* The client's lane, or NULL; not all are looked at if there are many. */
static struct lane *
lane_find(const struct turn *t, const struct quota *client)
{
	struct lane *lane;
	unsigned int n = 0;

	TAILQ_FOREACH(lane, &t->lanes, link) {
		if (lane->client == client)
			return (lane);
		if (++n == LANES_LOOK)
			break;
	}
	return (NULL);
}

/* Each has an exchange that waits, so there is always one left. */
static struct lane *
lane_new(struct turn *t, const struct quota *client)
{
	struct lane *lane = TAILQ_FIRST(&unused_lanes);

	if (lane != NULL)
		TAILQ_REMOVE(&unused_lanes, lane, link);
	else
		lane = &lanes[fresh_lanes++];
	lane->client = client;
	TAILQ_INIT(&lane->waiting);
	TAILQ_INSERT_TAIL(&t->lanes, lane, link);
	return (lane);
}

static void
lane_enter(struct lane *lane, struct exchange *x)
{
	TAILQ_INSERT_TAIL(&lane->waiting, x, by_turn);
	x->lane = lane;
}

static void
lane_leave(struct exchange *x)
{
	struct lane *lane = x->lane;

	TAILQ_REMOVE(&lane->waiting, x, by_turn);
	if (!TAILQ_EMPTY(&lane->waiting))
		return;
	TAILQ_REMOVE(&x->turn->lanes, lane, link);
	TAILQ_INSERT_HEAD(&unused_lanes, lane, link);
}

/* --- turns --- */

/* Each has an exchange that is open, so there is always one left. */
static struct turn *
turn_new(struct turn_list *bucket, uint64_t question)
{
	struct turn *t = LIST_FIRST(&turns_unused);

	if (t != NULL)
		LIST_REMOVE(t, link);
	else
		t = &turns_pool[turns_fresh++];
	t->question = question;
	t->open = 0;
	TAILQ_INIT(&t->lanes);
	LIST_INSERT_HEAD(bucket, t, link);
	return (t);
}

bool
turns_take(struct exchange *x, uint64_t question, const struct quota *client)
{
	struct turn_list *bucket;
	struct lane *lane;
	struct turn *t;

	bucket = &turns_buckets[question & (turns_nbuckets - 1)];
	LIST_FOREACH(t, bucket, link) {
		if (t->question == question)
			break;
	}
	if (t == NULL)
		t = turn_new(bucket, question);
	x->turn = t;
	x->queued = t->open == TURNS_MAX;
	if (!x->queued) {
		t->open++;
		return (true);
	}
	lane = lane_find(t, client);
	lane_enter(lane != NULL ? lane : lane_new(t, client), x);
	return (false);
}

void
turns_join(struct exchange *x, const struct quota *client)
{
	if (!x->queued || x == TAILQ_FIRST(&x->lane->waiting) ||
	    lane_find(x->turn, client) != NULL)
		return;
	/* It was not the first, so its lane stays. */
	lane_leave(x);
	lane_enter(lane_new(x->turn, client), x);
}

/* The first of the next lane, which has to wait for all others then. */
static struct exchange *
next_of(struct turn *t)
{
	struct lane *lane = TAILQ_FIRST(&t->lanes);
	struct exchange *x;

	if (lane == NULL)
		return (NULL);
	TAILQ_REMOVE(&t->lanes, lane, link);
	TAILQ_INSERT_TAIL(&t->lanes, lane, link);
	x = TAILQ_FIRST(&lane->waiting);
	lane_leave(x);
	x->queued = false;
	return (x);
}

struct exchange *
turns_leave(struct exchange *x)
{
	struct turn *t = x->turn;
	struct exchange *next;

	if (x->queued) {
		lane_leave(x);
		return (NULL);
	}
	if ((next = next_of(t)) != NULL)
		return (next);
	if (--t->open == 0) {
		LIST_REMOVE(t, link);
		LIST_INSERT_HEAD(&turns_unused, t, link);
	}
	return (NULL);
}
