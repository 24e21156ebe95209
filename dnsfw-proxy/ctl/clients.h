/* Which clients get what: --client-net, and addresses from which none comes. */
#ifndef CTL_CLIENTS_H
#define CTL_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"

#define CLIENTS_NETS_MAX	64

/* The networks of --client-net; none: all clients get answers. */
struct clients_nets {
	struct addr_net	at[CLIENTS_NETS_MAX];
	size_t		n;
};

/*
 * Add "NET,...", each an address or a subnet.  Returns -1, with the reason on
 * stderr, if one is neither, or there are too many.
 */
int	clients_add(struct clients_nets *, const char *text);

/* Do all clients of the net get no answer at all (D13)? */
bool	clients_outside(const struct clients_nets *, const struct addr_net *);

/*
 * Why no client of the net is ever granted anything (G12); NULL: there may be
 * one.  *none: there cannot be such a client.
 */
const char *clients_never(const struct addr_net *, bool *none);

#endif
