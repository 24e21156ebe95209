/* Who waits for an upstream's answer, and is told of it. */
#ifndef SERVE_WAITER_H
#define SERVE_WAITER_H

#include <sys/queue.h>

#include "../dns/build.h"
#include "answer.h"
#include "request.h"

struct exchange;

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct exchange	*exchange;	/* NULL once that has its answer */
	struct request	*request;	/* its upstream is set then */
};
TAILQ_HEAD(waiters, waiter);

/* What a waiter is told; it belongs to the called from then on. */
struct waiter_events {
	/* The answer, which others may wait for, too. */
	void	(*answered)(struct waiter *, struct answer *);
	/* There is no good answer; reason is for the log and the client. */
	void	(*failed)(struct waiter *, enum dns_ede, const char *reason);
};

#endif
