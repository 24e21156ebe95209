/*
 * The names above those that are allowed: a validator asks for the keys of
 * each of them (D17).
 */
#ifndef ACL_ANCESTORS_H
#define ACL_ANCESTORS_H

#include <stdbool.h>

struct build;

/*
 * Note the ancestors of all that is allowed.  False, and reported: no memory,
 * or too many.
 */
bool	build_ancestors(struct build *);

#endif
