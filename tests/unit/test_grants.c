/* Grants under way: shares, equal ones, deadlines, and windows (D22, D23). */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <string.h>

#include "addrtext.h"
#include "clock.h"
#include "hash.h"
#include "serve/counters.h"
#include "serve/grantcache.h"
#include "serve/grants.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/priv.h"
#include "serve/settings.h"

#define MAX	1024U		/* grants of one answer here */
#define ASKERS	100U
#define TOTAL	(GRANTS_SHARES * GRANTS_SHARE)

struct loop loop;
struct policy policy;
struct settings settings;
struct counters counters;

/* An answer that waits. */
static struct asker {
	struct grants	grants;
	struct grants_wait waits[MAX];
	unsigned int	done, granted, abandoned;
	void		(*then)(struct asker *);	/* when it is done */
} pool[ASKERS];

static struct msg_grant sent[2 * TOTAL];
static size_t nsent, records;
static unsigned int nabandoned;
static size_t room;			/* records that the keeper takes */
static struct dns_name name = { 13, 2, "\3www\7example" };

bool
priv_send(const void *buf, size_t len)
{
	size_t n = len / sizeof(sent[0]);

	if (room == 0)
		return (false);
	room--;
	records++;
	cr_assert(n > 0 && n <= MSG_BATCH_MAX);
	memcpy(&sent[nsent], buf, len);
	nsent += n;
	return (true);
}

static void
on_granted(const struct grants *g, const struct grants_wait *w)
{
	cr_assert(w->of == g);
	((struct asker *)(void *)g)->granted++;
}

static void
on_done(struct grants *g)
{
	struct asker *a = (struct asker *)(void *)g;

	a->done++;
	if (a->then != NULL)
		a->then(a);
}

static void
on_abandoned(struct grants *g)
{
	struct asker *a = (struct asker *)(void *)g;

	a->abandoned++;
	nabandoned++;
}

static void
set_up(void)
{
	static const struct grants_events events = {
		.granted = on_granted, .done = on_done,
		.abandoned = on_abandoned };

	hash_init();
	settings.config.min_rule_time = 5;
	settings.config.max_rule_time = 86400;
	loop.now = 1000 * CLOCK_SECOND;
	policy.generation = 1;
	room = SIZE_MAX;
	grants_init(&events);
}

TestSuite(grants, .init = set_up);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* A destination of its own for each number. */
static struct grants_want
want(uint32_t number, uint32_t ttl)
{
	struct grants_want w = { .dst = address("10.0.0.0"), .ttl = ttl,
	    .port = { .proto = IPPROTO_TCP, .port = 443 }, .label = &name };

	w.dst.bytes[1] = (uint8_t)(number >> 16);
	w.dst.bytes[2] = (uint8_t)(number >> 8);
	w.dst.bytes[3] = (uint8_t)number;
	return (w);
}

/* Is it known for ttl? */
static bool
knows(const char *client, uint32_t number, uint32_t ttl)
{
	struct grants_want w = want(number, ttl);
	struct addr a = address(client);

	return (grants_known(&a, &w) != 0);
}

static bool
ask_kept(unsigned int i, const char *client, uint32_t first, size_t n,
    uint32_t ttl, size_t octets)
{
	static struct grants_want w[MAX];
	struct asker *a = &pool[i];
	size_t k;

	a->done = a->granted = a->abandoned = 0;
	a->grants.client = address(client);
	a->grants.octets = octets;
	a->grants.expiry = UINT64_MAX;
	a->grants.waits = a->waits;
	for (k = 0; k < n; k++) {
		w[k] = want(first + (uint32_t)k, ttl);
		cr_assert_eq(grants_known(&a->grants.client, &w[k]), 0);
	}
	return (grants_ask(&a->grants, w, n));
}

static bool
ask(unsigned int i, const char *client, uint32_t first, size_t n)
{
	return (ask_kept(i, client, first, n, 60, 100));
}

static void
result(const struct msg_grant *g, enum msg_result_code code, uint64_t expiry)
{
	struct msg_result r = { .type = MSG_RESULT, .code = (uint8_t)code,
	    .seq = g->seq, .expiry = code == RESULT_OK ? expiry : 0 };

	grants_result(&r);
}

