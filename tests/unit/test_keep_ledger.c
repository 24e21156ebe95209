/* The ledger against an array that is searched from end to end. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "keep/hosts.h"
#include "keep/kernel/backend.h"
#include "keep/ledger.h"
#include "keep/machines.h"
#include "pick.h"

#define MODEL_MAX	200

static struct ledger *
new_ledger(uint32_t max, uint32_t room)
{
	return (ledger_new(max, room, 1));
}

static int
put(struct ledger *l, const struct msg_grant *g, uint64_t end, uint64_t since)
{
	return (ledger_put(l, g, end, since, 0) == NULL ? -1 : 0);
}

static uint64_t
expiry_of(const struct ledger *l, const struct msg_grant *g)
{
	const struct ledger_entry *e = ledger_find(l, g);

	return (e == NULL ? 0 : e->expiry);
}

static void
take_out(struct ledger *l, const struct msg_grant *g)
{
	struct ledger_entry *e = ledger_find(l, g);

	if (e != NULL)
		ledger_remove(l, e);
}

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
		cr_assert_eq(expiry_of(l, &model[i].grant),
		    model[i].expiry);
}

/* Enter a random grant in both, and take it out now and then. */
static void
random_put(struct ledger *l, uint64_t now)
{
	struct msg_grant g = random_grant();
	struct model_entry *e = model_find(&g);
	uint64_t before = e == NULL ? 0 : e->expiry;
	uint64_t expiry = now + 1 + pick(100);
	int r;

	cr_assert_eq(expiry_of(l, &g), before);
	r = model_put(&g, expiry, ledger_max(l));
	cr_assert_eq(put(l, &g, expiry, 1), r);
	if (r == 0 && pick(4) == 0) {
		take_out(l, &g);
		model_restore(&g, 0);
		cr_assert_eq(expiry_of(l, &g), 0);
	}
}

static void
run_against_model(uint32_t max, unsigned int steps)
{
	struct ledger *l = new_ledger(max, 0);
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

Test(keep_ledger, G2_P7_agrees_with_the_model)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 8, 9, 64, MODEL_MAX };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		run_against_model(sizes[i], 20000);
}

Test(keep_ledger, G2_never_shortened)
{
	struct ledger *l = new_ledger(4, 0);
	struct msg_grant g = grant(1);

	cr_assert_eq(put(l, &g, 100, 1), 0);
	cr_assert_eq(put(l, &g, 99, 1), 0);
	cr_assert_eq(expiry_of(l, &g), 100);
	cr_assert_eq(put(l, &g, 101, 1), 0);
	cr_assert_eq(expiry_of(l, &g), 101);
	cr_assert_eq(ledger_count(l), 1);
	/* The longer life is what counts when it ends. */
	ledger_expire(l, 100);
	cr_assert_eq(expiry_of(l, &g), 101);
	ledger_expire(l, 101);
	cr_assert_eq(expiry_of(l, &g), 0);
	ledger_free(l);
}

Test(keep_ledger, P7_every_part_of_a_grant_counts)
{
	struct ledger *l = new_ledger(100, 0);
	const struct msg_grant first = grant(1);
	struct msg_grant g;
	size_t i;

	cr_assert_eq(put(l, &first, 10, 1), 0);
	for (i = 0; i < 16; i++) {
		g = first;
		g.client[i] ^= 0x80;
		cr_assert_eq(expiry_of(l, &g), 0, "client[%zu]", i);
		g = first;
		g.dst[i] ^= 0x80;
		cr_assert_eq(expiry_of(l, &g), 0, "dst[%zu]", i);
	}
	g = first;
	g.port ^= 0x100;
	cr_assert_eq(expiry_of(l, &g), 0);
	g = first;
	g.family = ADDR_V6;
	cr_assert_eq(expiry_of(l, &g), 0);
	g = first;
	g.proto = IPPROTO_UDP;
	cr_assert_eq(expiry_of(l, &g), 0);
	g = first;
	g.local = 1;
	cr_assert_eq(expiry_of(l, &g), 0);
	/* The label is a comment, and the rest is of one request. */
	g = first;
	strcpy(g.label, "other");
	g.seq++;
	g.ttl++;
	cr_assert_eq(expiry_of(l, &g), 10);
	ledger_free(l);
}

