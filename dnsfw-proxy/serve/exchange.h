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

#include <stdbool.h>

#include "waiter.h"

/* Before the first query; events must stay. */
void	exchange_init(const struct waiter_events *events);

/* Wait for the answer to the request, which is msg.  It may fail at once. */
void	exchange_join(struct waiter *, const uint8_t *msg, size_t len);

/* Wait no longer, also for an answer that is about to be told. */
void	exchange_leave(struct waiter *);

/* The client of one that waits has sent it again: another try may begin. */
void	exchange_again(struct exchange *);

/* Look at the deadlines.  False: there is none. */
bool	exchange_tick(void);

#endif
