/* What the parts of test_tries.c stand on.  To be included once, by a test program. */
#ifndef TRIES_RIG_H
#define TRIES_RIG_H

#include <criterion/criterion.h>

#include <limits.h>
#include <string.h>

#include "clock.h"
#include "serve/back_tcp.h"
#include "serve/back_udp.h"
#include "serve/counters.h"
#include "serve/kept.h"
#include "serve/loop.h"
#include "serve/quota.h"
#include "serve/settings.h"
#include "serve/tries.h"
#include "serve/upstream.h"

#define MAX	64U		/* attempts of a test */
#define MS	(CLOCK_SECOND / 1000)

struct loop loop;
static unsigned int nticked, ticks_max = UINT_MAX;
struct settings settings;
struct counters counters;

/* An attempt that was begun. */
struct begun {
	struct attempt	attempt;
	size_t		upstream;
	bool		tcp, suspect, ended;
};

static struct begun begun[MAX];
static unsigned int nbegun;
static size_t nupstreams = 1;
static uint32_t shut;			/* upstreams without a way: a bit each */
static uint32_t probed;			/* those that are only looked at */
static unsigned int nsilent[8], nanswered[8];
static struct quota quota;
static struct exchange x = { .quota = &quota };
static uint8_t question[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1";
#define LEN	(sizeof(question) - 1)
/* What became of the exchange. */
static unsigned int ndone, nfailed;
static int who;
static uint16_t rcode;
static const char *why;

/* --- stand-ins --- */

bool
loop_tick_over(void)
{
	return (nticked++ >= ticks_max);
}

static const struct attempt_events *events;

void
attempt_init(const struct attempt_events *e)
{
	events = e;
}

static struct attempt *
take(size_t upstream, bool tcp, bool suspect)
{
	struct begun *b = &begun[nbegun];

	if (shut & 1U << upstream)
		return (NULL);
	cr_assert_lt(nbegun, MAX);
	b->upstream = upstream;
	b->tcp = tcp;
	b->suspect = suspect;
	b->attempt.id = (uint16_t)(0x100 + nbegun++);
	return (&b->attempt);
}

struct attempt *
back_udp_send(size_t upstream, uint8_t *msg, size_t len)
{
	cr_assert_eq(msg, x.msg);
	cr_assert_eq(len, LEN);
	return (take(upstream, false, false));
}

struct attempt *
back_tcp_send(size_t upstream, uint8_t *msg, size_t len, bool suspect)
{
	cr_assert_eq(msg, x.msg);
	cr_assert_eq(len, LEN);
	return (take(upstream, true, suspect));
}

static void
ended(struct attempt *t, bool tcp)
{
	struct begun *b = (struct begun *)t;

	cr_assert(!b->ended);
	cr_assert_eq(b->tcp, tcp);
	b->ended = true;
}

void
back_udp_end(struct attempt *t)
{
	ended(t, false);
}

void
back_tcp_end(struct attempt *t)
{
	ended(t, true);
}

size_t
upstream_count(void)
{
	return (nupstreams);
}

int
upstream_choose(uint32_t tried, bool *probe)
{
	size_t i;

	for (i = 0; i < nupstreams && (tried & 1U << i) != 0; i++)
		;
	*probe = (probed & 1U << i) != 0;
	return (i < nupstreams ? (int)i : -1);
}

void
upstream_answered(size_t i)
{
	nanswered[i]++;
}

void
upstream_silent(size_t i)
{
	nsilent[i]++;
}

static void
exchange_done(struct exchange *e, int upstream, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	cr_assert_eq(e, &x);
	cr_assert_eq(r->length, len);
	cr_assert_eq(msg[3] & 0xf, r->rcode);
	ndone++;
	who = upstream;
	rcode = r->rcode;
	tries_end(e);
}

static void
exchange_fail(struct exchange *e, enum dns_ede ede, const char *reason)
{
	(void)ede;
	cr_assert_eq(e, &x);
	nfailed++;
	why = reason;
	tries_end(e);
}

/* --- tries beside others --- */

static uint32_t most_extra = MAX;

bool
quota_may_try(const struct quota *q)
{
	return (q->tries.amount < most_extra);
}

static const struct tries_events exchanges = { .done = exchange_done,
    .failed = exchange_fail };

/* --- what happens --- */

static void
begin_by(bool tcp, bool for_tcp)
{
	memset(begun, 0, sizeof(begun));
	nbegun = ndone = nfailed = 0;
	if (x.waiting.tqh_last == NULL)
		TAILQ_INIT(&x.waiting);
	x.msg = question;
	x.len = LEN;
	x.tcp = tcp;
	x.for_tcp = for_tcp;
	cr_assert_eq(dns_query_parse(question, LEN, &x.dns), DNS_OK);
	loop.now += CLOCK_SECOND;
	x.deadline = loop.now + settings.timeout;
	tries_prepare(&x);
	tries_begin(&x);
}

static void
begin(void)
{
	begin_by(false, false);
}

static void
init(size_t n)
{
	nupstreams = n;
	loop.now = 100 * CLOCK_SECOND;
	settings.timeout = 10 * CLOCK_SECOND;
	settings.config.max_connections = MAX;
	kept_init();
	tries_init(&exchanges);
}

static void
set_up(void)
{
	init(1);
}

TestSuite(tries, .init = set_up);

static bool
arrive(unsigned int i, const uint8_t *msg, size_t len)
{
	cr_assert(!begun[i].ended);
	return (events->arrived(&begun[i].attempt, msg, len));
}

/* An answer with that code; or a broken one, a record short. */
static bool
answer(unsigned int i, uint16_t code, bool broken)
{
	uint8_t msg[LEN];

	memcpy(msg, question, LEN);
	msg[0] = (uint8_t)(begun[i].attempt.id >> 8);
	msg[1] = (uint8_t)begun[i].attempt.id;
	msg[2] |= 0x80;
	msg[3] = (uint8_t)code;
	msg[7] = broken;
	return (arrive(i, msg, LEN));
}

static void
fail(unsigned int i, enum way way)
{
	cr_assert(!begun[i].ended);
	events->failed(&begun[i].attempt, way);
}

static void
at(uint64_t when)
{
	loop.now = when;
	tries_tick();
}

static void
assert_upstreams(const char *order)
{
	unsigned int i;

	cr_assert_eq(nbegun, strlen(order), "%u", nbegun);
	for (i = 0; i < nbegun; i++)
		cr_assert_eq(begun[i].upstream, (size_t)(order[i] - '0'),
		    "%u", i);
}

static void
assert_over(unsigned int done, unsigned int failed)
{
	unsigned int i;

	cr_assert_eq(ndone, done);
	cr_assert_eq(nfailed, failed);
	cr_assert(quota.tries.amount == 0 || (done == 0 && failed == 0));
	for (i = 0; (done > 0 || failed > 0) && i < nbegun; i++)
		cr_assert(begun[i].ended, "%u", i);
}

#endif
