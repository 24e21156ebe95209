/* The ledger against an array that is searched from end to end. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "ledger.h"

#define MODEL_MAX	200

/* What the model knows of one grant. */
struct model_entry {
	struct msg_grant grant;
	uint64_t	expiry;
};

static struct model_entry model[MODEL_MAX];
static size_t nmodel;
static uint64_t seed = 20241124;

static unsigned int
pick(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((unsigned int)(seed >> 20) % below);
}

static struct msg_grant
grant(unsigned int n)
{
	struct msg_grant g = { .type = MSG_GRANT, .family = ADDR_V4,
	    .proto = IPPROTO_TCP, .ttl = 1, .port = 443,
	    .client = { 192, 0, 2, 1 }, .label = "x" };

	memcpy(g.dst, &n, sizeof(n));
	return (g);
}

/* Of a small number, so that they come again and again. */
static struct msg_grant
random_grant(void)
{
	struct msg_grant g = grant(pick(40));

	g.family = pick(2) ? ADDR_V4 : ADDR_V6;
	g.proto = pick(2) ? IPPROTO_TCP : IPPROTO_UDP;
	g.port = (uint16_t)(1 + pick(2));
	g.local = (uint8_t)pick(2);
	if (g.local)
		memset(g.client, 0, sizeof(g.client));
	/* Of no account. */
	g.seq = pick(1000);
	g.ttl = pick(1000);
	g.label[0] = (char)('a' + pick(26));
	return (g);
}

static struct model_entry *
model_find(const struct msg_grant *g)
{
	const struct msg_grant *m;
	size_t i;

	for (i = 0; i < nmodel; i++) {
		m = &model[i].grant;
		if (m->family == g->family && m->proto == g->proto &&
		    m->port == g->port && m->local == g->local &&
		    memcmp(m->client, g->client, sizeof(g->client)) == 0 &&
		    memcmp(m->dst, g->dst, sizeof(g->dst)) == 0)
			return (&model[i]);
	}
	return (NULL);
}

static int
model_put(const struct msg_grant *g, uint64_t expiry, size_t max)
{
	struct model_entry *e = model_find(g);

	if (e != NULL) {
		if (expiry > e->expiry)
			e->expiry = expiry;
		return (0);
	}
	if (nmodel == max)
		return (-1);
	model[nmodel].grant = *g;
	model[nmodel++].expiry = expiry;
	return (0);
}

static void
model_restore(const struct msg_grant *g, uint64_t expiry)
{
	struct model_entry *e = model_find(g);

	if (expiry == 0)
		*e = model[--nmodel];
	else
		e->expiry = expiry;
}

static void
model_expire(uint64_t now)
{
	size_t i;

	for (i = 0; i < nmodel;) {
		if (model[i].expiry <= now)
			model[i] = model[--nmodel];
		else
			i++;
	}
}

static void
compare_all(const struct ledger *l)
{
	size_t i;

	cr_assert_eq(ledger_count(l), nmodel);
	for (i = 0; i < nmodel; i++)
		cr_assert_eq(ledger_expiry(l, &model[i].grant),
		    model[i].expiry);
}

/* Enter a random grant in both, and take it back now and then. */
static void
random_put(struct ledger *l, uint64_t now)
{
	struct msg_grant g = random_grant();
	struct model_entry *e = model_find(&g);
	uint64_t before = e == NULL ? 0 : e->expiry;
	uint64_t expiry = now + 1 + pick(100);
	int r;

	cr_assert_eq(ledger_expiry(l, &g), before);
	r = model_put(&g, expiry, ledger_max(l));
	cr_assert_eq(ledger_put(l, &g, expiry), r);
	if (r == 0 && pick(4) == 0) {
		ledger_restore(l, &g, before);
		model_restore(&g, before);
		cr_assert_eq(ledger_expiry(l, &g), before);
	}
}

static void
run_against_model(uint32_t max, unsigned int steps)
{
	struct ledger *l = ledger_new(max);
	uint64_t now = 1000;
	unsigned int i;

	nmodel = 0;
	for (i = 0; i < steps; i++) {
		if (pick(4) > 0)
			random_put(l, now);
		else {
			now += pick(12);
			ledger_expire(l, now);
			model_expire(now);
		}
		cr_assert_eq(ledger_count(l), nmodel,
		    "step %u of %u grants", i, max);
		if (i % 16 == 0)
			compare_all(l);
	}
	ledger_expire(l, UINT64_MAX);
	cr_assert_eq(ledger_count(l), 0);
	ledger_free(l);
}

Test(ledger, G2_P7_agrees_with_the_model)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 8, 9, 64, MODEL_MAX };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		run_against_model(sizes[i], 20000);
}

