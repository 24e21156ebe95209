/* What the -> rules of a list can grant at all (P7). */
#ifndef ACL_BOUNDS_H
#define ACL_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "compile.h"

/* One (client subnet, protocol, port) that a -> rule names; proto IPPROTO_*. */
typedef void acl_bound_fn(void *arg, const struct addr_net *client,
    uint8_t proto, uint16_t port);

/*
 * Call bound once for each distinct triple of the compiled image.  If there
 * are more than max, proto and port are coarsened to 0 ("any") per subnet
 * until they fit, and in the end to the two nets 0.0.0.0/0 and ::/0.
 * Returns the number reported; *coarsened says whether it came to that.
 */
size_t	acl_bounds(const struct acl_compiled *c, size_t max, acl_bound_fn *bound,
	    void *arg, int *coarsened);

#endif
