/* IP addresses and subnets as plain bytes. */
#include "addr.h"

#include <string.h>

size_t
addr_len(uint8_t family)
{
	return (family == ADDR_V4 ? 4 : family == ADDR_V6 ? 16 : 0);
}

void
addr_mask(struct addr *a, unsigned int prefix)
{
	size_t i, full = prefix / 8;

	if (full >= sizeof(a->bytes))
		return;
	a->bytes[full] &= (uint8_t)(0xff00U >> (prefix % 8));
	for (i = full + 1; i < sizeof(a->bytes); i++)
		a->bytes[i] = 0;
}

bool
addr_in_net(const struct addr *a, const struct addr_net *net)
{
	struct addr masked;

	if (a->family != net->base.family)
		return (false);
	masked = *a;
	addr_mask(&masked, net->prefix);
	return (addr_equal(&masked, &net->base));
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return (a->family == b->family &&
	    memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0);
}
