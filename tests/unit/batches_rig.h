/* What the parts of test_batches.c stand on.  To be included once, by a test program. */
#ifndef BATCHES_RIG_H
#define BATCHES_RIG_H

#include "kernel_rig.h"

#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/ipset/ip_set_hash.h>
#include <linux/netfilter/nf_tables.h>

#include "keep/kernel/backend.h"
#include "keep/kernel/watch.h"

#define N	BACKEND_BATCH_MAX
#define BOTH	(MSG_FAMILY_V4 | MSG_FAMILY_V6)

static const struct backend_config config = { .chain = "c", .table = "t",
    .table_family = NFPROTO_INET, .max_grants = 1000 };

static const struct backend *b;
static struct backend_batch batch;
static struct msg_grant grants[N];

static void
open_backend(const struct backend *which)
{
	rig_on();
	rig_ready();
	ask_open();
	b = which;
	b->open(&config);
	rig.nft = b == &backend_nftables;
	rig.polls = 0;
}

static void
open_nft(void)
{
	open_backend(&backend_nftables);
}

static void
open_xt(void)
{
	open_backend(&backend_ipset);
}

TestSuite(nft, .init = open_nft);
TestSuite(xt, .init = open_xt);

static void
fill(size_t n)
{
	size_t i;

	memset(&batch, 0, sizeof(batch));
	batch.n = n;
	for (i = 0; i < n; i++) {
		grants[i] = (struct msg_grant){ .type = MSG_GRANT,
		    .family = ADDR_V4, .proto = 6, .port = 443,
		    .client = { 10, 0, 0, 1 },
		    .dst = { 192, 0, 2, (uint8_t)(i + 1) }, .label = "a" };
		batch.adds[i] = (struct backend_add){ .grant = &grants[i],
		    .left = CLOCK_SECOND, .is_new = true, .code = 99 };
	}
}

static void
expect_all_but(size_t but, enum backend_code all, enum backend_code one)
{
	size_t i;

	for (i = 0; i < batch.n; i++)
		cr_expect_eq(batch.adds[i].code, i == but ? one : all,
		    "%zu of %zu (not %zu): %u", i, batch.n, but,
		    batch.adds[i].code);
}

static void
expect_all(enum backend_code code)
{
	expect_all_but(N, code, code);
}

/* The one that the kernel never takes. */
static uint8_t bad;
static int bad_error = EINVAL;

static int
refuse_bad(const struct order_grant *o)
{
	return (o->type == ORDER_ADD && o->dst[3] == bad ? bad_error : 0);
}

static __attribute__((unused)) void
full(int error)
{
	rig.on_grant = refuse_bad;
	bad = 2;
	bad_error = error;
	fill(3);
	b->add(&batch);
	expect_all_but(1, BACKEND_OK, BACKEND_FULL);
}

static __attribute__((unused)) void
silent(void)
{
	uint64_t begin = rig.now;

	fill(2);
	rig.silent = true;
	b->add(&batch);
	expect_all(BACKEND_UNKNOWN);
	b->remove(&batch);
	expect_all(BACKEND_UNKNOWN);
	b->test(&batch);
	expect_all(BACKEND_UNKNOWN);
	cr_expect_leq(rig.now - begin, ASK_WAIT + 2 * RIG_MS);
	cr_expect_eq(rig.nsent, 1);
}

static __attribute__((unused)) const struct order_grant *
sent(size_t i)
{
	return ((const struct order_grant *)(const void *)
	    rig_last()->bytes + i);
}

#endif
