/* Families whose chain comes, goes, and comes again. */
#ifndef KEEP_CHAINS_H
#define KEEP_CHAINS_H

#include <stdint.h>

/* MSG_FAMILY_*, a bit each. */
struct chains {
	uint8_t		seen;		/* had their chain at the last look */
	uint8_t		logged;		/* are said to have none */
};

/*
 * Of those that are there: families whose chain was made after the start, and is
 * new at this look.  What is in their sets is to be taken over, as it would have
 * been then.  One whose sets are not as ours is left out; the log says why.
 */
uint8_t	chains_fresh(struct chains *, uint8_t there);

/* What they had is in the ledger now: they are served, and looked at again. */
void	chains_serve(uint8_t fresh);

/* Say which of those that are served have gone, once. */
void	chains_log(struct chains *, uint8_t there);

#endif