static uint64_t
in(uint32_t seconds)
{
	return (loop.now + seconds * CLOCK_SECOND);
}

/* All that was sent and has none yet gets a result. */
static void
answer_all(enum msg_result_code code)
{
	size_t i;

	for (i = 0; i < nsent; i++)
		result(&sent[i], code, in(75));
	nsent = 0;
}

Test(grants, one_is_asked_for_told_of_and_known)
{
	struct addr client = address("10.77.1.2");

	cr_assert(ask(0, "10.77.1.2", 7, 1));
	cr_assert_eq(pool[0].done, 0);
	grants_flush();
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[0].type, MSG_GRANT);
	cr_assert_eq(sent[0].ttl, 60);
	cr_assert_eq(sent[0].policy, 1);
	cr_assert_eq(memcmp(sent[0].client, client.bytes, 4), 0);
	cr_assert_eq(sent[0].dst[3], 7);
	cr_assert_str_eq(sent[0].label, "www.example");
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].granted, 1);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[0].grants.expiry, in(75));
	/* Up to its lifetime without the grace, to the nanosecond. */
	cr_assert(knows("10.77.1.2", 7, 75));
	cr_assert(!knows("10.77.1.2", 7, 76));
	cr_assert(!knows("10.77.1.3", 7, 60));
	cr_assert(!knows("10.77.1.2", 8, 60));
	loop.now++;
	cr_assert(!knows("10.77.1.2", 7, 75));
}

Test(grants, a_loopback_client_is_this_host)
{
	cr_assert(ask(0, "127.0.0.9", 1, 1));
	grants_flush();
	cr_assert_eq(sent[0].local, 1);
	cr_assert_eq(sent[0].client[0], 0);
}

Test(grants, more_than_a_share_is_refused_to_its_owner)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert(ask(i, "10.77.1.2", i * 1024, 1024));
	cr_assert(!ask(4, "10.77.1.2", 5000, 1));
	/* What is under way already takes no more of it. */
	cr_assert(ask(4, "10.77.1.2", 0, 1024));
	cr_assert(ask(6, "10.77.1.3", 5000, 1));
	grants_flush();
	cr_assert_eq(nsent, GRANTS_SHARE + 1);
	answer_all(RESULT_OK);
	for (i = 0; i < 5; i++)
		cr_assert_eq(pool[i].done, 1);
	cr_assert(ask(0, "10.77.1.2", 5000, 1024));
}

Test(grants, a_share_is_that_of_a_64)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert(ask(i, i % 2 == 0 ? "fd77::1" : "fd77::ff:0:2",
		    i * 1024, i < 3 ? 1024 : 1023));
	cr_assert(!ask(5, "fd77::3", 9000, 2));
	cr_assert(ask(5, "fd77::3", 9000, 1));
	cr_assert(!ask(6, "fd77::4", 9001, 1));
	cr_assert(ask(6, "fd77:0:0:1::1", 9001, 1));
}

static const char *const four[] = { "10.77.1.2", "10.77.1.3", "fd77::1",
    "10.77.1.4" };

/* All there are, but for one. */
static void
fill_slots(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		cr_assert(ask(i, four[i / 4], i * 1024, i < 15 ? 1024 : 1023));
	cr_assert_eq(nabandoned, 0);
}

