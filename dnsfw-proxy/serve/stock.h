/*
 * Something of which there is only so much for all clients (D22): what each has
 * of it, and since when, so that when it is used up the largest holder's oldest
 * is found without a look at all.  The limits are those of who has the stock.
 */
#ifndef SERVE_STOCK_H
#define SERVE_STOCK_H

#include <sys/queue.h>

#include <stdint.h>

#include "rank.h"

/* One thing that is taken. */
struct stock_item {
	TAILQ_ENTRY(stock_item) link;
	struct stock_share *share;	/* whose it is */
	uint32_t	amount;
};
TAILQ_HEAD(stock_items, stock_item);

/* What a client has; starts as zeros, and may be freed with nothing in it. */
struct stock_share {
	struct rank_entry by_amount;
	uint32_t	amount;
	struct stock_items items;	/* if amount > 0; the oldest first */
};

struct stock {
	uint32_t	amount;		/* that is taken, in all */
	struct rank	by_amount;
};

void	stock_init(struct stock *);

/* Take so much, at least 1, for that client; item is not in use. */
void	stock_take(struct stock *, struct stock_share *, struct stock_item *item,
	    uint32_t amount);

/* Give it back. */
void	stock_give(struct stock *, struct stock_item *);

/* It is that client's from now on, as if it had taken it now. */
void	stock_pass(struct stock *, struct stock_item *, struct stock_share *to);

/* The oldest of the client that has most (see rank.h); NULL: all is there. */
struct stock_item *stock_oldest(struct stock *);

#endif
