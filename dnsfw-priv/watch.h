/*
 * What others do to the firewall (G10): the events of nf_tables that concern
 * our table and chain.  ipset sends none.
 */
#ifndef PRIV_WATCH_H
#define PRIV_WATCH_H

#include <stdint.h>

/* What watch_read returns, ORed. */
#define WATCH_LOST	0x01	/* of ours, something went; or events did */
#define WATCH_RULES	0x02	/* what leads where in our table may have changed */
#define WATCH_ADDED	0x04	/* a chain or rule was added to our table */

/*
 * Listen, before privileges are dropped and after nlsock_open, whose own
 * changes are left out.  family is an NFPROTO_*, NFPROTO_UNSPEC for IPv4 and
 * IPv6.  Both names must stay.  fatal() on error.
 */
void	watch_open(uint8_t family, const char *table, const char *chain);

/* The descriptor to poll, or -1 if there is none. */
int	watch_fd(void);

/* All events that are there. */
unsigned int watch_read(void);

#endif
