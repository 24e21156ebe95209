/*
 * How long the keeper waits for the helper and for the kernel.  Once it serves, its
 * workers wait while it does, so it gives up soon; before, nobody waits, and a
 * machine that is slow or busy is no reason to end.
 */
#ifndef KEEP_PATIENCE_H
#define KEEP_PATIENCE_H

#include <poll.h>
#include <stdint.h>

#include "clock.h"

#define PATIENCE_START	(60 * CLOCK_SECOND)	/* for an answer at the start */

/*
 * From here until patience_end(), an answer may take PATIENCE_START; meanwhile is
 * called ten times a second while none comes: it ends the program if that is to end.
 */
void	patience_begin(void (*meanwhile)(void));
void	patience_end(void);

/* When (ns) an answer is late that is waited for from now on. */
uint64_t patience_deadline(uint64_t usual);

/*
 * Until something can be read, or for a part of the time until the deadline.  As
 * poll().
 */
int	patience_poll(struct pollfd *, nfds_t, uint64_t deadline);

#endif
