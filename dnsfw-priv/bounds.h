/*
 * What the policy can grant at all (P7): the (client subnet, protocol, port)
 * triples that the compiler reported.  A grant outside of these is refused,
 * whatever a proxy says.
 */
#ifndef PRIV_BOUNDS_H
#define PRIV_BOUNDS_H

#include <stdbool.h>

#include "msg.h"

#define BOUNDS_MAX	65536	/* triples of one policy */

struct bounds;

/* Empty bounds, to free(): nothing can be granted.  fatal() without memory. */
struct bounds *bounds_new(void);

/* Empty again. */
void	bounds_clear(struct bounds *);

/* Add one triple.  Returns 0, or -1 if there are BOUNDS_MAX already. */
int	bounds_add(struct bounds *, const struct msg_bound *);

/*
 * True if a triple covers the grant's client, protocol and port.  A local
 * grant (G5) is covered by any triple whose subnet has a loopback address.
 */
bool	bounds_cover(const struct bounds *, const struct msg_grant *);

#endif
