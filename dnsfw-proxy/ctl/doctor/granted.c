/* What a list can grant, to whom. */
#include "granted.h"

#include <stdint.h>

#include "../list.h"

void
granted_each(const struct list *l, acl_bound_fn *fn, void *arg)
{
	const struct acl_compiled c = {
	    .image = (void *)(uintptr_t)l->image };
	int coarsened;

	(void)acl_bounds(&c, SIZE_MAX, fn, arg, &coarsened);
}
