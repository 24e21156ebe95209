/* Who is one client. */
#include "share.h"

#include <stddef.h>

#include "../acl/hosts.h"
#include "kin.h"

#define PREFIX	64	/* of a network: a host in it chooses the rest */

struct addr
share_of(const struct acl_image *image, const struct addr *client)
{
	struct addr a = *client;

	if (image != NULL && acl_host_first(image, &a))
		return (a);
	kin_first(image, &a);
	if (a.family == ADDR_V6)
		addr_mask(&a, PREFIX);
	return (a);
}
