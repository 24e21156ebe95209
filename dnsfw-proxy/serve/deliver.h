/*
 * The upstream's answer to all queries that waited for it.  There may be
 * thousands, and nobody else is to wait for them all.
 */
#ifndef SERVE_DELIVER_H
#define SERVE_DELIVER_H

#include <stddef.h>
#include <stdint.h>

#include "waiter.h"

/* Before the first answer; events must stay. */
void	deliver_init(const struct waiter_events *events);

/*
 * Give a parsed answer to each of the list, which has one at least: some now
 * and the others in the next turns.  The list is empty afterwards; msg is copied
 * where needed.
 */
void	deliver(struct waiters *, const uint8_t *msg, size_t len,
	    const struct dns_response *);

/* One of these for whom that is to come later waits no more. */
void	deliver_leave(struct waiter *);

#endif
