/* What is wanted, put together as the rules of a list (U9). */
#ifndef CTL_NEEDS_H
#define CTL_NEEDS_H

#include "wants.h"

/* One name, and the clients that want just the same of it. */
struct need {
	struct want	**wants;	/* by client */
	size_t		 n;
};

struct needs {
	struct want	**sorted;
	struct need	*at;
	size_t		 n;
};

/*
 * Put them together: needs of the same clients stand together, those of the most
 * first, and among them those that want the same.
 */
void	needs_make(struct needs *, const struct wants *);
void	needs_free(struct needs *);

/* Are they of the same clients?  And do they want the same? */
bool	needs_same_clients(const struct need *, const struct need *);
bool	needs_same_things(const struct need *, const struct need *);

#endif
