/* Names with one parent become a wildcard, where that is asked for (U9). */
#ifndef CTL_WILDCARDS_H
#define CTL_WILDCARDS_H

#include "wants.h"

/*
 * Where a client wants the same port of least names or more with the same parent,
 * that port is for all names below the parent, for that client: what others want
 * gives it nothing.  Never for a public suffix.  wants_tidy() is to follow.
 */
void	wildcards_fold(struct wants *, size_t least);

#endif
