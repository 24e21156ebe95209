/* Whom the processes become, and who may ask them: the system's databases. */
#ifndef OPTIONS_USERS_H
#define OPTIONS_USERS_H

#include "keepconf.h"

#define USERS_CONTROL_GROUP "dnsfw"	/* may ask at the control socket */

/* Nobody, as the kernel has it: who stands in for a user that does not exist. */
#define USERS_NOBODY	65534

/*
 * Fill in ->users, whose names are there: they exist, none is root, and all are
 * different.  fatalx() if not.
 */
void	users_find(struct keepconf *);

#endif
