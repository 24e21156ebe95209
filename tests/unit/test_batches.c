/*
 * Both backends against a stand-in of the helper and the kernel, which fails,
 * refuses, loses and delays at any message: what is not known is not taken for
 * "no" or "yes", and one bad element does not take the others with it.
 */
#include "batches_rig.h"

static void
any_one_fails(void)
{
	size_t k;

	rig.on_grant = refuse_bad;
	for (k = 0; k < N; k++) {
		fill(N);
		rig.nset = rig.nsent = 0;
		bad = (uint8_t)(k + 1);
		b->add(&batch);
		expect_all_but(k, BACKEND_OK, BACKEND_FAILED);
		cr_expect_eq(rig.nset, N - 1);
		cr_expect_eq(rig.nsent, rig.nft ? 2 : 1);
	}
}

Test(nft, any_one_fails)
{
	any_one_fails();
}

Test(xt, any_one_fails)
{
	any_one_fails();
}

static void
any_one_is_refused(void)
{
	size_t k;

	for (k = 0; k < N; k++) {
		fill(N);
		rig.nset = rig.nsent = 0;
		rig.refuse = 1ULL << k;
		b->add(&batch);
		expect_all_but(k, BACKEND_OK, BACKEND_REFUSED);
		cr_expect_eq(batch.adds[k].refused, ORDER_OUTSIDE);
		cr_expect_eq(rig.nset, N - 1);
		cr_expect_eq(rig.nsent, 1);
	}
}

Test(nft, any_one_is_refused)
{
	any_one_is_refused();
}

Test(xt, any_one_is_refused)
{
	any_one_is_refused();
}

Test(nft, full)
{
	full(ENFILE);
}

Test(xt, full)
{
	full(IPSET_ERR_HASH_FULL);
}

/* It may be there or not: nothing is sent again, as it would be a guess. */
static void
lost(void)
{
	fill(N);
	rig.lose = true;
	b->add(&batch);
	expect_all(BACKEND_UNKNOWN);
	cr_expect_eq(rig.nsent, 1);
	b->remove(&batch);
	expect_all(BACKEND_UNKNOWN);
	b->test(&batch);
	expect_all(BACKEND_UNKNOWN);
	rig.refuse = 1;
	b->add(&batch);
	expect_all_but(0, BACKEND_UNKNOWN, BACKEND_REFUSED);
}

Test(nft, lost)
{
	lost();
}

Test(xt, lost)
{
	lost();
}

Test(nft, silent)
{
	silent();
}

Test(xt, silent)
{
	silent();
}

/* What the first batch told of one stands, the others are not known. */
static int
lose_later(const struct order_grant *o)
{
	rig.lose = rig.nsent > 1;
	return (refuse_bad(o));
}

Test(nft, lost_in_the_second_batch)
{
	rig.on_grant = lose_later;
	bad = 2;
	fill(4);
	b->add(&batch);
	expect_all_but(1, BACKEND_UNKNOWN, BACKEND_FAILED);
}

Test(nft, wrong_to_be_new)
{
	fill(8);
	batch.n = 3;
	b->add(&batch);
	fill(8);
	rig.nsent = 0;
	b->add(&batch);
	expect_all(BACKEND_OK);
	cr_expect_eq(rig.nsent, 2);
	cr_expect_eq(rig.nset, 8);
	cr_expect_not(batch.adds[0].is_new);
	cr_expect(batch.adds[3].is_new);
}

/* A batch that is overtaken by a change of others is sent again, with an end. */
static unsigned int overtaken;

static int
overtake(const struct order_grant *o)
{
	(void)o;
	rig.begin_error = rig.nsent <= overtaken ? ERESTART : 0;
	return (0);
}

Test(nft, overtaken)
{
	rig.on_grant = overtake;
	rig.begin_error = ERESTART;
	overtaken = 4;
	fill(1);
	b->add(&batch);
	expect_all(BACKEND_OK);
	cr_expect_eq(rig.nsent, 5);
	rig.nsent = 0;
	overtaken = 5;
	rig.begin_error = ERESTART;
	b->add(&batch);
	expect_all(BACKEND_FAILED);
	cr_expect_eq(rig.nsent, 5);
}

/* In each batch the first one fails: five rounds. */
static uint32_t first_seq;

static int
refuse_first(const struct order_grant *o)
{
	static size_t record;

	if (record != rig.nsent) {
		record = rig.nsent;
		first_seq = o->seq;
	}
	return (o->seq == first_seq ? EINVAL : 0);
}

Test(nft, rounds_have_an_end)
{
	rig.on_grant = refuse_first;
	fill(N);
	b->add(&batch);
	expect_all(BACKEND_FAILED);
	cr_expect_eq(rig.nsent, 5);
	cr_expect_eq(rig.nset, 0);
}

static void
empty(void)
{
	fill(0);
	b->add(&batch);
	b->remove(&batch);
	b->test(&batch);
	cr_expect_eq(rig.nsent, 0);
}

Test(nft, empty)
{
	empty();
}

Test(xt, empty)
{
	empty();
}

static void
orders(void)
{
	fill(5);
	batch.adds[0].left = 1;
	batch.adds[1].left = 2 * RIG_MS;
	batch.adds[2].left = 2 * RIG_MS + 1;
	batch.adds[3].left = UINT64_MAX / 2;
	batch.adds[4].is_new = false;
	b->add(&batch);
	cr_expect_eq(sent(0)->left, 1);
	cr_expect_eq(sent(1)->left, 2);
	cr_expect_eq(sent(2)->left, 3);
	cr_expect_eq(sent(3)->left, UINT32_MAX);
	cr_expect_eq(sent(0)->how, rig.nft ? ORDER_FRESH : 0);
	cr_expect_eq(sent(4)->how, 0);
	cr_expect_str_eq(sent(0)->label, "a");
	/* The helper would end by a time or a label in these. */
	b->remove(&batch);
	cr_expect_eq(sent(0)->type, ORDER_DEL);
	b->test(&batch);
	cr_expect_eq(sent(0)->type, ORDER_TEST);
}

Test(nft, orders)
{
	orders();
}

Test(xt, orders)
{
	orders();
}

Test(xt, spare)
{
	fill(1);
	batch.adds[0].spare = true;
	b->add(&batch);
	cr_expect_eq(sent(0)->how, ORDER_SPARE);
}

static int
gone_set(const struct order_grant *o)
{
	(void)o;
	return (ENOENT);
}

static void
no_set(void)
{
	rig.on_grant = gone_set;
	fill(2);
	b->add(&batch);
	expect_all(BACKEND_FAILED);
	b->remove(&batch);
	expect_all(BACKEND_OK);
	b->test(&batch);
	expect_all(BACKEND_GONE);
}

Test(nft, no_set)
{
	no_set();
}

Test(xt, no_set)
{
	no_set();
}

static void
tested(void)
{
	fill(3);
	batch.n = 1;
	b->add(&batch);
	batch.n = 3;
	b->test(&batch);
	expect_all_but(0, BACKEND_GONE, BACKEND_OK);
	rig.fail = 2;
	rig.fail_error = EPERM;
	b->test(&batch);
	cr_expect_eq(batch.adds[1].code, BACKEND_FAILED);
	cr_expect_eq(batch.adds[2].code, BACKEND_GONE);
}

Test(nft, tested)
{
	tested();
}

Test(xt, tested)
{
	tested();
}
