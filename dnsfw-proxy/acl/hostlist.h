/* The hosts of a list under construction (U11). */
#ifndef ACL_HOSTLIST_H
#define ACL_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "build.h"

/*
 * Take an address, or a network, of the host that the group is, at that place of a
 * line; what is wrong is reported.  False: the build has ended.
 */
bool	hostlist_add(struct build *, struct group *, uint32_t line, size_t at,
	    const struct addr_net *);

#endif
