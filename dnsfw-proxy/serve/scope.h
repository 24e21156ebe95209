/*
 * Clients that ask from one address and connect from another (G12).  A host
 * has a link-local address, often a unique local one (ULA, RFC 4193), and a
 * global one; it takes the one that is most like the destination (RFC 6724
 * section 5), and a grant is for the one that it has asked from.  Pure.
 */
#ifndef SERVE_SCOPE_H
#define SERVE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

#define SCOPE_CLIENTS	1024	/* that are remembered */
#define SCOPE_SHARE	128	/* of these for one network */
#define SCOPE_PERIOD	86400	/* seconds until a client is told of again */

/* Who was told of; zero is nobody.  A ring, the oldest first. */
struct scope_told {
	struct {
		struct addr	client;
		uint64_t	until;
	}		at[SCOPE_CLIENTS];
	unsigned int	first, n;
};

/* fe80::/10 and 169.254.0.0/16: nothing that is forwarded comes from there. */
bool	scope_is_link_local(const struct addr *);

/* fc00::/7. */
bool	scope_is_local(const struct addr *);

/*
 * May the log tell of this client?  Not if it did in the last SCOPE_PERIOD,
 * nor if its share is in use (an IPv6 network is a /64, an IPv4 one a /16), or
 * the whole table.  now is loop.now.
 */
bool	scope_may_tell(struct scope_told *, const struct addr *client,
	    uint64_t now);

#endif
