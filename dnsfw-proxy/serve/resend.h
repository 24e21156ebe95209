/*
 * Which exchanges are to be sent again later, since this host could not send
 * them: no route, a firewall of our own, no socket.  That may pass (D6).
 */
#ifndef SERVE_RESEND_H
#define SERVE_RESEND_H

#include "exchange_state.h"

#define RESENDS_MAX	4	/* of one exchange */

/* Before the first exchange. */
void	resend_init(void);

/* A new exchange: all has been sent so far. */
void	resend_prepare(struct exchange *);

/*
 * It could not be sent to this upstream, a number in the options.  From now on it
 * waits for its time, if it has not been sent again RESENDS_MAX times; then that
 * upstream is only noted as unsent.
 */
void	resend_later(struct exchange *, int upstream);

/* The exchange ends: it waits no more. */
void	resend_forget(struct exchange *);

/*
 * The next one that is due in this tick, or NULL.  It waits no more, and counts
 * as not tried with those upstreams that it could not be sent to.
 */
struct exchange *resend_next(void);

#endif
