/* Who is one client. */
#include "share.h"

#define PREFIX	64	/* of a network: a host in it chooses the rest */

struct addr
share_of(const struct addr *client)
{
	struct addr a = *client;

	if (a.family == ADDR_V6)
		addr_mask(&a, PREFIX);
	return (a);
}
