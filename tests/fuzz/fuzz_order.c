/*
 * A record between the helper and the others.  One decoder at most takes it, as
 * it is, and only what act.c and the keeper may rely on, which is said here in
 * other words.
 */
#include <netinet/in.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "order.h"
#include "report.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* From there on, nothing but zero. */
static void
require_end(const void *text, size_t from, size_t size)
{
	const uint8_t *bytes = text;

	for (; from < size; from++)
		require(bytes[from] == 0);
}

static void
check_addr(uint8_t family, const uint8_t bytes[16])
{
	require(family == ADDR_V4 || family == ADDR_V6);
	require_end(bytes, family == ADDR_V4 ? 4 : 16, 16);
}

static void
check_proto(uint8_t proto)
{
	require(proto == IPPROTO_TCP || proto == IPPROTO_UDP);
}

static void
check_grant(const struct order_grant *g)
{
	const size_t n = strnlen(g->label, ORDER_LABEL_SIZE);

	check_addr(g->family, g->client);
	check_addr(g->family, g->dst);
	require(g->local <= 1 && g->pad == 0);
	if (g->local == 1)
		require_end(g->client, 0, sizeof(g->client));
	require_end(g->label, n, ORDER_LABEL_SIZE);
	if (g->type != ORDER_ADD) {
		require(g->left == 0 && g->how == 0 && n == 0);
		return;
	}
	check_proto(g->proto);
	require(g->port != 0 && g->left != 0);
	require(g->how <= (ORDER_FRESH | ORDER_SPARE));
	require(n > 0 && n < ORDER_LABEL_SIZE && n == strspn(g->label,
	    "abcdefghijklmnopqrstuvwxyz0123456789._*-"));
}

static void
check_read(const struct order_read *r)
{
	const size_t n = strnlen(r->name, ORDER_NAME_SIZE);

	require(r->pad == 0 && n < ORDER_NAME_SIZE);
	require_end(r->name, n, ORDER_NAME_SIZE);
}

static void
check_make(const struct order_make *m)
{
	require(m->sub <= 3 && m->sets <= 0xf && m->rules <= 0xf);
	require_end(m->pad, 0, sizeof(m->pad));
}

static void
check_flow(const struct order_flow *f)
{
	check_addr(f->family, f->src);
	check_addr(f->family, f->dst);
	check_proto(f->proto);
	require(f->pad == 0 && f->pad2 == 0);
}

static void
check_bound(const struct order_bound *b)
{
	require(b->pad == 0);
	if (b->family == 0) {
		require(b->prefix == 0);
		require_end(b->base, 0, sizeof(b->base));
	} else {
		check_addr(b->family, b->base);
		require(b->prefix <= (b->family == ADDR_V4 ? 32 : 128));
	}
	if (b->proto == 0) {
		require(b->port == 0);
	} else {
		check_proto(b->proto);
		require(b->port != 0);
	}
}

static void
check_commit(const struct order_commit *c)
{
	require_end(c->pad, 0, sizeof(c->pad));
	require(c->bounds <= ORDER_BOUNDS_MAX);
}

static void
check_order(const union order *o)
{
	switch (o->type) {
	case ORDER_ADD:
	case ORDER_DEL:
	case ORDER_TEST:
		check_grant(&o->grant);
		return;
	case ORDER_READ:
		check_read(&o->read);
		return;
	case ORDER_MAKE:
		check_make(&o->make);
		return;
	case ORDER_FLOW:
		check_flow(&o->flow);
		return;
	case ORDER_BOUND:
		check_bound(&o->bound);
		return;
	default:
		require(o->type == ORDER_COMMIT);
		check_commit(&o->commit);
	}
}

/* A record is taken as it came, by the decoder of its type; 1 or 0. */
static unsigned int
taken(enum order_err err, size_t right_size, const void *out,
    const uint8_t *data, size_t size)
{
	require((unsigned int)err < ORDER_ERR_COUNT);
	require(*report_err_text(err) != '\0');
	if (err != ORDER_OK)
		return (0);
	require(size == right_size && memcmp(out, data, size) == 0);
	return (1);
}

static unsigned int
orders(const uint8_t *data, size_t size)
{
	union order o;

	if (taken(order_decode(data, size, &o), size == 0 ? 0 :
	    order_size(data[0]), &o, data, size) == 0)
		return (0);
	check_order(&o);
	return (1);
}

/* What the keeper takes. */
static unsigned int
reports(const uint8_t *data, size_t size)
{
	struct order_ready ready;
	struct order_refused refused;
	struct order_error error;
	unsigned int n = 0;

	if (taken(report_ready_decode(data, size, &ready), sizeof(ready),
	    &ready, data, size) != 0) {
		require(ready.type == ORDER_READY &&
		    ready.version == ORDER_VERSION);
		require_end(ready.pad, 0, sizeof(ready.pad));
		n++;
	}
	if (taken(report_refused_decode(data, size, &refused), sizeof(refused),
	    &refused, data, size) != 0) {
		require(refused.type == ORDER_REFUSED && refused.code != 0 &&
		    refused.code < ORDER_CODE_COUNT);
		require_end(refused.pad, 0, sizeof(refused.pad));
		require(*report_code_text(refused.code) != '\0');
		n++;
	}
	if (taken(report_error_decode(data, size, &error), sizeof(error),
	    &error, data, size) != 0) {
		require(error.type == ORDER_ERROR &&
		    error.why >= ORDER_END_EOF && error.why < ORDER_END_LIMIT);
		require_end(error.pad, 0, sizeof(error.pad));
		require(*report_end_text(error.why) != '\0');
		n++;
	}
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	require(orders(data, size) + reports(data, size) <= 1);
	return (0);
}
