/* The ledger against an array that is searched from end to end. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "ledger.h"
#include "pick.h"

#define MODEL_MAX	200

/* What the model knows of one grant. */
struct model_entry {
	struct msg_grant grant;
	uint64_t	expiry;
};

static struct model_entry model[MODEL_MAX];
static size_t nmodel;
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
	cr_assert_eq(ledger_put(l, &g, expiry, 1), r);
	if (r == 0 && pick(4) == 0) {
		ledger_restore(l, &g, before, 1);
		model_restore(&g, before);
		cr_assert_eq(ledger_expiry(l, &g), before);
	}
}

static void
run_against_model(uint32_t max, unsigned int steps)
{
	struct ledger *l = ledger_new(max, 0);
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
	struct ledger *l = ledger_new(4, 0);
	struct msg_grant g = grant(1);

	cr_assert_eq(ledger_put(l, &g, 100, 1), 0);
	cr_assert_eq(ledger_put(l, &g, 99, 1), 0);
	cr_assert_eq(ledger_expiry(l, &g), 100);
	cr_assert_eq(ledger_put(l, &g, 101, 1), 0);
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
	struct ledger *l = ledger_new(2, 0);
	struct msg_grant a = grant(1), b = grant(2);

	cr_assert_eq(ledger_put(l, &a, 50, 1), 0);
	cr_assert_eq(ledger_put(l, &b, 60, 1), 0);
	cr_assert_eq(ledger_put(l, &a, 90, 1), 0);
	ledger_restore(l, &a, 50, 1);
	cr_assert_eq(ledger_expiry(l, &a), 50);
	ledger_restore(l, &b, 0, 0);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert_eq(ledger_expiry(l, &b), 0);
	/* Of one that is not there, nothing comes. */
	ledger_restore(l, &b, 0, 0);
	ledger_restore(l, &b, 70, 1);
	cr_assert_eq(ledger_count(l), 1);
	ledger_expire(l, 50);
	cr_assert_eq(ledger_count(l), 0);
	ledger_free(l);
}

Test(ledger, P7_every_part_of_a_grant_counts)
{
	struct ledger *l = ledger_new(100, 0);
	const struct msg_grant first = grant(1);
	struct msg_grant g;
	size_t i;

	cr_assert_eq(ledger_put(l, &first, 10, 1), 0);
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
	struct ledger *l = ledger_new(3, 0);
	struct msg_grant g;
	unsigned int i;

	cr_assert_eq(ledger_max(l), 3);
	for (i = 0; i < 3; i++) {
		g = grant(i);
		cr_assert_eq(ledger_put(l, &g, 10 + i, 1), 0);
	}
	g = grant(3);
	cr_assert_eq(ledger_put(l, &g, 20, 1), -1);
	cr_assert_eq(ledger_expiry(l, &g), 0);
	cr_assert_eq(ledger_count(l), 3);
	/* Those that are there can be lengthened. */
	g = grant(0);
	cr_assert_eq(ledger_put(l, &g, 30, 1), 0);
	/* What ends makes room. */
	ledger_expire(l, 11);
	cr_assert_eq(ledger_count(l), 2);
	g = grant(3);
	cr_assert_eq(ledger_put(l, &g, 20, 1), 0);
	g = grant(4);
	cr_assert_eq(ledger_put(l, &g, 20, 1), -1);
	ledger_free(l);
}

/* The default of --max-grants, filled and emptied from both ends. */
Test(ledger, P7_full_size_in_any_order, .timeout = 60)
{
	const unsigned int max = 65536;
	struct ledger *l = ledger_new(max, 0);
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < max; i++) {
		g = grant(i);
		/* An odd factor: every expiry from 1 to max once. */
		cr_assert_eq(ledger_put(l, &g, i * 40503U % max + 1, 1), 0);
	}
	g = grant(max);
	cr_assert_eq(ledger_put(l, &g, 1, 1), -1);
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

