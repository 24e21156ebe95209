/*
 * The block rules of a list, by client and name: which of them does a rule for
 * fewer clients and more names pass over, as the smaller network comes first (A4)?
 */
#ifndef CTL_BLOCKS_H
#define CTL_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct blocks {
	const struct list *list;
	uint8_t		*octets;	/* of all keys */
	struct block	*at;		/* sorted by their keys; NULL: not yet */
	uint32_t	 n;
	bool		 prefixes[2][129]; /* IPv4, IPv6: there are such blocks */
};

/* They are collected when they are first asked for.  blocks_free() is to be called. */
void	blocks_init(struct blocks *, const struct list *);

void	blocks_free(struct blocks *);

/*
 * The line of the first block that the rule, an allow rule with a wildcard, passes
 * over; 0: there is none.  A block that another rule, for the name itself, opens
 * or repeats for the rule's clients does not count, and of many that do not, only
 * BLOCKS_LOOKS are looked at.
 */
#define BLOCKS_LOOKS	64
uint32_t blocks_passed_over(struct blocks *, const struct list_rule *,
	    const struct parse_rule *);

#endif