Test(grants, four_shares_are_all)
{
	unsigned int i;

	fill_slots();
	cr_assert(ask(16, "10.77.1.9", 0, 1));
	cr_assert_eq(nabandoned, 0);
	/* Of those that have the same, the one that has had it longest. */
	cr_assert(ask(17, "10.77.1.10", 0, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	/* It had more than one. */
	cr_assert(ask(18, "10.77.1.10", 1, 1023));
	cr_assert_eq(nabandoned, 1);
	cr_assert(ask(19, "10.77.1.11", 1, 1));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[4].abandoned, 1);
	grants_flush();
	answer_all(RESULT_FAILED);
	for (i = 0; i < 20; i++)
		cr_assert_eq(pool[i].done, i != 0 && i != 4, "%u", i);
}

/* What dnsfw-priv has cannot be taken back: of what is not sent the oldest. */
Test(grants, what_is_sent_makes_no_room)
{
	unsigned int i;

	fill_slots();
	room = SIZE_MAX;
	grants_flush();
	cr_assert(ask(16, "10.77.1.9", 0, 1));
	/* There is one that is not sent, if it is: that one goes. */
	cr_assert(ask(17, "10.77.1.9", 1, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[16].abandoned, 1);
	grants_flush();
	cr_assert(!ask(18, "10.77.1.10", 1, 1));
	cr_assert_eq(nabandoned, 1);
	answer_all(RESULT_OK);
	for (i = 0; i < 16; i++)
		cr_assert_eq(pool[i].done, 1);
	cr_assert(ask(18, "10.77.1.10", 1, 1));
}

/* All who wait for the oldest that is not sent go, and nobody else. */
Test(grants, those_who_wait_for_the_same_go_together)
{
	fill_slots();
	cr_assert(ask(16, four[0], 0, 1));
	cr_assert(ask(17, four[0], 1, 1));
	cr_assert(ask(18, "10.77.1.9", 0, 2));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned + pool[16].abandoned, 2);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[17].done, 1);
	cr_assert_eq(pool[18].done, 1);
	cr_assert_eq(pool[0].done + pool[16].done, 0);
}

/* Its own goes if that is the largest, also what it was about to join. */
Test(grants, ones_own_oldest_goes)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		cr_assert(ask(i, four[0], i * 1024, 1024));
	for (i = 0; i < 26; i++)
		cr_assert(ask(10 + i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5", "10.78.1.6",
		    "10.78.1.7" }[i / 4], i * 512, 512));
	/* It joins what is under way, as long as that is. */
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(3, four[0], 512, 1024));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(4, four[0], 1, 1024));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(5, four[0], 3000, 100));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned, 1);
	cr_assert_eq(pool[4].abandoned, 1);
	grants_flush();
	answer_all(RESULT_OK);
	for (i = 0; i < 6; i++)
		cr_assert_eq(pool[i].done, i != 0 && i != 4, "%u", i);
}

/* What it was about to join is new when that has gone: one more is needed. */
Test(grants, what_ones_own_oldest_had_is_needed_again)
{
	unsigned int i;

	cr_assert(ask(0, four[0], 0, 1023));
	for (i = 1; i < 4; i++)
		cr_assert(ask(i, four[0], i * 1024, 1024));
	for (i = 0; i < 24; i++)
		cr_assert(ask(10 + i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5", "10.78.1.6" }[i / 4],
		    i * 512, 512));
	cr_assert(ask(40, "10.78.1.7", 0, 1));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(4, four[0], 0, 1024));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned + pool[1].abandoned, 2);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[4].done, 1);
}

/* Who is at its share is refused first, whoever has most. */
Test(grants, who_is_at_its_share_makes_nobody_go)
{
	fill_slots();
	cr_assert(ask(16, four[3], 60000, 1));
	cr_assert(!ask(17, four[3], 60001, 1));
	cr_assert(!ask(18, four[0], 60001, 1));
	cr_assert_eq(nabandoned, 0);
}

/* So many small ones go for a large one, and no more. */
Test(grants, no_more_than_256_go_for_one)
{
	static struct asker small[TOTAL / 2];
	unsigned int i;
	char client[16];

	for (i = 0; i < TOTAL / 2; i++) {
		struct grants_want w[2] = { want(2 * i, 60),
		    want(2 * i + 1, 60) };

		snprintf(client, sizeof(client), "10.80.1.%u", i / 512);
		small[i].grants.client = address(client);
		small[i].grants.octets = 100;
		small[i].grants.waits = small[i].waits;
		w[0].hash = w[1].hash = 0;
		grants_known(&small[i].grants.client, &w[0]);
		grants_known(&small[i].grants.client, &w[1]);
		cr_assert(grants_ask(&small[i].grants, w, 2));
	}
	cr_assert_eq(nabandoned, 0);
	cr_assert(!ask(0, "10.77.1.2", 0, 513));
	cr_assert_eq(nabandoned, 256);
	cr_assert(ask(0, "10.77.1.2", 0, 512));
	cr_assert_eq(nabandoned, 256);
}

