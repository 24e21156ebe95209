/*
 * Which addresses are one client, a host, by the list in force (U11), as the
 * compiler tells.
 */
#ifndef KEEP_HOSTS_H
#define KEEP_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "msg.h"

/* Another list is being made: what came for one before is forgotten. */
void	hosts_begin(void);

/* The next address of it; false: too many, or not in their order. */
bool	hosts_take(const struct msg_host *);

/* That list is in force, with so many workers. */
void	hosts_commit(unsigned int workers);

/* Does some address of the client's host reach the worker?  client as in messages. */
bool	hosts_reach(uint8_t family, const uint8_t client[16], unsigned int worker);

/*
 * Make the client's address that which stands for all of its host: its first one,
 * or the first of its first network.  False: it has none.
 */
bool	hosts_first(struct addr *client);

/* Is it in a network of a host, and none of the addresses that hosts have? */
bool	hosts_in_network(const struct addr *client);

#endif
