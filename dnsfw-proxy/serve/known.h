/*
 * Addresses in the IPv6 networks of hosts (U11): the list names a network, and who
 * has asked from an address of it is known to have that one.  A host has made many
 * of them in its time (RFC 8981), so they are forgotten a day after they have asked
 * last.  Each worker learns it of its own clients, and of the others' from the keeper.
 * Nothing of it survives a restart.
 */
#ifndef SERVE_KNOWN_H
#define SERVE_KNOWN_H

#include <stdint.h>

#include "hostmsg.h"

#define KNOWN_MAX	16	/* of a host; who has asked least lately goes */
#define KNOWN_PERIOD	86400	/* seconds */

/*
 * The other workers are told at once, and then again when so many seconds are over:
 * often enough that they know who has asked least lately, and that what was lost on
 * the way is known before the day is over.
 */
#define KNOWN_AGAIN	3600
/* Of a host in a second, after the first KNOWN_MAX: it can make up addresses. */
#define KNOWN_RATE	1

/*
 * A client has asked: if it is of a host's network, and has no line of its own, it
 * is known from now on, and the keeper is told if there are other workers.
 */
void	known_asked(const struct addr *client);

/* The same of a client of another worker, as the keeper says. */
void	known_take(const struct msg_known *);

/* Those of that host of the list in force; returns how many. */
unsigned int known_list(uint32_t host, struct addr out[KNOWN_MAX]);

#endif
