/*
 * Questions on their way to the upstream (D5, D6, D11, D12).
 *
 * Queries that are identical but for id and letter case wait for one exchange;
 * of those with one name, type and class a few are open at a time (turns.h).
 * An exchange makes one try after the other, each with an upstream, a port and
 * an id of its own; the first true answer to any of them ends it.
 */
#ifndef SERVE_EXCHANGE_H
#define SERVE_EXCHANGE_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* One message to one upstream; part of what the transport keeps for it. */
struct try {
	LIST_ENTRY(try)	 link;
	struct exchange	*exchange;	/* NULL: not in use */
	uint8_t		 upstream;	/* number in the options */
	bool		 tcp;
	uint16_t	 id;
};

/* Before the first query. */
void	exchange_init(void);

/* Wait for the answer to msg, as q sent it. */
void	exchange_join(struct query *q, const uint8_t *msg, size_t len);

/* The client of one that waits has sent it again: another try may begin. */
void	exchange_again(struct exchange *);

/*
 * Something arrived where the answer to the try is to arrive.  False: it is
 * not the answer (D11).  True: it is, and the try has ended.
 */
bool	exchange_answer(struct try *, const uint8_t *msg, size_t len);

/* What the way of a try was good for before it broke. */
enum way {
	WAY_UNSENT,	/* this host could not send it: that may pass */
	WAY_NONE,	/* nothing was sent, or it is UDP */
	WAY_SENT,	/* it took questions */
	WAY_LEFT,	/* it was left already (exchange_try_left) */
	WAY_ANSWERED	/* others on it had answers: a turn had only not come */
};

/* The try's way is broken; it has ended. */
void	exchange_try_failed(struct try *, enum way);

/* Nothing comes on its way any more: it goes on, and another try begins. */
void	exchange_try_left(struct try *);

/* Look at the deadlines.  False: there is none. */
bool	exchange_tick(void);

#endif
