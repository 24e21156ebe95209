/*
 * Which addresses are one machine's (U11): those to which the kernel's neighbour
 * table gives the same hardware address on the same interface.  Who was there first
 * stays: of an address that is on two interfaces, of the MSG_MACHINE_MAX that a
 * machine has, and of MSG_NEIGHBOURS_MAX in all.  The rest are alone.  But the kernel
 * may never forget an address that a machine has had (RFC 8981 has a new one each
 * day), so one that is stale makes room for another one of the machine that is not.
 * Nothing here is of account for an address that the list puts in a host.
 */
#ifndef KEEP_MACHINES_H
#define KEEP_MACHINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostmsg.h"

#define MACHINES_LINK_MAX	32	/* octets of a hardware address */

struct machines_link {
	uint32_t	interface;
	uint32_t	len;
	uint8_t		addr[MACHINES_LINK_MAX];	/* the rest zero */
};

/* With so many workers, each of which is to be told. */
void	machines_open(unsigned int workers);

/* A listing of all begins.  When it ends, what it did not have is gone. */
void	machines_list(void);
void	machines_listed(void);

/* stale: the kernel does not know whether it is still there. */
void	machines_put(const struct machines_link *, const struct addr *,
	    bool stale);
void	machines_remove(uint32_t interface, const struct addr *);

/* There is room now for some that was turned away since the last listing. */
bool	machines_may_more(void);

/* Does some address of the client's machine reach the worker? */
bool	machines_reach(const struct addr *client, unsigned int worker);

/*
 * Make the client's address that which stands for all of its machine: the lowest,
 * so one of IPv4 if there is one.  False: it is of none, or of a host.
 */
bool	machines_first(struct addr *client);

/* Is there something that the worker does not know? */
bool	machines_wait(unsigned int worker);

/* What it is to be told next; returns how many. */
size_t	machines_tell(unsigned int worker,
	    struct msg_neighbour out[MSG_BATCH_MAX]);

/* Those that are of a machine, for the log. */
unsigned int machines_count(void);

#endif
