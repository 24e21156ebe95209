/*
 * How often a client may ask: --client-rate messages a second, and as many at once.
 * An IPv4 client is its address, an IPv6 one its /64; what the list or the
 * neighbour table takes for one client (share.h) is several here.
 */
#ifndef SERVE_RATE_H
#define SERVE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

/*
 * Before the first client.  Without --client-rate it makes nothing, and nothing
 * else is to be called.
 */
void	rate_init(void);

/* May it ask one more now?  Then it has one token less. */
bool	rate_take(const struct addr *client);

/*
 * The same for one that has waited since then.  If the client's other messages
 * take each token as it comes, it has the next one in advance: what comes over TCP
 * is certainly of the client.
 */
bool	rate_take_waiting(const struct addr *client, uint64_t since);

/* What it asked is dropped, or waits: count, and log once a minute. */
void	rate_exceeded(const struct addr *client);

#endif
