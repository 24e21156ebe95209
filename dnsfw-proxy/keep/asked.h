/*
 * Who has asked from a network of a host (U11): what one worker tells of its clients
 * goes to the others, each of which may have other clients of that host.  What does
 * not fit is lost: it is told again in an hour.
 */
#ifndef KEEP_ASKED_H
#define KEEP_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "hostmsg.h"

/* That are taken of each worker, so many a second, and at once. */
#define ASKED_RATE	100
#define ASKED_BURST	1000

/* Of each that wait for the others to be told. */
#define ASKED_PLACES	64

void	asked_open(unsigned int workers);

/*
 * The worker has told of one at that time (ns).  What is no client of its, or in no
 * host's network by the list in force, is passed over.
 */
void	asked_take(unsigned int worker, const struct msg_known *, uint64_t now);

/* Is there something that the worker does not know? */
bool	asked_waits(unsigned int worker);

/* Tell it, a record at the most: its channel has room. */
void	asked_tell(unsigned int worker);

#endif
