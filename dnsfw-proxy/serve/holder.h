/*
 * What clients (share.h) have of the grants under way, and of what they keep
 * meanwhile: for grants.c only.
 */
#ifndef SERVE_HOLDER_H
#define SERVE_HOLDER_H

#include <sys/queue.h>

#include <stdint.h>

#include "addr.h"
#include "stock.h"

/* A client; free if it has none. */
struct holder {
	LIST_ENTRY(holder) link;	/* bucket, or free list */
	TAILQ_ENTRY(holder) by_turn;	/* while it has something to send */
	struct addr	who;
	uint32_t	slots;		/* grants under way, */
	struct stock_share unsent;	/* those that are not sent, */
	struct stock_share waits;	/* what answers wait for of all, */
	struct stock_share octets;	/* and keep meanwhile */
};

/* Before the first client; there are never more than max. */
void	holder_init(uint32_t max);

/* NULL: there are too many. */
struct holder *holder_of(const struct addr *client);

/* To be called when it may have nothing any more. */
void	holder_release(struct holder *);

#endif
