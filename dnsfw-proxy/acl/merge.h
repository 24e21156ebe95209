/* Which set of rules a subnet has, from its own and its groups'. */
#ifndef ACL_MERGE_H
#define ACL_MERGE_H

#include <stdbool.h>

struct build;

/*
 * Give each subnet for which something was written its set, and drop the others.
 * Subnets with the same rules have the same one.  What conflicts is reported (A6);
 * false: the build has ended.
 */
bool	merge_sets(struct build *);

#endif
