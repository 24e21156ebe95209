/*
 * What clients were refused, or did not get, of late (U5).  Workers tell it, and
 * nothing depends on it.  The memory is fixed: a worker has its own places, a
 * client a share of them.  When all are taken the oldest of all goes, if it is an
 * hour old or nobody has much, and else that of who has most.  Each step is
 * bounded, whatever is told.
 */
#ifndef KEEP_REFUSALS_H
#define KEEP_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define REFUSALS_WORKER	4096	/* that one told of */
#define REFUSALS_CLIENT	256	/* of one client */

struct refusal {
	struct msg_refusal told;
	uint64_t	number;		/* ascending, from 1 on */
	uint64_t	id;		/* the first of its numbers */
	uint64_t	first, last;	/* clock_now(), ns */
};

/* Of so many workers; once. */
void	refusals_open(unsigned int workers);

/*
 * Keep what a worker has told now (ns).  One that is as one of the client's last
 * few is one with it, and the client's newest again.  False: it is about a client
 * that the worker does not serve (P5), and is not kept.
 */
bool	refusals_take(unsigned int worker, const struct msg_refusal *,
	    uint64_t now);

/*
 * The client's refusals with numbers above that, at most max, in ascending order.
 * They are there until the next one is taken.  Returns how many.
 */
size_t	refusals_next(const struct addr *client, uint64_t above,
	    const struct refusal **out, size_t max);

/* Places of all workers. */
uint32_t refusals_places(void);

/* What is in place i, below that; or NULL. */
const struct refusal *refusals_place(uint32_t i);

#endif
