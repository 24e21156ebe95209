/* Who has most, without a look at all. */
#include "rank.h"

#include <stddef.h>

void
rank_init(struct rank *r)
{
	unsigned int i;

	for (i = 0; i < RANK_LEVELS; i++)
		TAILQ_INIT(&r->levels[i]);
}

/* The power of two, and the two bits below it. */
static unsigned int
rank_level(uint32_t amount)
{
	unsigned int power;

	if (amount == 0)
		return (0);
	power = 31 - (unsigned int)__builtin_clz(amount);
	return (1 + 4 * power +
	    (unsigned int)((uint64_t)amount << 2 >> power & 3));
}

void
rank_set(struct rank *r, struct rank_entry *e, uint32_t amount)
{
	unsigned int level = rank_level(amount);

	if (level == e->level)
		return;
	if (e->level > 0)
		TAILQ_REMOVE(&r->levels[e->level], e, link);
	if (level > 0)
		TAILQ_INSERT_TAIL(&r->levels[level], e, link);
	e->level = level;
}

struct rank_entry *
rank_top(struct rank *r)
{
	unsigned int i;

	for (i = RANK_LEVELS - 1; i > 0; i--) {
		if (!TAILQ_EMPTY(&r->levels[i]))
			return (TAILQ_FIRST(&r->levels[i]));
	}
	return (NULL);
}