Test(keep_ledger, G11_full_refuses_new_grants_only)
{
	struct ledger *l = new_ledger(3, 0);
	struct msg_grant g;
	unsigned int i;

	cr_assert_eq(ledger_max(l), 3);
	for (i = 0; i < 3; i++) {
		g = grant(i);
		cr_assert_eq(put(l, &g, 10 + i, 1), 0);
	}
	g = grant(3);
	cr_assert_eq(put(l, &g, 20, 1), -1);
	cr_assert_eq(expiry_of(l, &g), 0);
	cr_assert_eq(ledger_count(l), 3);
	/* Those that are there can be lengthened. */
	g = grant(0);
	cr_assert_eq(put(l, &g, 30, 1), 0);
	/* What ends makes room. */
	ledger_expire(l, 11);
	cr_assert_eq(ledger_count(l), 2);
	g = grant(3);
	cr_assert_eq(put(l, &g, 20, 1), 0);
	g = grant(4);
	cr_assert_eq(put(l, &g, 20, 1), -1);
	ledger_free(l);
}

/* The default of --max-grants, filled and emptied from both ends. */
Test(keep_ledger, P7_full_size_in_any_order, .timeout = 60)
{
	const unsigned int max = 65536;
	struct ledger *l = new_ledger(max, 0);
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < max; i++) {
		g = grant(i);
		/* An odd factor: every expiry from 1 to max once. */
		cr_assert_eq(put(l, &g, i * 40503U % max + 1, 1), 0);
	}
	g = grant(max);
	cr_assert_eq(put(l, &g, 1, 1), -1);
	for (i = 1; i <= max; i += 1021) {
		ledger_expire(l, i);
		cr_assert_eq(ledger_count(l), max - i);
	}
	for (i = 0; i < max; i++) {
		g = grant(i);
		cr_assert(expiry_of(l, &g) == 0 ||
		    expiry_of(l, &g) == i * 40503U % max + 1);
	}
	ledger_expire(l, max);
	cr_assert_eq(ledger_count(l), 0);
	ledger_free(l);
}

/* A9 */
Test(keep_ledger, A9_removed_before_its_time)
{
	struct ledger *l = new_ledger(100, 0);
	struct msg_grant g, other = grant(1000);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		g = grant(i);
		cr_assert_eq(put(l, &g, 1 + i * 37 % 100, 1), 0);
	}
	for (i = 0; i < 100; i += 2) {
		g = grant(i);
		take_out(l, &g);
		take_out(l, &other);
	}
	cr_assert_eq(ledger_count(l), 50);
	for (i = 0; i < 100; i++) {
		g = grant(i);
		cr_assert_eq(expiry_of(l, &g), i % 2 == 0 ? 0 :
		    1 + i * 37 % 100);
	}
	ledger_expire(l, 50);
	for (i = 1; i < 100; i += 2) {
		g = grant(i);
		cr_assert_eq(expiry_of(l, &g) != 0,
		    1 + i * 37 % 100 > 50);
	}
	ledger_free(l);
}

Test(keep_ledger, A9_every_grant_is_visited_whatever_goes)
{
	struct ledger *l = new_ledger(1000, 0);
	const struct ledger_entry *next;
	struct msg_grant g;
	unsigned int i, seen = 0;
	uint32_t cursor = 0;

	for (i = 0; i < 1000; i++) {
		g = grant(i);
		snprintf(g.label, sizeof(g.label), "n%u", i);
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	while ((next = ledger_next(l, &cursor)) != NULL) {
		cr_assert_eq(next->grant.label[0], 'n');
		g = next->grant;
		if (seen++ % 3 == 0)
			take_out(l, &g);
	}
	cr_assert_eq(seen, 1000);
	cr_assert_eq(ledger_count(l), 666);
	for (cursor = 0, seen = 0; ledger_next(l, &cursor) != NULL; seen++)
		;
	cr_assert_eq(seen, 666);
	ledger_free(l);
}

/* G9: what was live before counts, and is kept, beyond the limit. */
Test(keep_ledger, G9_room_for_more_than_may_be_granted)
{
	struct ledger *l = new_ledger(2, 5);
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		g = grant(i);
		cr_assert_eq(put(l, &g, 10 + i, 1), 0);
		cr_assert_eq(ledger_admits(l, &g, 0), i < 1);
	}
	g = grant(5);
	cr_assert_eq(put(l, &g, 10, 1), -1);
	ledger_expire(l, 13);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert(ledger_admits(l, &g, 0));
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

	for (i = 0; ledger_admits(l, &g, 0); i++) {
		cr_assert_eq(put(l, &g, 10, 1), 0);
		g = grant_of(client, i + 1);
	}
	return (i);
}

