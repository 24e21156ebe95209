/*
 * For Frama-C: the helper's decoding and root's limits, with a record of any
 * bytes and of any size, and any limits whose counts are what start keeps to.
 */
#include <string.h>

#include "__fc_builtin.h"

#include "order.h"
#include "rootlimits.h"

static struct limits limits;
static unsigned char record[ORDER_SIZE_MAX];

/* A record of that type and of a length in that range. */
static void
try_one(unsigned char type, size_t from, size_t to)
{
	union order o;

	Frama_C_make_unknown((char *)record, sizeof(record));
	record[0] = type;
	if (order_decode(record, from == to ? from :
	    (size_t)Frama_C_interval((int)from, (int)to), &o) != ORDER_OK)
		return;
	if (type == ORDER_ADD)
		(void)limits_check(&limits, &o.grant);
}

int
main(void)
{
	unsigned int type;

	Frama_C_make_unknown((char *)&limits, sizeof(limits));
	if (limits.nclients > LIMITS_NETS_MAX ||
	    limits.ndenied > LIMITS_NETS_MAX ||
	    limits.nallowed > LIMITS_NETS_MAX)
		return (0);
	/*@ loop unroll 256; */
	for (type = 0; type < 256; type++) {
		const size_t size = order_size((unsigned char)type);

		if (size > 0)
			try_one((unsigned char)type, size, size);
		try_one((unsigned char)type, 0, size > 0 ? size - 1 :
		    sizeof(record));
		try_one((unsigned char)type, size + 1, sizeof(record));
	}
	return (0);
}
