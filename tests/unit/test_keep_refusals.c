/* What is kept of refusals (U5): shares, what goes, and what is one. */
#include <criterion/criterion.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "choice.h"
#include "keep/refusals.h"

static uint64_t now = 1000 * CLOCK_SECOND;
static const struct refusal *found[2 * REFUSALS_CLIENT];

static void
put_client(uint8_t to[16], uint32_t client)
{
	client = htonl(client);
	memcpy(to, &client, sizeof(client));
}

static struct msg_refusal
refusal(uint32_t client, unsigned int name)
{
	struct msg_refusal m = { .type = MSG_REFUSAL, .kind = REFUSAL_LIST,
	    .family = ADDR_V4, .count = 1, .qtype = 1,
	    .reason = "no ACL rule allows it" };

	put_client(m.client, client);
	(void)snprintf(m.name, sizeof(m.name), "n%u.example.", name);
	return (m);
}

static void
take(uint32_t client, unsigned int name)
{
	struct msg_refusal m = refusal(client, name);

	cr_assert(refusals_take(0, &m, now));
}

/* How many there are; they are in found. */
static size_t
find(uint32_t client)
{
	struct addr a = { .family = ADDR_V4 };

	put_client(a.bytes, client);
	return (refusals_next(&a, 0, found, 2 * REFUSALS_CLIENT));
}

static bool
is_named(size_t i, unsigned int name)
{
	char text[MSG_NAME_SIZE];

	(void)snprintf(text, sizeof(text), "n%u.example.", name);
	return (strcmp(found[i]->told.name, text) == 0);
}

static void
set_up(void)
{
	hash_init();
	refusals_open(1);
}

TestSuite(keep_refusals, .init = set_up, .timeout = 60);

Test(keep_refusals, U5_a_clients_own_oldest_first)
{
	const struct refusal *some[2];
	struct addr a = { .family = ADDR_V4, .bytes = { 0, 0, 0, 1 } };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		take(1, i);
		take(2, 100 + i);
	}
	cr_assert_eq(find(1), 5);
	for (i = 0; i < 5; i++)
		cr_assert(is_named(i, i));
	/* Some at a time, and from where it was. */
	cr_assert_eq(refusals_next(&a, found[1]->number, some, 2), 2);
	cr_assert(some[0] == found[2] && some[1] == found[3]);
	cr_assert_eq(refusals_next(&a, found[4]->number, some, 2), 0);
	cr_assert_eq(find(3), 0);
	/* The same octets, but another family. */
	a.family = ADDR_V6;
	cr_assert_eq(refusals_next(&a, 0, some, 2), 0);
}

Test(keep_refusals, U5_what_is_the_same_is_one)
{
	uint64_t first = now;
	struct msg_refusal m = refusal(1, 0);
	unsigned int i;

	for (i = 0; i < 8; i++)
		take(1, i);
	now += CLOCK_SECOND;
	m.count = 4;
	cr_assert(refusals_take(0, &m, now));
	/* It is the newest now. */
	cr_assert_eq(find(1), 8);
	cr_assert(is_named(0, 1) && is_named(7, 0));
	cr_assert(found[7]->told.count == 5 && found[7]->first == first &&
	    found[7]->last == now);
	/* It is too far back by now; and what differs is another one. */
	take(1, 1000);
	take(1, 1);
	cr_assert_eq(find(1), 10);
	m.rule = 7;
	cr_assert(refusals_take(0, &m, now));
	m.qtype = 28;
	cr_assert(refusals_take(0, &m, now));
	m.kind = REFUSAL_QUERY;
	cr_assert(refusals_take(0, &m, now));
	strcpy(m.reason, "another");
	cr_assert(refusals_take(0, &m, now));
	cr_assert_eq(find(1), 14);
	/* Whatever number a worker says. */
	m.count = UINT32_MAX - 1;
	cr_assert(refusals_take(0, &m, now));
	cr_assert_eq(find(1), 14);
	cr_assert_eq(found[13]->told.count, UINT32_MAX);
}

/* An id is of one refusal alone, and stays when it is the newest again. */
Test(keep_refusals, U6_each_has_an_id_and_a_place)
{
	const struct refusal *r;
	uint64_t id;
	unsigned int i;

	cr_assert_eq(refusals_places(), REFUSALS_WORKER);
	cr_assert_null(refusals_place(0));
	take(1, 0);
	take(1, 1);
	r = refusals_place(0);
	id = r->id;
	take(1, 0);
	cr_assert(refusals_place(0) == r && r->told.count == 2 && r->id == id);
	cr_assert(refusals_place(1)->id != id && r->number != id);
	cr_assert_null(refusals_place(2));
	/* Another one has the place now. */
	for (i = 2; i < REFUSALS_CLIENT + 2; i++)
		take(1, i);
	cr_assert(refusals_place(0) == NULL || refusals_place(0)->id > id);
	for (i = 0, id = 0; i < refusals_places(); i++)
		id += refusals_place(i) != NULL;
	cr_assert_eq(id, REFUSALS_CLIENT);
}

Test(keep_refusals, U5_a_client_has_its_share)
{
	unsigned int i;

	for (i = 0; i < 3 * REFUSALS_CLIENT; i++)
		take(1, i);
	cr_assert_eq(find(1), REFUSALS_CLIENT);
	for (i = 0; i < REFUSALS_CLIENT; i++)
		cr_assert(is_named(i, 2 * REFUSALS_CLIENT + i));
}

