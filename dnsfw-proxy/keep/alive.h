/*
 * Do the other processes still answer (O3)?  One that is stopped, or goes round in a
 * loop, has not died.  So each is asked once a second.  What does not answer is in
 * the log within five seconds, and again when it does; and the service manager's
 * watchdog hears of us only while all do.
 */
#ifndef KEEP_ALIVE_H
#define KEEP_ALIVE_H

#include "clock.h"

#define ALIVE_PERIOD	CLOCK_SECOND	/* or less, for a short watchdog */
#define ALIVE_SILENCE	(3 * CLOCK_SECOND)	/* it stands still */

/* The compiler while it makes a list, which takes its time. */
#define ALIVE_LIST	(30 * CLOCK_SECOND)

/* Once a turn, at its end. */
void	alive_step(void);

/* ms until there is something to do. */
int	alive_wait(void);

#endif
