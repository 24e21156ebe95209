/*
 * This host's own addresses (G8), as interfaces change.
 *
 * The socket is of the route family, where CAP_NET_ADMIN could change routes
 * and interfaces.  It cannot be used for that: it was opened without the
 * capability, and the kernel looks at its opener as long as a message has no
 * explicit destination, which the seccomp filter sees to (syscalls.c).
 */
#ifndef PRIV_OWN_H
#define PRIV_OWN_H

#include <stdbool.h>

#include "msg.h"

/*
 * Open the socket as descriptor FD_OWN and read all addresses, the first
 * MSG_OWN_MAX of them: of more there is a warning.  As root, before the
 * confinement.  fatal() on error.
 */
void	own_open(void);

/* LESS: what was forbidden may be allowed now; MORE: also the reverse. */
enum own_change { OWN_NONE = 0, OWN_LESS, OWN_MORE };

/* Take in what has changed. */
enum own_change own_read(void);

/* All of them, until the next own_read(); returns how many. */
size_t	own_set(const struct msg_own **first);

/*
 * True for an address of this host, for an IPv4 network's broadcast address,
 * and for the address of a network itself: old hosts take it for broadcast,
 * and with IPv6 it is the routers' (RFC 4291 2.6.1).
 */
bool	own_has(const struct addr *a);

/* How many are known, for the log. */
unsigned int own_count(void);

#endif