Test(ledger, G2_never_shortened)
{
	struct ledger *l = ledger_new(4);
	struct msg_grant g = grant(1);

	cr_assert_eq(ledger_put(l, &g, 100), 0);
	cr_assert_eq(ledger_put(l, &g, 99), 0);
	cr_assert_eq(ledger_expiry(l, &g), 100);
	cr_assert_eq(ledger_put(l, &g, 101), 0);
	cr_assert_eq(ledger_expiry(l, &g), 101);
	cr_assert_eq(ledger_count(l), 1);
	/* The longer life is what counts when it ends. */
	ledger_expire(l, 100);
	cr_assert_eq(ledger_expiry(l, &g), 101);
	ledger_expire(l, 101);
	cr_assert_eq(ledger_expiry(l, &g), 0);
	ledger_free(l);
}

/* What the kernel refused is not in the ledger, or as it was. */
Test(ledger, G1_refused_grants_are_taken_back)
{
	struct ledger *l = ledger_new(2);
	struct msg_grant a = grant(1), b = grant(2);

	cr_assert_eq(ledger_put(l, &a, 50), 0);
	cr_assert_eq(ledger_put(l, &b, 60), 0);
	cr_assert_eq(ledger_put(l, &a, 90), 0);
	ledger_restore(l, &a, 50);
	cr_assert_eq(ledger_expiry(l, &a), 50);
	ledger_restore(l, &b, 0);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert_eq(ledger_expiry(l, &b), 0);
	/* Of one that is not there, nothing comes. */
	ledger_restore(l, &b, 0);
	ledger_restore(l, &b, 70);
	cr_assert_eq(ledger_count(l), 1);
	ledger_expire(l, 50);
	cr_assert_eq(ledger_count(l), 0);
	ledger_free(l);
}

Test(ledger, P7_every_part_of_a_grant_counts)
{
	struct ledger *l = ledger_new(100);
	const struct msg_grant first = grant(1);
	struct msg_grant g;
	size_t i;

	cr_assert_eq(ledger_put(l, &first, 10), 0);
	for (i = 0; i < 16; i++) {
		g = first;
		g.client[i] ^= 0x80;
		cr_assert_eq(ledger_expiry(l, &g), 0, "client[%zu]", i);
		g = first;
		g.dst[i] ^= 0x80;
		cr_assert_eq(ledger_expiry(l, &g), 0, "dst[%zu]", i);
	}
	g = first;
	g.port ^= 0x100;
	cr_assert_eq(ledger_expiry(l, &g), 0);
	g = first;
	g.family = ADDR_V6;
	cr_assert_eq(ledger_expiry(l, &g), 0);
	g = first;
	g.proto = IPPROTO_UDP;
	cr_assert_eq(ledger_expiry(l, &g), 0);
	g = first;
	g.local = 1;
	cr_assert_eq(ledger_expiry(l, &g), 0);
	/* The label is a comment, and the rest is of one request. */
	g = first;
	strcpy(g.label, "other");
	g.seq++;
	g.ttl++;
	cr_assert_eq(ledger_expiry(l, &g), 10);
	ledger_free(l);
}

Test(ledger, G11_full_refuses_new_grants_only)
{
	struct ledger *l = ledger_new(3);
	struct msg_grant g;
	unsigned int i;

	cr_assert_eq(ledger_max(l), 3);
	for (i = 0; i < 3; i++) {
		g = grant(i);
		cr_assert_eq(ledger_put(l, &g, 10 + i), 0);
	}
	g = grant(3);
	cr_assert_eq(ledger_put(l, &g, 20), -1);
	cr_assert_eq(ledger_expiry(l, &g), 0);
	cr_assert_eq(ledger_count(l), 3);
	/* Those that are there can be lengthened. */
	g = grant(0);
	cr_assert_eq(ledger_put(l, &g, 30), 0);
	/* What ends makes room. */
	ledger_expire(l, 11);
	cr_assert_eq(ledger_count(l), 2);
	g = grant(3);
	cr_assert_eq(ledger_put(l, &g, 20), 0);
	g = grant(4);
	cr_assert_eq(ledger_put(l, &g, 20), -1);
	ledger_free(l);
}

/* The default of --max-grants, filled and emptied from both ends. */
Test(ledger, P7_full_size_in_any_order, .timeout = 60)
{
	const unsigned int max = 65536;
	struct ledger *l = ledger_new(max);
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < max; i++) {
		g = grant(i);
		/* An odd factor: every expiry from 1 to max once. */
		cr_assert_eq(ledger_put(l, &g, i * 40503U % max + 1), 0);
	}
	g = grant(max);
	cr_assert_eq(ledger_put(l, &g, 1), -1);
	for (i = 1; i <= max; i += 1021) {
		ledger_expire(l, i);
		cr_assert_eq(ledger_count(l), max - i);
	}
	for (i = 0; i < max; i++) {
		g = grant(i);
		cr_assert(ledger_expiry(l, &g) == 0 ||
		    ledger_expiry(l, &g) == i * 40503U % max + 1);
	}
	ledger_expire(l, max);
	cr_assert_eq(ledger_count(l), 0);
	ledger_free(l);
}
