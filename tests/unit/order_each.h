/* Decoders of order.h for tests that expect one type. */
#ifndef ORDER_EACH_H
#define ORDER_EACH_H

#include <string.h>

#include "order.h"

static inline enum order_err
order_each(const void *buf, size_t len, void *out, size_t size,
    enum order_type first, enum order_type last)
{
	union order order;
	uint8_t type;

	if (len != size)
		return (ORDER_ESIZE);
	memcpy(out, buf, size);
	memcpy(&type, buf, 1);
	if (type < first || type > last)
		return (ORDER_ETYPE);
	return (order_decode(buf, len, &order));
}

static inline enum order_err
order_grant_decode(const void *buf, size_t len, struct order_grant *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_ADD,
	    ORDER_TEST));
}

static inline enum order_err
order_read_decode(const void *buf, size_t len, struct order_read *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_READ,
	    ORDER_READ));
}

static inline enum order_err
order_make_decode(const void *buf, size_t len, struct order_make *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_MAKE,
	    ORDER_MAKE));
}

static inline enum order_err
order_flow_decode(const void *buf, size_t len, struct order_flow *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_FLOW,
	    ORDER_FLOW));
}

static inline enum order_err
order_bound_decode(const void *buf, size_t len, struct order_bound *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_BOUND,
	    ORDER_BOUND));
}

static inline enum order_err
order_commit_decode(const void *buf, size_t len, struct order_commit *out)
{
	return (order_each(buf, len, out, sizeof(*out), ORDER_COMMIT,
	    ORDER_COMMIT));
}

#endif
