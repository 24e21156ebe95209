/*
 * This host's own addresses (G8), as interfaces change.
 *
 * The socket is of the route family; it is opened without any capability, and can
 * change nothing.
 */
#ifndef KEEP_OWN_H
#define KEEP_OWN_H

#include <stdbool.h>

#include "msg.h"
#include "rootlimits.h"

/*
 * Open KEEP_FD_OWN and read all addresses.  After the privileges, before the
 * other confinement.  fatal() on error.
 */
void	own_open(void);

/* LESS: what was forbidden may be allowed now; MORE: also the reverse. */
enum own_change { OWN_NONE = 0, OWN_LESS, OWN_MORE };

/*
 * Take in what has changed.  Also to be called when own_wait() ms are over, if
 * that is not -1: what the kernel did not tell is asked for again then.
 */
enum own_change own_read(void);
int	own_wait(void);

/* Those known, until the next own_read(); returns how many. */
size_t	own_set(const struct msg_own **first);

/*
 * True for an address of this host, for an IPv4 network's broadcast address,
 * and for the address of a network itself: old hosts take it for broadcast,
 * and with IPv6 it is the routers' (RFC 4291 2.6.1).
 */
bool	own_has(const struct addr *a);

/*
 * The same, and for an IPv6 address that embeds such an IPv4 address (G8); but
 * not for what root excepts (--allow-answer).
 */
bool	own_forbids(const struct addr *dst, const struct limits *);

/*
 * False while this host has more than MSG_OWN_MAX addresses: nothing new is to be
 * granted then, as it could be one of those that are not known.
 */
bool	own_is_whole(void);

/* How many are known, for the log. */
unsigned int own_count(void);

#endif
