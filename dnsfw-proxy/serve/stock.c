/* What each client has of something, and who has most. */
#include "stock.h"

#include <stddef.h>

void
stock_init(struct stock *s)
{
	s->amount = 0;
	rank_init(&s->by_amount);
}

void
stock_take(struct stock *s, struct stock_share *share, struct stock_item *item,
    uint32_t amount)
{
	if (share->amount == 0)
		TAILQ_INIT(&share->items);
	TAILQ_INSERT_TAIL(&share->items, item, link);
	item->share = share;
	item->amount = amount;
	share->amount += amount;
	s->amount += amount;
	rank_set(&s->by_amount, &share->by_amount, share->amount);
}

void
stock_give(struct stock *s, struct stock_item *item)
{
	struct stock_share *share = item->share;

	TAILQ_REMOVE(&share->items, item, link);
	share->amount -= item->amount;
	s->amount -= item->amount;
	rank_set(&s->by_amount, &share->by_amount, share->amount);
}

void
stock_pass(struct stock *s, struct stock_item *item, struct stock_share *to)
{
	stock_give(s, item);
	stock_take(s, to, item, item->amount);
}

struct stock_item *
stock_oldest(struct stock *s)
{
	const struct rank_entry *e = rank_top(&s->by_amount);
	const struct stock_share *share;

	if (e == NULL)
		return (NULL);
	share = (const struct stock_share *)(const void *)((const char *)e -
	    offsetof(struct stock_share, by_amount));
	return (TAILQ_FIRST(&share->items));
}
