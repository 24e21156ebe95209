/*
 * The tries of one exchange: whom to ask next, and what is made of the answers
 * (D5, D6, D10, D11, D15).  Who waits for them is exchange.h's (D12).
 */
#ifndef SERVE_TRIES_H
#define SERVE_TRIES_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "waiter.h"

#define INLINE_MAX	512	/* octets of a message without an allocation */
#define TRIES_RESENDS	4	/* of what cannot be sent from here */

/* The answer of an upstream that cannot, or will not (D6). */
struct refusal {
	uint8_t		upstream;
	size_t		len;
	uint8_t		msg[];
};

struct exchange {
	LIST_ENTRY(exchange) same_hash;
	TAILQ_ENTRY(exchange) by_deadline;	/* or free */
	TAILQ_ENTRY(exchange) by_step;
	TAILQ_ENTRY(exchange) by_resend;
	TAILQ_ENTRY(exchange) by_turn;	/* waits, or is about to begin */
	struct turn	*turn;		/* of its question */
	struct lane	*lane;		/* of its turn, while it waits there */
	bool		queued;		/* waits for its turn: no tries yet */
	struct waiters	waiting;	/* never empty */
	struct attempts	tries;		/* under way */
	struct quota	*quota;		/* of the first query */
	struct dns_query dns;		/* the same */
	uint64_t	deadline;
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
	bool		resending;	/* is in a list by_resend */
	unsigned int	nresends;	/* how often it was */
	unsigned int	breaks;		/* TCP: connections that broke under it */
	bool		reconnected;	/* TCP: one of these had no answer */
	bool		accepted;	/* TCP: one of these took questions */
	bool		for_tcp;	/* no truncated answer will do */
	bool		tcp;		/* to the upstream, now */
	const char	*broken;	/* what was wrong with an answer */
	struct refusal	*refusal;	/* the last one, or NULL */
	uint8_t		*msg;		/* as the first query had it, but the id */
	size_t		len;
	uint8_t		space[INLINE_MAX];
};
TAILQ_HEAD(exchanges, exchange);

/* It ends: nothing of its tries is to be left (tries_end()). */
struct tries_events {
	/* With this answer of that upstream, parsed as r. */
	void	(*done)(struct exchange *, int upstream, const uint8_t *msg,
		    size_t len, const struct dns_response *r);
	void	(*failed)(struct exchange *, enum dns_ede, const char *reason);
};

/* Before the first query; events must stay. */
void	tries_init(const struct tries_events *events);

/*
 * A new exchange, of which queue.h's links, waiting, dns, deadline, for_tcp,
 * tcp, msg, and len are set: it has no tries yet, but may end.
 */
void	tries_prepare(struct exchange *);

/* Ask for it.  It may end at once. */
void	tries_begin(struct exchange *);

/* Somebody has lost patience: ask once more, if that is not too much. */
void	tries_more(struct exchange *);

/* Its time is up: it ends. */
void	tries_expire(struct exchange *);

/* It ends: nothing of its tries is left. */
void	tries_end(struct exchange *);

/* Look at the deadlines. */
void	tries_tick(void);

#endif
