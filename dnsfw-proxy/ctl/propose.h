/* The list that is suggested, as text or as JSON (U9). */
#ifndef CTL_PROPOSE_H
#define CTL_PROPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "needs.h"

/* What is said with it. */
struct propose {
	bool		json;
	unsigned int	group;		/* number of the last one that there is */
	unsigned int	groups_left;	/* that may be made */
};

/* Write all rules on standard output. */
void	propose_rules(struct propose *, const struct needs *);

/* A name that the list to be added to blocks for a client, in that line of file. */
void	propose_blocked(const struct propose *, const struct want *,
	    const char *file, uint32_t line);

#endif