Test(keep_ledger, G11_fair_shares)
{
	struct ledger *l;
	unsigned int i;

	/* Without hash_init(): with some keys two of these share a counter. */
	l = new_ledger(1200, 0);
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
	l = new_ledger(LEDGER_CLIENT_MIN, 0);
	cr_assert_eq(fill(l, 1), LEDGER_CLIENT_MIN);
	ledger_free(l);
}

/* Also where there are few places: a counter of another client is met by chance. */
Test(keep_ledger, G11_who_has_nothing_has_room_beside_who_has_half)
{
	struct ledger *l = new_ledger(100, 0);
	struct msg_grant g;
	unsigned int i;

	cr_assert_eq(fill(l, 1), 50);
	for (i = 2; i < 2000; i++) {
		g = grant_of(i, 0);
		cr_assert(ledger_admits(l, &g, 0), "client %u", i);
	}
	ledger_free(l);
}

/* Exactly those few, where others have left no more than that. */
Test(keep_ledger, G11_a_few_and_not_one_more)
{
	struct ledger *l = new_ledger(2 * LEDGER_CLIENT_MIN + 8, 0);
	unsigned int i;

	for (i = 0; i < 12; i++) {
		struct msg_grant g = grant_of(100 + i, 0);

		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	cr_assert_eq(fill(l, 1), LEDGER_CLIENT_MIN);
	cr_assert_eq(ledger_count(l), 12 + LEDGER_CLIENT_MIN);
	ledger_free(l);
}

Test(keep_ledger, G11_one_ipv6_network_is_one_client)
{
	struct ledger *l = new_ledger(100, 0);
	struct msg_grant g;
	unsigned int i;

	for (i = 0;; i++) {
		g = grant_of(1, i);
		g.family = ADDR_V6;
		g.client[15] = (uint8_t)i;
		if (!ledger_admits(l, &g, 0))
			break;
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	cr_assert_eq(i, 50);
	g.client[7] = 1;
	cr_assert(ledger_admits(l, &g, 0));
	ledger_free(l);
}

/* The first two, fd00::1 and fd00:0:0:1::/64, are a host; fd00::2 is none. */
static void
make_host(void)
{
	struct msg_host m = { .type = MSG_HOST, .family = ADDR_V6,
	    .prefix = 128, .base = { 0xfd, [15] = 1 } };

	hosts_begin();
	cr_assert(hosts_take(&m));
	m.base[15] = 0;
	m.base[7] = 1;
	m.prefix = MSG_HOST_NET;
	cr_assert(hosts_take(&m));
	hosts_commit(1);
}

static struct msg_grant
grant_for(unsigned int i, uint8_t network, uint8_t last)
{
	struct msg_grant g = grant_of(1, i);

	g.family = ADDR_V6;
	memset(g.client, 0, sizeof(g.client));
	g.client[0] = 0xfd;
	g.client[7] = network;
	g.client[15] = last;
	return (g);
}

/* The neighbour table gives the two networks' addresses with 1 to one machine. */
Test(keep_ledger, G11_U11_the_addresses_of_a_machine_are_one_client)
{
	const struct machines_link link = { 1, 6, { 2 } };
	struct ledger *l = new_ledger(100, 0);
	struct addr a = { .family = ADDR_V6 };
	struct msg_grant g;
	unsigned int i;

	machines_open(1);
	machines_list();
	for (i = 0; i < 2; i++) {
		g = grant_for(0, (uint8_t)i, 1);
		memcpy(a.bytes, g.client, sizeof(a.bytes));
		machines_put(&link, &a, false);
	}
	for (i = 0;; i++) {
		g = grant_for(i, i % 2, 1);
		if (!ledger_admits(l, &g, 0))
			break;
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	cr_assert_eq(i, 50);
	/* What is in none of it, and it when it is alone; counted as it came. */
	g = grant_for(i, 1, 2);
	cr_assert(ledger_admits(l, &g, 0));
	machines_remove(1, &a);
	g = grant_for(i, 1, 1);
	cr_assert(ledger_admits(l, &g, 0));
	ledger_expire(l, 10);
	machines_put(&link, &a, false);
	for (i = 0; i < 50; i++) {
		g = grant_for(i, 1, 1);
		cr_assert(ledger_admits(l, &g, 0));
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	g = grant_for(i, 0, 1);
	cr_assert(!ledger_admits(l, &g, 0));
	ledger_free(l);
}

Test(keep_ledger, G11_U11_the_addresses_of_a_host_are_one_client)
{
	struct ledger *l = new_ledger(100, 0);
	struct msg_grant g;
	unsigned int i;

	make_host();
	for (i = 0;; i++) {
		g = grant_for(i, i % 2, i % 2 == 0 ? 1 : (uint8_t)i);
		if (!ledger_admits(l, &g, 0))
			break;
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	cr_assert_eq(i, 50);
	g = grant_for(i, 1, 77);
	cr_assert(!ledger_admits(l, &g, 0));
	g = grant_for(i, 0, 2);
	cr_assert(ledger_admits(l, &g, 0));
	/* By another list they are two; what was counted goes as it came. */
	hosts_begin();
	hosts_commit(1);
	g = grant_for(i, 1, 77);
	cr_assert(ledger_admits(l, &g, 0));
	ledger_expire(l, 10);
	make_host();
	for (i = 0; i < 50; i++) {
		g = grant_for(i, 1, 77);
		cr_assert(ledger_admits(l, &g, 0));
		cr_assert_eq(put(l, &g, 10, 1), 0);
	}
	g = grant_for(i, 1, 77);
	cr_assert(!ledger_admits(l, &g, 0));
	ledger_free(l);
}

/* G10: of each kind one that does not end soon, if a search finds one. */
Test(keep_ledger, G10_sample_of_each_kind)
{
	const struct ledger_entry *next, *sample;
	struct ledger *l = new_ledger(64, 0);
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
			take_out(l, &g);
		else
			(void)put(l, &g, now + 1 + pick(50), 1);
		if (pick(8) == 0)
			ledger_expire(l, now += pick(20));
		kind = pick(4);
		after = now + pick(50);
		for (any = false, cursor = 0;
		    (next = ledger_next(l, &cursor)) != NULL;)
			any |= backend_kind(&next->grant) == kind &&
			    next->expiry >= after;
		sample = ledger_sample(l, kind, after);
		cr_assert_eq(sample != NULL, any);
		cr_assert(sample == NULL || (backend_kind(&sample->grant) == kind &&
		    sample->expiry >= after));
	}
	ledger_free(l);
}

Test(keep_ledger, those_that_end_soon)
{
	struct ledger *l = new_ledger(1000, 0);
	struct ledger_entry *ending[100];
	struct msg_grant g;
	unsigned int i, n;

	cr_assert_eq(ledger_ending(l, 100, ending, 100), 0);
	for (i = 0; i < 1000; i++) {
		g = grant(i);
		cr_assert_eq(put(l, &g, 1 + i * 7 % 1000, 1), 0);
	}
	n = (unsigned int)ledger_ending(l, 51, ending, 100);
	cr_assert_eq(n, 50);
	for (i = 0; i < n; i++)
		cr_assert_leq(ending[i]->expiry, 50);
	cr_assert_eq(ledger_ending(l, 51, ending, 10), 10);
	cr_assert_eq(ledger_ending(l, 1001, ending, 100), 100);
	ledger_free(l);
}

/* --- names (G15) --- */

static struct msg_grant
named(const char *label)
{
	struct msg_grant g = grant(1);

	memset(g.label, 0, sizeof(g.label));
	strcpy(g.label, label);
	return (g);
}

static struct ledger_entry *
name_it(struct ledger *l, const char *label, uint64_t end)
{
	struct msg_grant g = named(label);

	return (ledger_put(l, &g, end, 1, 0));
}

static enum ledger_left
forbid(struct ledger *l, struct ledger_entry *e, const char *label,
    uint64_t now)
{
	struct msg_grant g = named(label);

	return (ledger_forbid(l, e, g.label, now));
}

/* The names as "a4 b3": label and end. */
static const char *
names_of(const struct ledger *l, const struct ledger_entry *e, uint64_t now)
{
	static char text[200];
	struct ledger_name names[LEDGER_NAMES];
	size_t i, n = ledger_names(l, e, now, names);
	int at = 0;

	for (i = 0; i < n; i++)
		at += sprintf(text + at, "%s%s%llu", i > 0 ? " " : "",
		    names[i].label, (unsigned long long)names[i].end);
	return (text);
}

Test(keep_ledger, G15_the_last_to_end_is_the_entrys)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e = name_it(l, "a", 10);

	cr_assert_eq(name_it(l, "b", 5), e);
	cr_assert_str_eq(names_of(l, e, 1), "a10 b5");
	name_it(l, "b", 20);
	cr_assert_str_eq(names_of(l, e, 1), "b20 a10");
	cr_assert_str_eq(e->grant.label, "b");
	cr_assert_eq(e->expiry, 20);
	/* Nothing is shortened. */
	name_it(l, "b", 15);
	name_it(l, "a", 9);
	cr_assert_str_eq(names_of(l, e, 1), "b20 a10");
	cr_assert_str_eq(names_of(l, e, 10), "b20");
	ledger_free(l);
}

/* Of two that end at once it keeps the name that the kernel has. */
Test(keep_ledger, G15_two_names_that_end_at_once)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e = name_it(l, "a", 10);

	name_it(l, "b", 10);
	cr_assert_str_eq(names_of(l, e, 1), "a10 b10");
	ledger_free(l);
}

/* No name gives it for longer than is allowed by now. */
Test(keep_ledger, P7_all_names_are_shortened)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct msg_grant other = grant(2);
	struct ledger_entry *e;

	(void)put(l, &other, 25, 1);
	e = name_it(l, "a", 10);
	name_it(l, "b", 30);
	name_it(l, "c", 40);
	ledger_shorten(l, e, 20);
	cr_assert_str_eq(names_of(l, e, 1), "c20 a10 b20");
	ledger_shorten(l, e, 30);
	cr_assert_eq(e->expiry, 20);
	/* It ends before the other now. */
	ledger_expire(l, 20);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert_eq(expiry_of(l, &other), 25);
	ledger_free(l);
}

/* G3: who lengthens it without a question does not ask anew. */
Test(keep_ledger, G3_since_when_it_was_asked_for)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct msg_grant g = grant(1);
	struct ledger_entry *e = ledger_put(l, &g, 10, 5, 0);

	(void)ledger_put(l, &g, 20, 0, 0);
	cr_assert_eq(e->since, 5);
	(void)ledger_put(l, &g, 20, 7, 0);
	cr_assert_eq(e->since, 7);
	ledger_free(l);
}

