/*
 * Signals as something to read: first in every turn, so that nothing which
 * others do puts them off (P6).
 */
#ifndef KEEP_SIGNALS_H
#define KEEP_SIGNALS_H

#include <stdbool.h>

#define SIGNALS_RELOAD	0x01	/* SIGHUP */
#define SIGNALS_STATS	0x02	/* SIGUSR1 */
#define SIGNALS_CHILD	0x04	/* SIGCHLD */

/* The number of the one that asks to stop; 0: none came. */
extern int signals_stop;

/* Block them, and open KEEP_FD_SIGNALS.  Before the confinement. */
void	signals_open(void);

/* What has come since the last call, ORed; one to stop is in signals_stop. */
unsigned int signals_take(void);

/*
 * For the start: did SIGCHLD come?  What else came is for signals_take() to tell,
 * when there is somebody to act on it.
 */
bool	signals_child(void);

#endif
