/* What the start has and needs: descriptors, capabilities, users. */
#ifndef START_PRIVS_H
#define START_PRIVS_H

#include "options.h"

#define PRIVS_CONTROL_GROUP "dnsfw"	/* may ask at the control socket */

/* Above every number that a descriptor of any of the processes has. */
#define PRIVS_FD_ASIDE	KEEP_FD_END

/*
 * 0 is /dev/null, 1 and 2 are open, and every number below PRIVS_FD_ASIDE is in
 * use: what is opened from now on is in nobody's way.  What the caller left
 * open is not open any more.
 */
void	privs_descriptors(void);

/* Are we root, and is every capability there that the start takes? */
void	privs_check(const struct options *o);

/* Fill in ->keep.users: they are there, none is root, and all are different. */
void	privs_users(struct options *o);

#endif
