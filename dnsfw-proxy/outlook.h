/*
 * What a policy can grant at all, told to the helper by the compiler itself
 * (P7): neither a captured worker nor a captured keeper can widen it.
 */
#ifndef PROXY_OUTLOOK_H
#define PROXY_OUTLOOK_H

#include <stdbool.h>

#include "acl/compile.h"
#include "order.h"

/* Half of what the helper takes: each may count for this host, too. */
#define OUTLOOK_MAX	(ORDER_BOUNDS_MAX / 2)

/*
 * Is there a helper behind MSG_FD_HELPER?  To be called before the confinement,
 * which allows no such question.
 */
void	outlook_open(void);
bool	outlook_wanted(void);

/*
 * Tell all bounds of the image, and that they are all.  send waits as long as the
 * helper is behind.  Returns whether they had to be coarsened.
 */
bool	outlook_tell(const struct acl_compiled *compiled,
	    void (*send)(int chan, const void *record, size_t len));

#endif
