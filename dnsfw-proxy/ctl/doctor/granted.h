/* What a list can grant, to whom. */
#ifndef DOCTOR_GRANTED_H
#define DOCTOR_GRANTED_H

#include "../../acl/bounds.h"

struct list;

/* Tell of each (client subnet, protocol, port), those of one subnet together. */
void	granted_each(const struct list *, acl_bound_fn *fn, void *arg);

#endif
