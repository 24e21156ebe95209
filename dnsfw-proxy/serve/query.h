/*
 * One request of a client, from its first byte to its answer.
 *
 *	query_receive ─► refused, answered here, malformed: replied at once
 *	      └► exchange_join ─► query_answered ─► verdict_answer ─► query_leaves
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "../dns/message.h"
#include "request.h"
#include "verdict.h"
#include "waiter.h"

/* Header and question: what an answer made here repeats. */
#define QUERY_HEAD_MAX	(DNS_HEADER_SIZE + DNS_NAME_MAX + 4)

struct query {
	TAILQ_ENTRY(query) link;	/* of those in flight, or unused */
	struct request	request;
	struct waiter	waiter;
	bool		 wants_grants;	/* -> : what the answer names is vetted */
	struct verdict	verdict;
	uint8_t		 head[QUERY_HEAD_MAX];	/* request.msg, later */
};

/* Before the first client. */
void	query_init(void);

/* A message from a client, as the fronts say. */
asker_receive query_receive;

/* Look at the deadlines.  False: there is none. */
bool	query_tick(void);

#endif