/* At its limit ten times over: each is abandoned or done, and once. */
Test(grants, the_end_of_all_wears_out_nothing)
{
	unsigned int i, n = 0;
	char client[16];

	for (i = 0; i < 10 * TOTAL / 1024; i++) {
		struct asker *a = &pool[i % 32];

		n += a->done + a->abandoned;
		cr_assert_eq(a->done + a->abandoned, i >= 32, "%u", i);
		snprintf(client, sizeof(client), "10.79.1.%u", i % 7);
		cr_assert(ask(i % 32, client, i * 1024, 1024), "%u", i);
		if (i % 8 == 0) {
			room = 1;
			grants_flush();
			answer_all(RESULT_OK);
		}
	}
	cr_assert_gt(n, 0);
}

Test(grants, who_waits_is_counted)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		cr_assert(ask(i, "10.77.1.2", 0, i < 15 ? 1024 : 1023));
	cr_assert(!ask(16, "10.77.1.2", 0, 2));
	cr_assert(ask(16, "10.77.1.2", 0, 1));
	cr_assert(!ask(17, "10.77.1.2", 0, 1));
	cr_assert(ask(17, "10.77.1.3", 0, 1));
	grants_flush();
	cr_assert_eq(nsent, 1025);
	answer_all(RESULT_OK);
	for (i = 0; i < 18; i++)
		cr_assert_eq(pool[i].done, 1);
}

Test(grants, four_shares_of_who_waits_are_all)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		cr_assert(ask(i, four[i / 16], 0, i < 63 ? 1024 : 1023));
	cr_assert(ask(64, "10.77.1.9", 0, 1));
	cr_assert_eq(nabandoned, 0);
	/* Also of what is sent. */
	grants_flush();
	cr_assert(ask(65, "10.77.1.10", 0, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	grants_flush();
	answer_all(RESULT_OK);
	for (i = 0; i < 66; i++)
		cr_assert_eq(pool[i].done, i != 0);
}

Test(grants, what_is_kept_is_counted)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		char client[] = "10.77.1.0";

		client[8] = (char)('1' + i);
		cr_assert(ask_kept(2 * i, client, 1, 1, 60,
		    GRANTS_OCTETS - 1));
		cr_assert(!ask_kept(2 * i + 1, client, 1, 1, 60, 2));
		if (i < 3)
			cr_assert(ask_kept(2 * i + 1, client, 1, 1, 60, 1));
	}
	cr_assert(ask_kept(9, "10.77.1.9", 1, 1, 60, 1));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask_kept(10, "10.77.1.10", 1, 1, 60, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	cr_assert(ask_kept(11, "10.77.1.11", 1, 1, 60, GRANTS_OCTETS - 2));
	cr_assert_eq(nabandoned, 1);
	grants_leave(&pool[2].grants);
	cr_assert(ask_kept(12, "10.77.1.12", 1, 1, 60, GRANTS_OCTETS - 2));
	cr_assert_eq(nabandoned, 1);
}

/* Who is told asks again, and one that has its result already has to go. */
static void
ask_anew(struct asker *a)
{
	a->then = NULL;
	cr_assert(ask_kept(9, "10.77.1.9", 7, 1, 60, GRANTS_OCTETS));
}

Test(grants, one_goes_that_is_about_to_be_told)
{
	unsigned int i;

	/* Both wait for the same, and for one more. */
	cr_assert(ask_kept(0, four[0], 1, 1, 60, 1));
	cr_assert(ask_kept(1, four[0], 1, 2, 60, GRANTS_OCTETS - 1));
	for (i = 2; i < 7; i++)
		cr_assert(ask_kept(i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5" }[i - 2], 1, 1, 60,
		    (GRANTS_SHARES - 1) * GRANTS_OCTETS / 5));
	grants_flush();
	pool[0].then = ask_anew;
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].abandoned, 1);
	cr_assert_eq(pool[1].done, 0);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[9].done, 1);
}

/* Ten times as many as there are places: by results, and by who leaves. */
Test(grants, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 40; round++) {
		loop.now += CLOCK_SECOND;
		for (i = 0; i < 4; i++)
			cr_assert(ask_kept(i, "10.77.1.2",
			    (round * 4 + i) * 1024, 1024, 60,
			    GRANTS_OCTETS / 4), "%u", round);
		if (round % 2 == 0) {
			grants_flush();
			answer_all(round % 4 == 0 ? RESULT_OK : RESULT_FULL);
			continue;
		}
		if (round % 4 == 3)
			grants_flush();
		for (i = 0; i < 4; i++)
			grants_leave(&pool[i].grants);
		answer_all(RESULT_OK);
	}
}

