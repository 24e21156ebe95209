/*
 * Addresses in the IPv6 networks of hosts (U11): the list names a network, and who
 * has asked from an address of it is known to have that one.  A host has made many
 * of them in its time (RFC 8981), so they are forgotten a day after they have asked
 * last.  Nothing of it survives a restart.
 */
#ifndef SERVE_KNOWN_H
#define SERVE_KNOWN_H

#include <stdint.h>

#include "addr.h"

#define KNOWN_MAX	16	/* of a host; who has asked least lately goes */
#define KNOWN_PERIOD	86400	/* seconds */

/*
 * A client has asked: if it is of a host's network, and has no line of its own, it
 * is known from now on.
 */
void	known_asked(const struct addr *client);

/* Those of that host of the list in force; returns how many. */
unsigned int known_list(uint32_t host, struct addr out[KNOWN_MAX]);

#endif
