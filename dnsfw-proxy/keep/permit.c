/* What may be granted at all. */
#include "permit.h"

#include <string.h>

#include "conf.h"
#include "firewall.h"
#include "own.h"

enum msg_result_code
permit_grant(const struct msg_grant *g)
{
	struct order_grant order = { .type = ORDER_ADD, .family = g->family,
	    .proto = g->proto, .local = g->local, .port = g->port, .left = 1 };
	struct addr dst = { .family = g->family };

	memcpy(dst.bytes, g->dst, sizeof(dst.bytes));
	memcpy(order.client, g->client, sizeof(order.client));
	memcpy(order.dst, g->dst, sizeof(order.dst));
	switch (limits_check(conf_limits, &order)) {
	case ORDER_SENT:
		break;
	case ORDER_FORBIDDEN:
		return (RESULT_FORBIDDEN);
	case ORDER_OUTSIDE:
	case ORDER_TOO_LONG:
	case ORDER_NO_STAMP:
	case ORDER_NO_SET:
	case ORDER_NOT_TAKEN:
	case ORDER_CODE_COUNT:
		return (RESULT_OUTSIDE);
	}
	if (own_forbids(&dst, conf_limits))
		return (RESULT_FORBIDDEN);
	return ((firewall.families & backend_bit(backend_kind(g))) == 0 ?
	    RESULT_OUTSIDE : RESULT_OK);
}
