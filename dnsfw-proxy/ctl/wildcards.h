/* Names with one parent become a wildcard, where that is asked for (U9). */
#ifndef CTL_WILDCARDS_H
#define CTL_WILDCARDS_H

#include "wants.h"

/*
 * Where least names or more, of whatever clients, have the same parent and the same
 * port, that port is for all names below the parent, for those clients that want it
 * of one.  Never for a public suffix.  wants_tidy() is to follow.
 */
void	wildcards_fold(struct wants *, size_t least);

#endif