/* As many as there is room for; the first to end goes. */
Test(keep_ledger, G15_a_fixed_number_of_names)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e = name_it(l, "a", 10);

	name_it(l, "b", 20);
	name_it(l, "c", 30);
	name_it(l, "d", 15);
	cr_assert_str_eq(names_of(l, e, 1), "c30 a10 b20 d15");
	name_it(l, "e", 9);
	cr_assert_str_eq(names_of(l, e, 1), "c30 a10 b20 d15");
	name_it(l, "f", 40);
	cr_assert_str_eq(names_of(l, e, 1), "f40 c30 b20 d15");
	/* A new entry in its place has none of them. */
	ledger_remove(l, e);
	e = name_it(l, "a", 10);
	cr_assert_str_eq(names_of(l, e, 1), "a10");
	ledger_free(l);
}

Test(keep_ledger, G15_a_name_that_is_forbidden)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e = name_it(l, "a", 10);
	struct msg_grant other = grant(2);

	(void)put(l, &other, 25, 1);
	name_it(l, "b", 20);
	name_it(l, "c", 30);
	ledger_set_sure(l, e, true);
	cr_assert_eq(forbid(l, e, "b", 1), LEDGER_AS_IT_WAS);
	cr_assert(ledger_is_sure(l, e));
	cr_assert_eq(forbid(l, e, "x", 1), LEDGER_AS_IT_WAS);
	cr_assert_eq(forbid(l, e, "c", 1), LEDGER_SHORTER);
	cr_assert_not(ledger_is_sure(l, e));
	cr_assert_str_eq(names_of(l, e, 1), "a10");
	/* It ends before the other now. */
	ledger_expire(l, 10);
	cr_assert_eq(ledger_count(l), 1);
	cr_assert_eq(expiry_of(l, &other), 25);
	ledger_free(l);
}

