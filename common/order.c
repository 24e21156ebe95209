/* Decoders of orders: copy first, then check every field of the copy. */
#include "order.h"

#include <netinet/in.h>

#include <stdbool.h>
#include <string.h>

#include "addr.h"

static bool
all_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++) {
		if (b[i] != 0)
			return (false);
	}
	return (true);
}

/* Size and type: the same first step of every decoder. */
static enum order_err
order_take(const void *buf, size_t len, void *out, size_t size,
    enum order_type type)
{
	if (len != size)
		return (ORDER_ESIZE);
	memcpy(out, buf, size);
	/* The type is the first byte of every message. */
	return (*(const uint8_t *)out == type ? ORDER_OK : ORDER_ETYPE);
}

/* The bytes that the family does not use must be zero. */
static enum order_err
check_address(uint8_t family, const uint8_t bytes[16])
{
	if (family != ADDR_V4 && family != ADDR_V6)
		return (ORDER_EFAMILY);
	if (family == ADDR_V4 && !all_zero(bytes + 4, 12))
		return (ORDER_EADDR);
	return (ORDER_OK);
}

static bool
is_transport(uint8_t proto)
{
	return (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
}

/* At least one byte of [a-z0-9._*-], then only NULs, at least one. */
static enum order_err
check_name(const char label[ORDER_LABEL_SIZE])
{
	size_t n;

	for (n = 0; n < ORDER_LABEL_SIZE && label[n] != '\0'; n++) {
		if (!(label[n] >= 'a' && label[n] <= 'z') &&
		    !(label[n] >= '0' && label[n] <= '9') &&
		    label[n] != '.' && label[n] != '_' && label[n] != '*' &&
		    label[n] != '-')
			return (ORDER_ELABEL);
	}
	if (n == 0 || n == ORDER_LABEL_SIZE ||
	    !all_zero(label + n, ORDER_LABEL_SIZE - n))
		return (ORDER_ELABEL);
	return (ORDER_OK);
}

/* What only ADD has. */
static enum order_err
check_add(const struct order_grant *g)
{
	if (!is_transport(g->proto))
		return (ORDER_EPROTO);
	if (g->port == 0)
		return (ORDER_EPORT);
	if (g->left == 0)
		return (ORDER_ETIME);
	if ((g->how & ~(ORDER_FRESH | ORDER_SPARE)) != 0)
		return (ORDER_EVALUE);
	return (check_name(g->label));
}

enum order_err
order_grant_decode(const void *buf, size_t len, struct order_grant *out)
{
	enum order_err err;

	err = order_take(buf, len, out, sizeof(*out), ORDER_ADD);
	if (err == ORDER_ESIZE || (err == ORDER_ETYPE &&
	    out->type != ORDER_DEL && out->type != ORDER_TEST))
		return (err);
	if (out->pad != 0)
		return (ORDER_EPAD);
	if (out->local > 1)
		return (ORDER_EVALUE);
	if ((err = check_address(out->family, out->client)) != ORDER_OK ||
	    (err = check_address(out->family, out->dst)) != ORDER_OK)
		return (err);
	if (out->local == 1 && !all_zero(out->client, sizeof(out->client)))
		return (ORDER_EADDR);
	if (out->type == ORDER_ADD)
		return (check_add(out));
	if (out->left != 0)
		return (ORDER_ETIME);
	if (out->how != 0)
		return (ORDER_EVALUE);
	return (all_zero(out->label, sizeof(out->label)) ? ORDER_OK :
	    ORDER_ELABEL);
}

enum order_err
order_read_decode(const void *buf, size_t len, struct order_read *out)
{
	enum order_err err;
	size_t n;

	err = order_take(buf, len, out, sizeof(*out), ORDER_READ);
	if (err != ORDER_OK)
		return (err);
	if (out->pad != 0)
		return (ORDER_EPAD);
	n = strnlen(out->name, sizeof(out->name));
	if (n == sizeof(out->name) ||
	    !all_zero(out->name + n, sizeof(out->name) - n))
		return (ORDER_ELABEL);
	return (ORDER_OK);
}

enum order_err
order_make_decode(const void *buf, size_t len, struct order_make *out)
{
	enum order_err err;

	err = order_take(buf, len, out, sizeof(*out), ORDER_MAKE);
	if (err != ORDER_OK)
		return (err);
	if (!all_zero(out->pad, sizeof(out->pad)))
		return (ORDER_EPAD);
	return (out->sub < 4 && out->sets < 16 && out->rules < 16 ?
	    ORDER_OK : ORDER_EVALUE);
}

enum order_err
order_flow_decode(const void *buf, size_t len, struct order_flow *out)
{
	enum order_err err;

	err = order_take(buf, len, out, sizeof(*out), ORDER_FLOW);
	if (err != ORDER_OK)
		return (err);
	if (out->pad != 0 || out->pad2 != 0)
		return (ORDER_EPAD);
	if ((err = check_address(out->family, out->src)) != ORDER_OK ||
	    (err = check_address(out->family, out->dst)) != ORDER_OK)
		return (err);
	return (is_transport(out->proto) ? ORDER_OK : ORDER_EPROTO);
}

enum order_err
order_bound_decode(const void *buf, size_t len, struct order_bound *out)
{
	enum order_err err;

	err = order_take(buf, len, out, sizeof(*out), ORDER_BOUND);
	if (err != ORDER_OK)
		return (err);
	if (out->pad != 0)
		return (ORDER_EPAD);
	/* Either both are said, or neither: then it was coarsened. */
	if (out->proto != 0 && !is_transport(out->proto))
		return (ORDER_EPROTO);
	if ((out->proto == 0) != (out->port == 0))
		return (ORDER_EPORT);
	if (out->family == 0)
		return (out->prefix == 0 && all_zero(out->base,
		    sizeof(out->base)) ? ORDER_OK : ORDER_EADDR);
	if ((err = check_address(out->family, out->base)) != ORDER_OK)
		return (err);
	return (out->prefix <= (out->family == ADDR_V4 ? 32 : 128) ?
	    ORDER_OK : ORDER_EADDR);
}

enum order_err
order_commit_decode(const void *buf, size_t len, struct order_commit *out)
{
	enum order_err err;

	err = order_take(buf, len, out, sizeof(*out), ORDER_COMMIT);
	if (err != ORDER_OK)
		return (err);
	if (!all_zero(out->pad, sizeof(out->pad)))
		return (ORDER_EPAD);
	return (out->bounds <= ORDER_BOUNDS_MAX ? ORDER_OK : ORDER_EVALUE);
}
