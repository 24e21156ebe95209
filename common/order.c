/* Orders: copy first, then check every field of the copy. */
#include "order.h"

#include <netinet/in.h>

#include <stdbool.h>
#include <string.h>

#include "addr.h"

#define LABEL_BYTES	"abcdefghijklmnopqrstuvwxyz0123456789._*-"

static const uint8_t sizes[] = {
	[ORDER_ADD ... ORDER_TEST] = sizeof(struct order_grant),
	[ORDER_READ] = sizeof(struct order_read), [ORDER_MAKE] = sizeof(struct order_make),
	[ORDER_FLOW] = sizeof(struct order_flow), [ORDER_BOUND] = sizeof(struct order_bound),
	[ORDER_COMMIT] = sizeof(struct order_commit),
};

static bool
all_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len && b[i] == 0; i++)
		;
	return (i == len);
}

/* The bytes that the family does not use must be zero. */
static bool
fits_family(uint8_t family, const uint8_t bytes[16])
{
	return (family == ADDR_V6 || all_zero(bytes + 4, 12));
}

static bool
is_transport(uint8_t proto)
{
	return (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
}

/* A text that ends, and from there on it is zero. */
static bool
is_padded(const char *text, size_t size)
{
	size_t n = size;

	while (n > 0 && text[n - 1] == '\0')
		n--;
	return (text[size - 1] == '\0' && memchr(text, '\0', n) == NULL);
}

static enum order_err
check_grant(const struct order_grant *g)
{
	const bool add = g->type == ORDER_ADD;

	return (g->pad != 0 ? ORDER_EPAD :
	    g->local > 1 ? ORDER_EVALUE :
	    addr_len(g->family) == 0 ? ORDER_EFAMILY :
	    !fits_family(g->family, g->client) || !fits_family(g->family, g->dst) ||
	    (g->local == 1 && !all_zero(g->client, 16)) ? ORDER_EADDR :
	    add && !is_transport(g->proto) ? ORDER_EPROTO :
	    add && g->port == 0 ? ORDER_EPORT :
	    (g->left == 0) == add ? ORDER_ETIME :
	    (g->how & ~(add ? ORDER_FRESH | ORDER_SPARE : 0)) != 0 ? ORDER_EVALUE :
	    !is_padded(g->label, ORDER_LABEL_SIZE) || (g->label[0] != '\0') != add ||
	    strspn(g->label, LABEL_BYTES) != strlen(g->label) ? ORDER_ELABEL : ORDER_OK);
}

static enum order_err
check_tuple(const struct order_flow *f)
{
	return (f->pad != 0 || f->pad2 != 0 ? ORDER_EPAD :
	    addr_len(f->family) == 0 ? ORDER_EFAMILY :
	    !fits_family(f->family, f->src) || !fits_family(f->family, f->dst) ? ORDER_EADDR :
	    !is_transport(f->proto) ? ORDER_EPROTO : ORDER_OK);
}

/* Either protocol and port are said, or neither: then it was coarsened. */
static enum order_err
check_bound(const struct order_bound *b)
{
	return (b->pad != 0 ? ORDER_EPAD :
	    b->proto != 0 && !is_transport(b->proto) ? ORDER_EPROTO :
	    (b->proto == 0) != (b->port == 0) ? ORDER_EPORT :
	    b->family != 0 && addr_len(b->family) == 0 ? ORDER_EFAMILY :
	    b->prefix > 8 * addr_len(b->family) || !fits_family(b->family, b->base) ||
	    (b->family == 0 && !all_zero(b->base, 16)) ? ORDER_EADDR : ORDER_OK);
}

size_t
order_size(uint8_t type)
{
	return (type < sizeof(sizes) ? sizes[type] : 0);
}

enum order_err
order_decode(const void *buf, size_t len, union order *out)
{
	if (len == 0 || len > sizeof(*out))
		return (ORDER_ESIZE);
	memcpy(out, buf, len);
	if (order_size(out->type) != len)
		return (order_size(out->type) == 0 ? ORDER_ETYPE : ORDER_ESIZE);
	switch (out->type) {
	case ORDER_READ:
		return (out->read.pad != 0 ? ORDER_EPAD :
		    is_padded(out->read.name, ORDER_NAME_SIZE) ? ORDER_OK : ORDER_ELABEL);
	case ORDER_MAKE:
		return (!all_zero(out->make.pad, sizeof(out->make.pad)) ? ORDER_EPAD :
		    out->make.sub < 4 && out->make.sets < 16 && out->make.rules < 16 ?
		    ORDER_OK : ORDER_EVALUE);
	case ORDER_FLOW:
		return (check_tuple(&out->flow));
	case ORDER_BOUND:
		return (check_bound(&out->bound));
	case ORDER_COMMIT:
		return (!all_zero(out->commit.pad, sizeof(out->commit.pad)) ? ORDER_EPAD :
		    out->commit.bounds <= ORDER_BOUNDS_MAX ? ORDER_OK : ORDER_EVALUE);
	default:
		return (check_grant(&out->grant));
	}
}