Test(grants, clients_come_back_ten_times_over)
{
	char client[] = "10.1.0.0/00000";
	unsigned int i;

	for (i = 0; i < 10 * TOTAL; i++) {
		loop.now += CLOCK_SECOND / MSG_GRANTS_RATE;
		snprintf(client, sizeof(client), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		cr_assert(ask(0, client, 1, 1));
		grants_flush();
		answer_all(RESULT_FAILED);
	}
}

Test(grants, equal_ones_are_one)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	cr_assert(ask(1, "10.77.1.2", 2, 2));
	/* Another client, and another policy. */
	cr_assert(ask(2, "10.77.1.3", 1, 1));
	policy.generation = 2;
	cr_assert(ask(3, "10.77.1.2", 1, 1));
	policy.generation = 1;
	grants_flush();
	cr_assert_eq(nsent, 5);
	cr_assert_eq(counters.grants, 5);
	/* Also when it was sent. */
	cr_assert(ask(4, "10.77.1.2", 1, 1));
	grants_flush();
	cr_assert_eq(nsent, 5);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].granted, 2);
	cr_assert_eq(pool[1].granted, 2);
	cr_assert_eq(pool[4].granted, 1);
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done +
	    pool[3].done + pool[4].done, 5);
}

Test(grants, every_part_of_a_grant_tells_it_from_others)
{
	struct grants_want w[4];
	struct asker *a = &pool[0];
	size_t i;

	for (i = 0; i < 4; i++)
		w[i] = want(1, 60);
	w[1].port.port = 80;
	w[2].port.proto = IPPROTO_UDP;
	w[3].dst = address("fd78::1");
	a->grants.client = address("127.0.0.1");
	a->grants.waits = a->waits;
	for (i = 0; i < 4; i++)
		grants_known(&a->grants.client, &w[i]);
	cr_assert(grants_ask(&a->grants, w, 4));
	grants_flush();
	cr_assert_eq(nsent, 4);
}

Test(grants, a_longer_one_makes_that_longer_which_is_not_sent)
{
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	cr_assert(ask_kept(2, "10.77.1.2", 1, 1, 100, 0));
	grants_flush();
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[0].ttl, 300);
	result(&sent[0], RESULT_OK, in(315));
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done, 3);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
}

Test(grants, a_longer_one_is_another_than_that_which_was_sent)
{
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	grants_flush();
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	grants_flush();
	cr_assert_eq(nsent, 2);
	cr_assert_eq(sent[0].ttl, 60);
	cr_assert_eq(sent[1].ttl, 300);
	/* As long as the longer one: waits for that. */
	cr_assert(ask_kept(2, "10.77.1.2", 1, 1, 300, 0));
	grants_flush();
	cr_assert_eq(nsent, 2);
	result(&sent[0], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].done + pool[2].done, 0);
	result(&sent[1], RESULT_OK, in(315));
	cr_assert_eq(pool[1].done + pool[2].done, 2);
	cr_assert(knows("10.77.1.2", 1, 300));
}

/* One that is in the next record, for which there was no room, stays. */
Test(grants, what_is_in_a_record_is_as_good_as_sent)
{
	room = 0;
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	grants_flush();
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	grants_leave(&pool[0].grants);
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 2);
	cr_assert_eq(sent[0].ttl, 60);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 0);
	cr_assert_eq(pool[1].done, 1);
}

/* The keeper was stopped between the kernel and its result. */
Test(grants, who_joined_one_that_is_too_short_by_now_asks_again)
{
	uint64_t expiry = in(75);

	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	loop.now += 16 * CLOCK_SECOND;
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	result(&sent[0], RESULT_OK, expiry);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
	nsent = 0;

	expiry = in(75);
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	loop.now += 16 * CLOCK_SECOND + 1;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	result(&sent[0], RESULT_OK, expiry);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_STALE);
}

