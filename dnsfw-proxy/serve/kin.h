/*
 * Which addresses the kernel's neighbour table gives to one machine, as the keeper
 * tells (--hosts neighbours, U11).  What the list puts in a host is not of one.
 */
#ifndef SERVE_KIN_H
#define SERVE_KIN_H

#include <stdbool.h>

#include "hostmsg.h"

struct acl_image;

#define KIN_MAX	MSG_MACHINE_MAX

/*
 * The address is of that machine from now on, or of none.  More of them than there
 * can be end the program.
 */
void	kin_take(const struct msg_neighbour *);

/*
 * All addresses of the client's machine that are of no host, its own among them, in
 * an order that is the same whichever of them is asked for; returns how many.  None,
 * if the client is of no machine.  There may be no list so far.
 */
unsigned int kin_list(const struct acl_image *, const struct addr *client,
	    struct addr out[KIN_MAX]);

/*
 * Make the client's address that which stands for all of its machine: the lowest,
 * so one of IPv4 if there is one.
 */
void	kin_first(const struct acl_image *, struct addr *client);

/* Are the two of one machine, and of no host? */
bool	kin_are_one(const struct acl_image *, const struct addr *,
	    const struct addr *);

#endif
