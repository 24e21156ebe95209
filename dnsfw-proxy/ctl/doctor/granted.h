/* What a list can grant, to whom. */
#ifndef DOCTOR_GRANTED_H
#define DOCTOR_GRANTED_H

#include "../../acl/bounds.h"

struct acl_decision;
struct list;
struct list_rule;

/* Tell of each (client subnet, protocol, port), those of one subnet together. */
void	granted_each(const struct list *, acl_bound_fn *fn, void *arg);

/* The rule of one of the decision's lines that opens the port; NULL: none does. */
const struct list_rule *granted_by(const struct list *,
	    const struct acl_decision *, uint8_t proto, uint16_t port);

#endif
