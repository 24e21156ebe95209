/*
 * The kernel's neighbour table, for --hosts neighbours (U11): it is read into
 * machines.h as it changes.
 *
 * The socket is of the route family; it is opened without any capability, and can
 * change nothing.  Without the option there is none, and nothing here does anything.
 */
#ifndef KEEP_NEIGHBOURS_H
#define KEEP_NEIGHBOURS_H

#include <stdbool.h>

/*
 * Open KEEP_FD_NEIGHBOURS and ask for all.  After the privileges, before the other
 * confinement.  fatal() on error.
 */
void	neighbours_open(void);

/* That descriptor, or -1. */
int	neighbours_fd(void);

/*
 * Take in some of what has changed, a bounded part of it.  Also to be called when
 * neighbours_wait() ms are over, if that is not -1: what the kernel did not tell is
 * asked for again then.
 */
void	neighbours_read(void);
int	neighbours_wait(void);

/* Is there something that the worker is to be told? */
bool	neighbours_untold(unsigned int worker);

/* Tell it, a record at the most: its channel has room. */
void	neighbours_tell(unsigned int worker);

#endif