Test(grants, the_first_end_and_the_first_error_count)
{
	cr_assert(ask(0, "10.77.1.2", 1, 3));
	grants_flush();
	result(&sent[0], RESULT_OK, in(90));
	result(&sent[1], RESULT_OK, in(80));
	cr_assert_eq(pool[0].done, 0);
	result(&sent[2], RESULT_OK, in(100));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].grants.expiry, in(80));
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 11, 4));
	grants_flush();
	result(&sent[3], RESULT_FORBIDDEN, 0);
	result(&sent[2], RESULT_FULL, 0);
	result(&sent[1], RESULT_FAILED, 0);
	result(&sent[0], RESULT_OK, in(80));
	cr_assert_eq(pool[0].grants.code, RESULT_FULL);
	cr_assert(pool[0].waits[3].forbidden);
	cr_assert(!pool[0].waits[2].forbidden);
	cr_assert_eq(pool[0].waits[3].dst.bytes[3], 14);
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 21, 1));
	grants_flush();
	result(&sent[0], RESULT_FORBIDDEN, 0);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
}

Test(grants, who_has_left_is_not_told_and_a_late_result_is_known)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[1], RESULT_OK, in(75));
	grants_leave(&pool[0].grants);
	result(&sent[0], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 0);
	cr_assert_eq(pool[1].done, 1);
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 5, 1));
	grants_flush();
	grants_leave(&pool[0].grants);
	/* Who comes before the result waits for that one. */
	cr_assert(ask(2, "10.77.1.2", 5, 1));
	grants_flush();
	cr_assert_eq(nsent, 1);
	grants_leave(&pool[2].grants);
	answer_all(RESULT_OK);
	cr_assert(knows("10.77.1.2", 5, 60));
}

Test(grants, what_nobody_waits_for_is_not_sent)
{
	room = 0;
	cr_assert(ask(0, "10.77.1.2", 0, 100));
	cr_assert(ask(1, "10.77.1.2", 70, 31));
	grants_flush();
	grants_leave(&pool[0].grants);
	room = SIZE_MAX;
	grants_flush();
	/* The record that was full already, and what another waits for. */
	cr_assert_eq(nsent, 64 + 31);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[1].done, 1);
}

Test(grants, a_forget_between_makes_who_waits_ask_again)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	grants_forget();
	cr_assert(!knows("10.77.1.2", 1, 60));
	/* Who comes later has not relied on anything that is gone. */
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	result(&sent[1], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].grants.code, RESULT_STALE);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
	/* A result that came after it counts. */
	cr_assert(knows("10.77.1.2", 2, 60));
	cr_assert(!knows("10.77.1.2", 1, 60));
}

Test(grants, a_forget_hides_no_error)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	grants_forget();
	answer_all(RESULT_FULL);
	cr_assert_eq(pool[0].grants.code, RESULT_FULL);
}

Test(grants, a_result_by_the_policy_before_is_not_known)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	policy.generation = 2;
	grants_forget();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].grants.code, RESULT_STALE);
	cr_assert(!knows("10.77.1.2", 1, 60));
	/* And nobody waits for one of these. */
	policy.generation = 1;
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	policy.generation = 2;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	grants_flush();
	cr_assert_eq(nsent, 2);
}

static void
ask_the_same(struct asker *a)
{
	a->then = NULL;
	cr_assert(ask((unsigned int)(a - pool), "10.77.1.2", 1, 1));
}

Test(grants, who_is_told_may_ask_for_the_same)
{
	pool[0].then = pool[1].then = ask_the_same;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	answer_all(RESULT_STALE);
	cr_assert_eq(pool[0].done + pool[1].done, 0);
	grants_flush();
	cr_assert_eq(nsent, 1);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done + pool[1].done, 2);
}

static void
end_the_other(struct asker *a)
{
	a->then = NULL;
	grants_leave(&pool[1].grants);
}

Test(grants, who_is_told_may_end_another_that_waits)
{
	pool[0].then = end_the_other;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].done, 0);
}

Test(grants, clients_take_turns)
{
	size_t i, others = 0;

	room = 0;
	cr_assert(ask(0, "10.77.1.2", 0, 1024));
	cr_assert(ask(1, "10.77.1.3", 0, 20));
	cr_assert(ask(2, "10.77.1.4", 0, 1));
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 1045);
	cr_assert_eq(records, 17);
	for (i = 0; i < MSG_BATCH_MAX; i++)
		others += sent[i].client[3] != 2;
	cr_assert_eq(others, 21);
	/* Each client's own in their order, and none twice. */
	for (i = 0; i < 16; i++)
		cr_assert_eq(sent[i].dst[3], i);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done, 3);
}