/* A9 */
Test(ledger, A9_removed_before_its_time)
{
	struct ledger *l = ledger_new(100, 0);
	struct msg_grant g, other = grant(1000);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		g = grant(i);
		cr_assert_eq(ledger_put(l, &g, 1 + i * 37 % 100, 1), 0);
	}
	for (i = 0; i < 100; i += 2) {
		g = grant(i);
		ledger_remove(l, &g);
		ledger_remove(l, &other);
	}
	cr_assert_eq(ledger_count(l), 50);
	for (i = 0; i < 100; i++) {
		g = grant(i);
		cr_assert_eq(ledger_expiry(l, &g), i % 2 == 0 ? 0 :
		    1 + i * 37 % 100);
	}
	ledger_expire(l, 50);
	for (i = 1; i < 100; i += 2) {
		g = grant(i);
		cr_assert_eq(ledger_expiry(l, &g) != 0,
		    1 + i * 37 % 100 > 50);
	}
	ledger_free(l);
}

Test(ledger, A9_every_grant_is_visited_whatever_goes)
{
	struct ledger *l = ledger_new(1000, 0);
	const struct msg_grant *next;
	struct msg_grant g;
	unsigned int i, seen = 0;
	uint32_t cursor = 0;

	for (i = 0; i < 1000; i++) {
		g = grant(i);
		snprintf(g.label, sizeof(g.label), "n%u", i);
		cr_assert_eq(ledger_put(l, &g, 10, 1), 0);
	}
	while ((next = ledger_next(l, &cursor)) != NULL) {
		cr_assert_eq(next->label[0], 'n');
		g = *next;
		if (seen++ % 3 == 0)
			ledger_remove(l, &g);
	}
	cr_assert_eq(seen, 1000);
	cr_assert_eq(ledger_count(l), 666);
	for (cursor = 0, seen = 0; ledger_next(l, &cursor) != NULL; seen++)
		;
	cr_assert_eq(seen, 666);
	ledger_free(l);
}

Test(ledger, A9_label_and_time_of_the_last_request)
{
	struct ledger *l = ledger_new(10, 0);
	struct msg_grant g = grant(1), was;

	strcpy(g.label, "a.example");
	cr_assert_eq(ledger_put(l, &g, 100, 7), 0);
	was = *ledger_find(l, &g);
	strcpy(g.label, "b.example");
	cr_assert_eq(ledger_put(l, &g, 50, 8), 0);
	cr_assert_str_eq(ledger_find(l, &g)->label, "b.example");
	cr_assert_eq(ledger_expiry(l, &g), 100);
	cr_assert_eq(ledger_since(l, &g), 8);
	cr_assert_eq(ledger_put(l, &g, 120, 0), 0);
	cr_assert_eq(ledger_since(l, &g), 8, "0 leaves it");
	ledger_restore(l, &was, 100, 7);
	cr_assert_eq(ledger_since(l, &g), 7);
	cr_assert_str_eq(ledger_find(l, &g)->label, "a.example");
	cr_assert_eq(ledger_expiry(l, &g), 100);
	ledger_free(l);
}

/* G9: what was live before counts, and is kept, beyond the limit. */
Test(ledger, G9_room_for_more_than_may_be_granted)
{
	struct ledger *l = ledger_new(2, 5);
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		g = grant(i);
		cr_assert_eq(ledger_put(l, &g, 10 + i, 1), 0);
		cr_assert_eq(ledger_admits(l, &g), i < 1);
	}
	g = grant(5);
	cr_assert_eq(ledger_put(l, &g, 10, 1), -1);
	ledger_expire(l, 13);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert(ledger_admits(l, &g));
	ledger_free(l);
}

/* The i-th grant of a client. */
static struct msg_grant
grant_of(unsigned int client, unsigned int i)
{
	struct msg_grant g = grant(i);

	memset(g.client, 0, sizeof(g.client));
	memcpy(g.client, &client, sizeof(client));
	return (g);
}

/* How many the client gets until it is not admitted any more. */
static unsigned int
fill(struct ledger *l, unsigned int client)
{
	struct msg_grant g = grant_of(client, 0);
	unsigned int i;

	for (i = 0; ledger_admits(l, &g); i++) {
		cr_assert_eq(ledger_put(l, &g, 10, 1), 0);
		g = grant_of(client, i + 1);
	}
	return (i);
}

