/*
 * With --audit: which names clients were answered, and where they connected to then
 * (U8).  Workers tell the one, the kernel's list of connections the other, and
 * nothing depends on it.  The memory is fixed: a worker has its own places, a client
 * a share of them.  What there is no room for is counted, and what was learned
 * stays.  Each step is bounded, whatever is told.
 */
#ifndef KEEP_SEEN_H
#define KEEP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controlmsg.h"
#include "msg.h"
#include "order.h"

#define SEEN_NAMES	32768	/* in all: of one client and one name each */
#define SEEN_CLIENT	2048	/* of a client; and a quarter of a worker's */

/* Of so many workers; once. */
void	seen_open(unsigned int workers);

/*
 * Keep what a worker has told now (ns).  False: it is about a client that the
 * worker does not serve (P5), or there is no room.
 */
bool	seen_take(unsigned int worker, const struct msg_seen *, uint64_t now);

/*
 * A connection: it is of the names that the client has asked for just now and
 * that have its destination, or of the one that was asked for last.  own: it comes
 * from this host, which asks from a loopback address (G5).
 */
void	seen_flow(const struct order_flow *, bool own);

/*
 * What is in the places from *cursor on, at most max, of *looks places at most;
 * both are counted on.  Returns how many.
 */
size_t	seen_next(uint32_t *cursor, unsigned int *looks,
	    struct control_seen *out, size_t max);
uint32_t seen_places(void);

/* How many answers were about a name that there was no room for. */
uint32_t seen_lost(void);

#endif
