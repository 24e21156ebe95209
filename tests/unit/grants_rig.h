/* What the parts of test_grants.c stand on.  To be included once, by a test program. */
#ifndef GRANTS_RIG_H
#define GRANTS_RIG_H

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

static unsigned int again;		/* turns that wait for nothing */
static unsigned int has_time = 1000000;	/* so often */

void
loop_clock(void)
{
}

void
loop_again(void)
{
	again++;
}

bool
loop_has_time(struct loop_share *share)
{
	(void)share;
	if (has_time == 0)
		return (false);
	has_time--;
	return (true);
}

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
static uint64_t
known_for(const struct addr *client, struct grants_want *w)
{
	w->client = *client;
	return (grants_known(w));
}

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
		cr_assert_eq(known_for(&a->grants.client, &w[k]), 0);
	}
	return (grants_ask(&a->grants, w, n));
}

/* It asks in parts; NULL: there is no room. */
static inline struct grants *
open_for_parts(unsigned int i, const char *client, size_t max, size_t octets)
{
	struct asker *a = &pool[i];

	a->done = a->granted = a->abandoned = 0;
	a->grants.client = address(client);
	a->grants.octets = octets;
	a->grants.expiry = UINT64_MAX;
	a->grants.waits = a->waits;
	return (grants_open(&a->grants, max) ? &a->grants : NULL);
}

static inline bool
add_part(struct grants *g, uint32_t first, size_t n)
{
	static struct grants_want w[MAX];
	size_t k;

	for (k = 0; k < n; k++) {
		w[k] = want(first + (uint32_t)k, 60);
		cr_assert_eq(known_for(&g->client, &w[k]), 0);
	}
	return (grants_add(g, w, n));
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

#endif
