/*
 * The requests in flight: each has one of --max-connections places, and one of
 * its client's (quota.h).
 */
#ifndef SERVE_FLIGHT_H
#define SERVE_FLIGHT_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "../dns/message.h"
#include "request.h"
#include "stock.h"
#include "verdict.h"
#include "waiter.h"

struct query {
	TAILQ_ENTRY(query) link;	/* of those in flight, or unused */
	struct stock_item place;
	struct request	request;
	struct waiter	waiter;
	struct verdict	verdict;
	uint8_t		 head[REQUEST_HEAD_MAX];	/* request.msg, later */
};

/* Before the first request. */
void	flight_init(void);

/*
 * A place for the request, which becomes that of the query.  NULL: its client
 * has its share in use, or all places are.  Then *victim is the one that is to
 * go for it (D22), else NULL.
 */
struct query *flight_begin(const struct request *, struct query **victim);
void	flight_end(struct query *);

/*
 * In the order in which they came, which their deadlines have, too; NULL: there
 * is none (more).
 */
struct query *flight_first(void);
struct query *flight_next(const struct query *);

#endif
