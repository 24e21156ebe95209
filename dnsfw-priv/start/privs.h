/* What the start has and needs: descriptors, capabilities. */
#ifndef START_PRIVS_H
#define START_PRIVS_H

#include <sys/types.h>

#include <stdbool.h>

#include "keepconf.h"

/* Above every number that a descriptor of any of the processes has. */
#define PRIVS_FD_ASIDE	KEEP_FD_END

/*
 * 0 is /dev/null, 1 and 2 are open, and every number below PRIVS_FD_ASIDE is in
 * use: what is opened from now on is in nobody's way.  What the caller left
 * open is not open any more.
 */
void	privs_descriptors(void);

/*
 * For a child that is to be without power: can it become the user, or are we so
 * that the start will fail anyhow?
 */
bool	privs_can_become(uid_t uid);

/* Is every capability there that the start takes? */
void	privs_check(const struct keepconf *);

#endif
