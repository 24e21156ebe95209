/*
 * The upstream's answer to all queries that waited for it.  There may be
 * thousands, and nobody else is to wait for them all.
 */
#ifndef SERVE_DELIVER_H
#define SERVE_DELIVER_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "query.h"

TAILQ_HEAD(waiting, query);

/* Before the first query. */
void	deliver_init(void);

/*
 * Give a parsed answer to each query of the list, some now and the others in
 * the next turns.  The list is empty afterwards; msg is copied where needed.
 */
void	deliver(struct waiting *, const uint8_t *msg, size_t len,
	    const struct dns_response *);

#endif
