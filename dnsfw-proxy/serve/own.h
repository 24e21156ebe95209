/*
 * This host's own addresses and its networks' broadcast addresses, as
 * the keeper tells them (G8): they go from answers also where no grant is asked
 * for, so in every section, for both families, and without a firewall.
 */
#ifndef SERVE_OWN_H
#define SERVE_OWN_H

#include "msg.h"

/*
 * One message of a set.  The one that ends it puts the set into settings.vet;
 * until then the one before is in force.  A set that is too long ends the
 * program.
 */
void	own_take(const struct msg_own *);

#endif
