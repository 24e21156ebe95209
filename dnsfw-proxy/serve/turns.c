/* Who is open for each question: a hash table with chains, from a fixed pool. */
#include "turns.h"

#include <stdlib.h>

#include "log.h"
#include "tries.h"

/*
 * One name, type and class.  The keyed hash stands for it: two that had the
 * same one would wait for each other, which is no harm.
 */
struct turn {
	LIST_ENTRY(turn) link;		/* bucket, or free list */
	uint64_t	question;
	unsigned int	open;		/* 0 in the free list */
	struct exchanges waiting;
};
LIST_HEAD(turn_list, turn);

static struct turn_list *buckets, unused;
static struct turn *pool;
static uint32_t nbuckets;		/* power of two */
static uint32_t fresh;			/* never used ones begin here */

void
turns_init(uint32_t max)
{
	uint32_t i;

	/* Chains of four at the most cost less than a table out of the caches. */
	for (nbuckets = 16; nbuckets < max / 4; nbuckets *= 2)
		;
	buckets = calloc(nbuckets, sizeof(*buckets));
	pool = calloc(max, sizeof(*pool));
	if (buckets == NULL || pool == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < nbuckets; i++)
		LIST_INIT(&buckets[i]);
	LIST_INIT(&unused);
	fresh = 0;
}

/* Each has an exchange that is open, so there is always one left. */
static struct turn *
turn_new(struct turn_list *bucket, uint64_t question)
{
	struct turn *t = LIST_FIRST(&unused);

	if (t != NULL)
		LIST_REMOVE(t, link);
	else
		t = &pool[fresh++];
	t->question = question;
	t->open = 0;
	TAILQ_INIT(&t->waiting);
	LIST_INSERT_HEAD(bucket, t, link);
	return (t);
}

bool
turns_take(struct exchange *x, uint64_t question)
{
	struct turn_list *bucket = &buckets[question & (nbuckets - 1)];
	struct turn *t;

	LIST_FOREACH(t, bucket, link) {
		if (t->question == question)
			break;
	}
	if (t == NULL)
		t = turn_new(bucket, question);
	x->turn = t;
	x->queued = t->open == TURNS_MAX;
	if (x->queued)
		TAILQ_INSERT_TAIL(&t->waiting, x, by_turn);
	else
		t->open++;
	return (!x->queued);
}

struct exchange *
turns_leave(struct exchange *x)
{
	struct turn *t = x->turn;
	struct exchange *next;

	if (x->queued) {
		TAILQ_REMOVE(&t->waiting, x, by_turn);
		return (NULL);
	}
	if ((next = TAILQ_FIRST(&t->waiting)) != NULL) {
		TAILQ_REMOVE(&t->waiting, next, by_turn);
		next->queued = false;
		return (next);
	}
	if (--t->open == 0) {
		LIST_REMOVE(t, link);
		LIST_INSERT_HEAD(&unused, t, link);
	}
	return (NULL);
}
