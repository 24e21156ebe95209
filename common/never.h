/* What G8 never grants, for root to put into the limits.  Pure. */
#ifndef COMMON_NEVER_H
#define COMMON_NEVER_H

#include "rootlimits.h"

/* Fill in ->never and ->embeddings. */
void	never_fill(struct limits *);

#endif