/* A name that has ended gives nothing. */
Test(keep_ledger, G15_without_another_name_nothing_is_left)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e = name_it(l, "a", 10);

	name_it(l, "b", 20);
	cr_assert_eq(forbid(l, e, "b", 10), LEDGER_NOTHING);
	cr_assert_eq(e->expiry, 20);
	cr_assert_eq(forbid(l, e, "b", 9), LEDGER_SHORTER);
	cr_assert_eq(e->expiry, 10);
	ledger_free(l);
}

/* --- what is known (G13) --- */

Test(keep_ledger, G13_a_doubt_is_about_all)
{
	struct ledger *l = ledger_new(10, 10, 1);
	struct ledger_entry *e[3];
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		g = grant(i);
		e[i] = ledger_put(l, &g, 10, 1, 0);
		cr_assert_not(ledger_is_sure(l, e[i]));
		ledger_set_sure(l, e[i], true);
		cr_assert(ledger_is_sure(l, e[i]));
	}
	ledger_doubt(l);
	ledger_set_sure(l, e[1], true);
	cr_assert_not(ledger_is_sure(l, e[0]));
	cr_assert(ledger_is_sure(l, e[1]));
	/* Longer by a request that the kernel has not answered yet. */
	g = grant(1);
	(void)ledger_put(l, &g, 20, 1, 0);
	cr_assert(ledger_is_sure(l, e[1]));
	ledger_set_sure(l, e[1], false);
	cr_assert_not(ledger_is_sure(l, e[1]));
	/* One that comes after another in its place is not sure. */
	ledger_set_sure(l, e[2], true);
	ledger_remove(l, e[2]);
	g = grant(7);
	cr_assert_eq(ledger_put(l, &g, 10, 1, 0), e[2]);
	cr_assert_not(ledger_is_sure(l, e[2]));
	ledger_free(l);
}

