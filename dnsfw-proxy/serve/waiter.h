/* Who waits for an upstream's answer, and is told of it. */
#ifndef SERVE_WAITER_H
#define SERVE_WAITER_H

#include <sys/queue.h>

#include <stdbool.h>

#include "../dns/build.h"
#include "answer.h"
#include "request.h"

struct delivery;
struct exchange;

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct exchange	*exchange;	/* NULL once that has its answer */
	struct delivery	*delivery;	/* if that answer is to come later */
	struct request	*request;	/* its upstream is set then */
	bool		wants_grants;	/* -> : what the answer names is vetted */
};
TAILQ_HEAD(waiters, waiter);

/*
 * Take those of that client out of the list, and put them at the end of the other
 * one.
 */
void	waiters_take(struct waiters *, const struct quota *, struct waiters *to);

/* What a waiter is told; it belongs to the called from then on. */
struct waiter_events {
	/* The answer, which others may wait for, too. */
	void	(*answered)(struct waiter *, struct answer *);
	/* There is no good answer; reason is for the log and the client. */
	void	(*failed)(struct waiter *, enum dns_ede, const char *reason);
};

#endif
