/* Clients whose grants do not match. */
#include "scope.h"

#include <string.h>

#include "addrtext.h"
#include "clock.h"

bool
scope_is_link_local(const struct addr *a)
{
	if (a->family == ADDR_V4)
		return (a->bytes[0] == 169 && a->bytes[1] == 254);
	return (addr_is_link_local6(a));
}

bool
scope_is_local(const struct addr *a)
{
	return (a->family == ADDR_V6 && (a->bytes[0] & 0xfe) == 0xfc);
}

/* An IPv4 network is a /16, an IPv6 one a /64. */
static bool
same_network(const struct addr *a, const struct addr *b)
{
	return (a->family == b->family && memcmp(a->bytes, b->bytes,
	    a->family == ADDR_V4 ? 2 : 8) == 0);
}

bool
scope_may_tell(struct scope_told *told, const struct addr *client,
    uint64_t now)
{
	unsigned int i, at, share = 0;

	while (told->n > 0 && told->at[told->first].until <= now) {
		told->first = (told->first + 1) % SCOPE_CLIENTS;
		told->n--;
	}
	if (told->n == SCOPE_CLIENTS)
		return (false);
	for (i = 0; i < told->n; i++) {
		at = (told->first + i) % SCOPE_CLIENTS;
		if (addr_equal(&told->at[at].client, client))
			return (false);
		share += same_network(&told->at[at].client, client);
	}
	if (share == SCOPE_SHARE)
		return (false);
	at = (told->first + told->n++) % SCOPE_CLIENTS;
	told->at[at].client = *client;
	told->at[at].until = now + SCOPE_PERIOD * CLOCK_SECOND;
	return (true);
}