Test(ledger, G11_fair_shares)
{
	struct ledger *l;
	unsigned int i;

	/* Without hash_init(): with some keys two of these share a counter. */
	l = ledger_new(1200, 0);
	cr_assert_eq(fill(l, 1), 600);
	cr_assert_eq(fill(l, 2), 300);
	cr_assert_eq(fill(l, 1), 0);
	cr_assert_eq(fill(l, 3), 150);
	/* Everybody gets a few, as long as there is any room at all. */
	for (i = 4; ledger_count(l) < 1200; i++)
		cr_assert_geq(fill(l, i), ledger_count(l) == 1200 ? 0 :
		    LEDGER_CLIENT_MIN);
	cr_assert_eq(fill(l, 1000), 0);
	ledger_expire(l, 10);
	cr_assert_eq(fill(l, 1), 600, "what has ended does not count");
	ledger_free(l);
	l = ledger_new(LEDGER_CLIENT_MIN, 0);
	cr_assert_eq(fill(l, 1), LEDGER_CLIENT_MIN);
	ledger_free(l);
}

Test(ledger, G11_one_ipv6_network_is_one_client)
{
	struct ledger *l = ledger_new(100, 0);
	struct msg_grant g;
	unsigned int i;

	for (i = 0;; i++) {
		g = grant_of(1, i);
		g.family = ADDR_V6;
		g.client[15] = (uint8_t)i;
		if (!ledger_admits(l, &g))
			break;
		cr_assert_eq(ledger_put(l, &g, 10, 1), 0);
	}
	cr_assert_eq(i, 50);
	g.client[7] = 1;
	cr_assert(ledger_admits(l, &g));
	ledger_free(l);
}

/* G10: of each kind one that does not end soon, if a search finds one. */
Test(ledger, G10_sample_of_each_kind)
{
	const struct msg_grant *next, *sample;
	struct ledger *l = ledger_new(64, 0);
	uint64_t now = 1, after;
	unsigned int i, kind;
	struct msg_grant g;
	uint32_t cursor;
	bool any;

	for (i = 0; i < 20000; i++) {
		g = random_grant();
		g.family = pick(2) == 0 ? ADDR_V4 : ADDR_V6;
		g.local = (uint8_t)pick(2);
		if (pick(3) == 0)
			ledger_remove(l, &g);
		else
			(void)ledger_put(l, &g, now + 1 + pick(50), 1);
		if (pick(8) == 0)
			ledger_expire(l, now += pick(20));
		kind = pick(4);
		after = now + pick(50);
		for (any = false, cursor = 0;
		    (next = ledger_next(l, &cursor)) != NULL;)
			any |= backend_kind(next) == kind &&
			    ledger_expiry(l, next) >= after;
		sample = ledger_sample(l, kind, after);
		cr_assert_eq(sample != NULL, any);
		cr_assert(sample == NULL || (backend_kind(sample) == kind &&
		    ledger_expiry(l, sample) >= after));
	}
	ledger_free(l);
}

Test(ledger, those_that_end_soon)
{
	struct ledger *l = ledger_new(1000, 0);
	const struct msg_grant *ending[100];
	struct msg_grant g;
	unsigned int i, n;

	cr_assert_eq(ledger_ending(l, 100, ending, 100), 0);
	for (i = 0; i < 1000; i++) {
		g = grant(i);
		cr_assert_eq(ledger_put(l, &g, 1 + i * 7 % 1000, 1), 0);
	}
	n = (unsigned int)ledger_ending(l, 51, ending, 100);
	cr_assert_eq(n, 50);
	for (i = 0; i < n; i++)
		cr_assert_leq(ledger_expiry(l, ending[i]), 50);
	cr_assert_eq(ledger_ending(l, 51, ending, 10), 10);
	cr_assert_eq(ledger_ending(l, 1001, ending, 100), 100);
	ledger_free(l);
}
