/*
 * Answers that are made here: refusals, what the list says itself, and failures.  Each
 * is logged, and told to who asks why.  It is sent, but the request goes on to be the
 * caller's.
 */
#ifndef SERVE_RESPOND_H
#define SERVE_RESPOND_H

#include <stddef.h>
#include <stdint.h>

#include "../acl/decide.h"
#include "../dns/build.h"
#include "decision.h"
#include "request.h"

/* A message of any kind leaves, if its client has not. */
void	respond_send(const struct asker *, const uint8_t *msg, size_t len);

/*
 * A query that is malformed, or not for this server; text says in what way, to the
 * client, too, if its OPT was read before what is wrong.
 */
void	respond_bad_query(const struct request *, uint16_t rcode, const char *text);

/* One of a kind that the client's rules for this name do not allow (D4). */
void	respond_kind_refused(const struct request *, const char *text);

/* What the list says of a name that it does not allow; sets the request's rule. */
void	respond_denied(struct request *, const struct acl_decision *);

/* A name by which clients are led around this server (D16). */
void	respond_signal(struct request *, enum decision_signal);

/* There is no good answer: SERVFAIL, and the reason for the log and as EDE. */
void	respond_failed(const struct request *, enum dns_ede, const char *reason);

/* The log's part of that, for an answer that is sent as it came, or not at all. */
void	respond_log_bad_answer(const struct request *, int rcode, const char *text);

#endif