Test(grants, what_has_no_room_is_sent_later_and_once)
{
	room = 1;
	cr_assert(ask(0, "10.77.1.2", 0, 200));
	grants_flush();
	grants_flush();
	cr_assert_eq(nsent, 64);
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 200);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].granted, 200);
}

Test(grants, a_result_that_is_none_ends_the_program, .exit_code = 1)
{
	struct msg_grant g = { .seq = 3 };

	result(&g, RESULT_OK, in(75));
}

Test(grants, a_second_result_ends_the_program, .exit_code = 1)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	result(&sent[0], RESULT_OK, in(75));
}

Test(grants, a_result_of_before_ends_the_program, .exit_code = 1)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	/* The same place, and another number. */
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
}

Test(grants, a_result_before_it_was_sent_ends_the_program, .exit_code = 1)
{
	struct msg_grant g = { .seq = 0 };

	cr_assert(ask(0, "10.77.1.2", 1, 1));
	result(&g, RESULT_OK, in(75));
}

/* As in \DDD, and the name's end behind an asterisk. */
/* The keeper is to hear of every name that gives it. */
Test(grants, G15_what_is_known_by_one_name_is_asked_for_by_another)
{
	struct dns_name first = name;
	size_t at;

	cr_assert(ask(0, "192.0.2.1", 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert(knows("192.0.2.1", 1, 60));
	cr_assert_eq(dns_name_parse("other.example", 13, &name, &at), DNS_OK);
	cr_assert_not(knows("192.0.2.1", 1, 60));
	/* However it is spelt. */
	cr_assert_eq(dns_name_parse("WwW.Example", 11, &name, &at), DNS_OK);
	cr_assert(knows("192.0.2.1", 1, 60));
	name = first;
	cr_assert(knows("192.0.2.1", 1, 60));
}

Test(grants, labels_hold_what_a_comment_may)
{
	struct dns_name odd = { 10, 2, "\5A \"b\\\2-_" };
	unsigned int i;

	name = odd;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	cr_assert_str_eq(sent[0].label, "a*032*b*092.-_");
	/* 63 + 1 + 63 characters fit. */
	for (i = 0; i < 3; i++) {
		memset(name.wire + 64 * i, 'x' + (int)i, 64);
		name.wire[64 * i] = 63;
	}
	name.wire[128] = 0;
	name.len = 129;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	grants_flush();
	cr_assert_eq(strlen(sent[1].label), 127);
	cr_assert_eq(sent[1].label[0], 'x');
	/* One more does not. */
	name.wire[128] = 1;
	name.wire[129] = 'z';
	name.wire[130] = 0;
	name.len = 131;
	cr_assert(ask(2, "10.77.1.2", 3, 1));
	grants_flush();
	cr_assert_eq(strlen(sent[2].label), 127);
	cr_assert_eq(sent[2].label[0], '*');
	cr_assert_str_eq(sent[2].label + 125, ".z");
}

/* Fewer than have the keeper shut it out (P7): a burst, and then so many a second. */
Test(grants, P7_what_is_asked_of_the_keeper_has_a_pace)
{
	const uint64_t each = CLOCK_SECOND / MSG_GRANTS_RATE;
	uint32_t n;

	for (n = 0; n < MSG_GRANTS_BURST; n += 1024) {
		cr_assert(ask(0, "10.77.1.2", n, 1024));
		grants_flush();
		cr_assert_eq(nsent, 1024);
		answer_all(RESULT_OK);
	}
	cr_assert(ask(0, "10.77.1.2", n, 1024));
	loop.now += each - 1;
	grants_flush();
	cr_assert_eq(nsent, 0);
	loop.now++;
	grants_flush();
	cr_assert_eq(nsent, MSG_BATCH_MAX);
	loop.now += MSG_BATCH_MAX * each - 1;
	grants_flush();
	cr_assert_eq(nsent, MSG_BATCH_MAX);
	loop.now++;
	grants_flush();
	cr_assert_eq(nsent, 2 * MSG_BATCH_MAX);
}
