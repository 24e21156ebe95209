/*
 * One request of a client, from its first byte to its answer.
 *
 *	query_receive ─► refused, answered here, malformed: replied at once
 *	      └► exchange_join ─► query_answered ─► grants ─► query_reply
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/build.h"
#include "../dns/message.h"
#include "request.h"
#include "waiter.h"

/* Header and question: what an answer made here repeats. */
#define QUERY_HEAD_MAX	(DNS_HEADER_SIZE + DNS_NAME_MAX + 4)

struct query {
	TAILQ_ENTRY(query) unused;
	struct request	request;
	struct waiter	waiter;
	bool		 wants_grants;	/* -> : what the answer names is vetted */
	struct held	*held;		/* while grants are on their way */
	uint8_t		 head[QUERY_HEAD_MAX];	/* request.msg, later */
};

/* Before the first client. */
void	query_init(void);

/* A message from a client, as the fronts say. */
asker_receive query_receive;

/* Log an answer that passes without a grant, or the error that it is. */
void	query_log_passed(const struct query *, const struct dns_response *);

/* There is no good answer: SERVFAIL, and the reason for the log and as EDE. */
void	query_failed(struct query *, enum dns_ede, const char *reason);

/*
 * Send an answer (not larger than the client takes) and end the query.  The
 * id and the question's spelling become the client's, in place.
 */
void	query_reply(struct query *, uint8_t *msg, size_t len);

#endif
