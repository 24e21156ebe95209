/*
 * A question on its way to the upstreams: what those who work on it (exchange.h,
 * turns.h, tries.h, resend.h) know of it.  Its memory is exchange.c's.
 */
#ifndef SERVE_EXCHANGE_STATE_H
#define SERVE_EXCHANGE_STATE_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"
#include "attempt.h"
#include "waiter.h"

#define INLINE_MAX	512	/* octets of a message without an allocation */

struct lane;
struct quota;
struct refusal;
struct turn;

struct exchange {
	LIST_ENTRY(exchange) same_hash;
	TAILQ_ENTRY(exchange) by_deadline;	/* or free */
	TAILQ_ENTRY(exchange) by_step;
	TAILQ_ENTRY(exchange) by_resend;
	TAILQ_ENTRY(exchange) by_turn;	/* waits, or is about to begin */
	struct turn	*turn;		/* of its question */
	struct lane	*lane;		/* of its turn, while it waits there */
	bool		queued;		/* waits for its turn: no tries yet */
	bool		next;		/* its turn has come: about to begin */
	struct waiters	waiting;	/* never empty */
	struct attempts	tries;		/* under way */
	struct quota	*quota;		/* of one that waits: its share */
	struct dns_query dns;		/* the same */
	uint64_t	deadline;
	uint64_t	asked_at;	/* when its first try began */
	uint64_t	step_at;	/* when the next upstream is asked */
	uint64_t	resend_at;	/* when what could not be sent is */
	uint64_t	last_try;	/* when the newest try began */
	uint32_t	tried;		/* upstreams, a bit each: were asked, */
	uint32_t	refused;	/* have answered with an error, */
	uint32_t	unsent;		/* could not be sent to */
	unsigned int	ntries;
	uint8_t		last;		/* upstream of the newest try */
	bool		judged;		/* it has had its time */
	bool		stepping;	/* is in the list by_step */
	bool		resending;	/* is in a list by_resend: see resend.h */
	unsigned int	nresends;	/* how often it was sent again */
	unsigned int	breaks;		/* TCP: connections that broke under it */
	bool		reconnected;	/* TCP: one of these had no answer */
	bool		accepted;	/* TCP: one of these took questions */
	bool		for_tcp;	/* no truncated answer will do */
	bool		tcp;		/* to the upstream, now */
	const char	*broken;	/* what was wrong with an answer */
	struct refusal	*refusal;	/* the last one, or NULL */
	uint8_t		*msg;		/* of the first query, as it goes upstream */
	size_t		len;
	uint8_t		space[INLINE_MAX];	/* of msg, if it is not longer */
};
TAILQ_HEAD(exchanges, exchange);

#endif
