/*
 * What others do to the firewall (G10): the events of nf_tables that concern
 * our table and chain.  ipset sends none.
 */
#ifndef KEEP_WATCH_H
#define KEEP_WATCH_H

#include <stdint.h>

#define WATCH_NAMES	4	/* of our sets */

/* What watch_read returns, ORed. */
#define WATCH_LOST	0x01	/* of ours, something went */
#define WATCH_RULES	0x02	/* what leads where in our table may have changed */
#define WATCH_ADDED	0x04	/* a chain or rule was added to our table */
#define WATCH_UNSURE	0x08	/* events were lost: compare, then conclude */

/* Names that must stay.  family: an NFPROTO_*, NFPROTO_UNSPEC for both. */
struct watch_names {
	uint8_t		 family;
	const char	*table;
	const char	*chain;
	const char	*sets[WATCH_NAMES];	/* NULL: none */
};

/*
 * Listen on KEEP_FD_EVENTS, from which a filter leaves out what the helper does
 * on KEEP_FD_ACT, and what is of other tables only.  fatal() on error.
 */
void	watch_open(const struct watch_names *);

/* All events that are there, up to a limit. */
unsigned int watch_read(void);

#endif