/* Who has most gives up its oldest, and who has little keeps it. */
Test(keep_refusals, U5_the_noisy_do_not_push_out_others)
{
	unsigned int i, k;

	for (i = 0; i < 5; i++)
		take(9999, i);
	for (k = 0; k < 2 * REFUSALS_CLIENT; k++)
		for (i = 0; i < 100; i++)
			take(1 + i, k);
	cr_assert_eq(find(9999), 5);
	for (i = 0, k = 0; i < 100; i++) {
		k += (unsigned int)find(1 + i);
		cr_assert(find(1 + i) >= 40 && find(1 + i) <= 41);
		cr_assert(is_named(find(1 + i) - 1, 2 * REFUSALS_CLIENT - 1));
	}
	cr_assert_eq(k, REFUSALS_WORKER - 5);
}

/* More clients than there are places: each newest one has its own. */
Test(keep_refusals, U5_any_number_of_clients)
{
	unsigned int i, n;

	for (i = 0; i < 50; i++)
		take(7, i);
	for (i = 0; i < 5 * REFUSALS_WORKER; i++)
		take(1000 + i, i);
	for (i = 0, n = 0; i < 4 * REFUSALS_WORKER; i++)
		n += (unsigned int)find(1000 + i);
	cr_assert_eq(n, 0);
	for (; i < 5 * REFUSALS_WORKER; i++)
		n += (unsigned int)find(1000 + i);
	cr_assert_geq(n, REFUSALS_WORKER - 17);
	/* After that, one may have some at once, and its share in an hour. */
	for (i = 0; i < REFUSALS_CLIENT; i++)
		take(7, 1000 + i);
	cr_assert_geq(find(7), 16);
	now += 3601 * CLOCK_SECOND;
	for (i = 0; i < REFUSALS_CLIENT; i++)
		take(7, 2000 + i);
	cr_assert_eq(find(7), REFUSALS_CLIENT);
}

/*
 * Against a model that looks at all: as many as there are places, nobody above
 * its share, and numbers that ascend.
 */
Test(keep_refusals, U5_it_holds_whatever_is_told)
{
	unsigned int step, client, total, seed = 1;
	size_t n, i;

	for (step = 0; step < 200000; step++) {
		seed = seed * 1103515245 + 12345;
		client = 1 + (seed >> 16) % 40;
		/* Some are told of more often. */
		take(client * client / 40, (seed >> 8) % 5000);
		if (step % 10000 != 0)
			continue;
		for (client = 0, total = 0; client <= 40; client++) {
			n = find(client);
			cr_assert_leq(n, REFUSALS_CLIENT);
			for (i = 1; i < n; i++)
				cr_assert_lt(found[i - 1]->number,
				    found[i]->number);
			total += (unsigned int)n;
		}
		cr_assert_leq(total, REFUSALS_WORKER);
		cr_assert(step < 20000 || total == REFUSALS_WORKER ||
		    total >= 25 * REFUSALS_CLIENT / 2);
	}
}

static void
set_up_four(void)
{
	hash_init();
	refusals_open(4);
}

/* A worker that lies about its clients harms these alone. */
Test(keep_refusals_workers, U5_P5_each_worker_for_itself,
    .init = set_up_four)
{
	struct msg_refusal m;
	unsigned int worker, i, kept = 0;

	for (i = 1; i <= 100; i++) {
		m = refusal(i, 1);
		worker = choice_worker(ADDR_V4, m.client, 4);
		cr_assert(!refusals_take((worker + 1) % 4, &m, now));
		cr_assert_eq(find(i), 0);
		cr_assert(refusals_take(worker, &m, now));
	}
	for (i = 1000; i < 200000; i++) {
		m = refusal(i, 1);
		(void)refusals_take(0, &m, now);
	}
	for (i = 1; i <= 100; i++) {
		m = refusal(i, 1);
		worker = choice_worker(ADDR_V4, m.client, 4);
		cr_assert(worker == 0 || find(i) == 1);
		kept += worker != 0;
	}
	cr_assert(kept > 25 && kept < 100);
}

/* --- IPv6 --- */

static struct addr
host(unsigned int net, unsigned int number)
{
	struct addr a = { ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8 } };

	a.bytes[7] = (uint8_t)net;
	a.bytes[14] = (uint8_t)(number >> 8);
	a.bytes[15] = (uint8_t)number;
	return (a);
}

static void
take_of(const struct addr *a)
{
	struct msg_refusal m = refusal(0, 1);

	m.family = a->family;
	memcpy(m.client, a->bytes, sizeof(m.client));
	cr_assert(refusals_take(0, &m, now));
}

static size_t
find_of(const struct addr *a)
{
	return (refusals_next(a, 0, found, 2 * REFUSALS_CLIENT));
}

/* A host has as many addresses of its /64 as it likes (D22). */
Test(keep_refusals, U5_D22_all_addresses_of_a_network_have_one_share)
{
	const struct addr victim = host(1, 1), same = host(2, 5);
	struct addr a;
	unsigned int i;

	take_of(&victim);
	for (i = 0; i < 10 * REFUSALS_WORKER; i++) {
		a = host(2, i);
		take_of(&a);
	}
	cr_assert_eq(find_of(&victim), 1);
	/* Each is told of its own alone. */
	cr_assert_eq(find_of(&a), 1);
	cr_assert_eq(find_of(&same), 0);
}
