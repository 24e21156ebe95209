/*
 * The tries of one exchange: whom to ask next, and what is made of the answers
 * (D5, D6, D10, D11, D15).  Who waits for them is exchange.h's (D12).
 */
#ifndef SERVE_TRIES_H
#define SERVE_TRIES_H

#include <stddef.h>
#include <stdint.h>

#include "../dns/build.h"
#include "exchange_state.h"

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
 * A new exchange, of which quota, waiting, dns, deadline, for_tcp, tcp, msg and
 * len are set: it has no tries yet, but may end.
 */
void	tries_prepare(struct exchange *);

/* Ask for it.  It may end at once. */
void	tries_begin(struct exchange *);

/*
 * A client waits for it no longer: what of its share is in use is of that other
 * one's from now on.
 */
void	tries_pass(struct exchange *, const struct quota *from, struct quota *to);

/* Somebody has lost patience: ask once more, if that is not too much. */
void	tries_more(struct exchange *);

/* Its time is up: it ends. */
void	tries_expire(struct exchange *);

/* It ends: nothing of its tries is left. */
void	tries_end(struct exchange *);

/* Look at the deadlines. */
void	tries_tick(void);

#endif