/* --- workers (P7) --- */

static struct msg_grant
of_client(unsigned int n)
{
	struct msg_grant g = grant(0);

	memcpy(g.client, &n, sizeof(n));
	return (g);
}

static unsigned int
fill_by(struct ledger *l, unsigned int worker, unsigned int from)
{
	struct msg_grant g;
	unsigned int n;

	for (n = 0;; n++) {
		g = of_client(from + n);
		if (!ledger_admits(l, &g, worker))
			return (n);
		cr_assert_not_null(ledger_put(l, &g, 10, 1, worker));
	}
}

Test(keep_ledger, P7_half_of_an_equal_part_is_reserved)
{
	struct ledger *l = ledger_new(800, 800, 4);
	struct msg_grant g;
	unsigned int i;

	cr_assert_eq(fill_by(l, 0, 10000), 500);
	cr_assert_eq(fill_by(l, 1, 20000), 100);
	/* What one gives back is there for who has less than its part. */
	for (i = 0; i < 50; i++) {
		g = of_client(10000 + i);
		take_out(l, &g);
	}
	cr_assert_eq(fill_by(l, 0, 30000), 50);
	cr_assert_eq(fill_by(l, 2, 40000), 100);
	cr_assert_eq(fill_by(l, 3, 50000), 100);
	cr_assert_eq(ledger_count(l), 800);
	ledger_free(l);
}

/* What has ended is nobody's, however often: each time the parts are the same. */
Test(keep_ledger, P7_wear_of_the_parts)
{
	struct ledger *l = ledger_new(800, 800, 4);
	unsigned int i, w;

	for (i = 0; i < 20; i++) {
		w = i % 4;
		cr_assert_eq(fill_by(l, w, 10000), 500, "round %u", i);
		cr_assert_eq(fill_by(l, (w + 1) % 4, 20000), 100, "round %u", i);
		ledger_expire(l, 10);
		cr_assert_eq(ledger_count(l), 0);
	}
	ledger_free(l);
}

Test(keep_ledger, P7_one_worker_has_all)
{
	struct ledger *l = ledger_new(800, 800, 1);

	cr_assert_eq(fill_by(l, 0, 10000), 800);
	ledger_free(l);
}
