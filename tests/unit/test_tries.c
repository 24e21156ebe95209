/* Whom an exchange asks, and when (D6), with ways that only take note. */
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

/* --- answers --- */

Test(tries, an_answer_ends_all)
{
	init(3);
	begin();
	at(loop.now + CLOCK_SECOND);
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("012");
	cr_assert(answer(1, RCODE_NXDOMAIN, false));
	assert_over(1, 0);
	cr_assert_eq(who, 1);
	cr_assert_eq(rcode, RCODE_NXDOMAIN);
	cr_assert_eq(nanswered[1], 1);
	at(loop.now + 100 * CLOCK_SECOND);
	assert_upstreams("012");
}

Test(tries, what_does_not_match_is_passed_over)
{
	uint8_t msg[LEN];

	begin();
	memcpy(msg, question, LEN);
	cr_assert(!arrive(0, msg, LEN));
	cr_assert(!arrive(0, msg, 0));
	cr_assert_eq(counters.junk, 2);
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Over UDP it may be forged, with the true one behind it. */
Test(tries, a_broken_answer_by_udp_ends_nothing)
{
	init(2);
	begin();
	cr_assert(!answer(0, RCODE_NOERROR, true));
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(!answer(1, RCODE_NOERROR, true));
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	cr_assert_eq(who, 0);
}

Test(tries, a_broken_answer_by_tcp_is_the_answer)
{
	init(2);
	begin_by(true, true);
	cr_assert(answer(0, RCODE_NOERROR, true));
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(answer(1, RCODE_NOERROR, true));
	assert_over(0, 1);
}

Test(tries, a_broken_answer_is_the_reason_in_the_end)
{
	begin();
	cr_assert(!answer(0, RCODE_NOERROR, true));
	tries_expire(&x);
	assert_over(0, 1);
	cr_assert_str_eq(why, x.broken);
}

Test(tries, a_refusal_is_kept_until_all_have_refused)
{
	init(3);
	begin();
	cr_assert(answer(0, RCODE_SERVFAIL, false));
	cr_assert(answer(1, RCODE_REFUSED, false));
	assert_upstreams("012");
	assert_over(0, 0);
	fail(2, WAY_NONE);
	assert_over(1, 0);
	cr_assert_eq(who, 1);
	cr_assert_eq(rcode, RCODE_REFUSED);
}

Test(tries, the_last_refusal_is_the_answer_when_the_time_is_up)
{
	init(2);
	begin();
	cr_assert(answer(0, RCODE_NOTIMP, false));
	tries_expire(&x);
	assert_over(1, 0);
	cr_assert_eq(rcode, RCODE_NOTIMP);
}

/* --- steps --- */

Test(tries, the_next_is_asked_after_a_second_and_not_before)
{
	uint64_t start;

	init(2);
	begin();
	start = loop.now;
	at(start + CLOCK_SECOND - 1);
	assert_upstreams("0");
	at(start + CLOCK_SECOND);
	assert_upstreams("01");
	cr_assert_eq(nsilent[0], 1);
	/* There is nobody else. */
	at(start + 9 * CLOCK_SECOND);
	assert_upstreams("01");
}

Test(tries, all_have_their_step_before_the_time_is_up)
{
	uint64_t start;

	settings.timeout = 4 * CLOCK_SECOND;
	nupstreams = 7;
	settings.config.max_connections = MAX;
	kept_init();
	tries_init(&exchanges);
	begin();
	start = loop.now;
	at(start + CLOCK_SECOND / 2 - 1);
	assert_upstreams("0");
	at(start + CLOCK_SECOND / 2);
	assert_upstreams("01");
}

Test(tries, one_that_is_looked_at_is_not_alone)
{
	init(3);
	probed = 1;
	begin();
	assert_upstreams("01");
}

/* Silent is who has had its time, once; not who was asked just now. */
Test(tries, silence_is_of_the_newest)
{
	init(2);
	begin();
	at(loop.now + CLOCK_SECOND);
	cr_assert_eq(nsilent[0], 1);
	at(loop.now + CLOCK_SECOND);
	tries_expire(&x);
	cr_assert_eq(nsilent[0], 1);
	cr_assert_eq(nsilent[1], 1);
	assert_over(0, 1);
}

Test(tries, a_refusal_gives_the_next_a_whole_step)
{
	uint64_t start;

	init(3);
	begin();
	start = loop.now;
	at(start + 900 * MS);
	answer(0, RCODE_REFUSED, false);
	assert_upstreams("01");
	at(start + CLOCK_SECOND);
	assert_upstreams("01");
	at(start + 1900 * MS);
	assert_upstreams("012");
}

/* --- patience --- */

Test(tries, who_asks_again_starts_a_try_after_half_a_second)
{
	uint64_t start;

	begin();
	start = loop.now;
	loop.now = start + CLOCK_SECOND / 2 - 1;
	tries_more(&x);
	assert_upstreams("0");
	loop.now++;
	tries_more(&x);
	assert_upstreams("00");
	tries_more(&x);
	assert_upstreams("00");
}

Test(tries, sixteen_and_no_more)
{
	unsigned int i;

	init(2);
	begin();
	for (i = 0; i < 100; i++) {
		loop.now += CLOCK_SECOND / 2;
		tries_more(&x);
	}
	assert_upstreams("0101010101010101");
	for (i = 0; i < 15; i++)
		fail(i, WAY_NONE);
	assert_over(0, 0);
	fail(15, WAY_NONE);
	assert_over(0, 1);
}

/* Only beside another one it counts, and there may be none. */
Test(tries, a_client_at_its_share_has_one_at_a_time)
{
	init(3);
	most_extra = 1;
	begin();
	cr_assert_eq(quota.tries.amount, 0);
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("01");
	cr_assert_eq(quota.tries.amount, 1);
	at(loop.now + CLOCK_SECOND);
	tries_more(&x);
	events->doubted(&begun[1].attempt);
	assert_upstreams("01");
	/* One is over, so there is room. */
	fail(1, WAY_NONE);
	assert_upstreams("012");
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Who is asked after another has failed is beside nobody. */
Test(tries, one_after_the_other_needs_no_share)
{
	init(3);
	most_extra = 0;
	begin();
	fail(0, WAY_NONE);
	fail(1, WAY_NONE);
	assert_upstreams("012");
	cr_assert(answer(2, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* --- all of those beside others are in use (D22) --- */

/* Exchanges of other clients, each with one try, and one beside it. */
static struct quota hoarders[2];
static struct exchange others[MAX / 4];

static void
begin_another(struct exchange *o, struct quota *q, unsigned int ntries)
{
	o->quota = q;
	TAILQ_INIT(&o->waiting);
	o->msg = question;
	o->len = LEN;
	tries_prepare(o);
	while (ntries-- > 0) {
		loop.now += CLOCK_SECOND;
		if (LIST_EMPTY(&o->tries))
			tries_begin(o);
		else
			tries_more(o);
	}
}

/* The place of the number-th, a time in each exchange. */
static void
fill_extras(unsigned int n, unsigned int first_of)
{
	unsigned int i;

	settings.config.max_connections = n;
	for (i = 0; i < n; i++)
		begin_another(&others[i], &hoarders[i >= first_of], 2);
	cr_assert_eq(hoarders[0].tries.amount, first_of);
	cr_assert_eq(hoarders[1].tries.amount, n - first_of);
}

Test(tries, the_oldest_of_the_largest_ends)
{
	begin();
	fill_extras(8, 3);
	/* Its first: of the second client's. */
	tries_more(&x);
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert_eq(hoarders[0].tries.amount, 3);
	cr_assert_eq(hoarders[1].tries.amount, 4);
	cr_assert(begun[1 + 2 * 3 + 1].ended);
	/* That exchange has its other one, which can be the answer. */
	cr_assert(!begun[1 + 2 * 3].ended);
	cr_assert_eq(LIST_FIRST(&others[3].tries), &begun[1 + 2 * 3].attempt);
	cr_assert_eq(nfailed + ndone, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	cr_assert_eq(ndone, 1);
	cr_assert_eq(quota.tries.amount, 0);
	cr_assert(begun[nbegun - 1].ended);
}

/* Its own client is the largest: the oldest of another exchange of that. */
Test(tries, ones_own_oldest_ends_if_that_is_the_largest)
{
	begin();
	x.quota = &hoarders[1];
	fill_extras(8, 3);
	tries_more(&x);
	cr_assert(begun[1 + 2 * 3 + 1].ended);
	cr_assert_eq(hoarders[1].tries.amount, 5);
	x.quota = &quota;
}

/* But none ends for one of the same question. */
Test(tries, none_ends_for_another_of_its_own)
{
	unsigned int i;

	settings.config.max_connections = 2;
	begin();
	for (i = 0; i < 4; i++) {
		loop.now += CLOCK_SECOND;
		tries_more(&x);
	}
	cr_assert_eq(nbegun, 3);
	cr_assert_eq(quota.tries.amount, 2);
	for (i = 0; i < 3; i++)
		cr_assert(!begun[i].ended);
}

/* The one that is left is beside nobody, whichever of the two that is. */
Test(tries, the_last_one_needs_no_share)
{
	unsigned int i, round;

	for (round = 0; round < 10; round++) {
		begin();
		for (i = 1; i < 3; i++) {
			loop.now += CLOCK_SECOND;
			tries_more(&x);
		}
		cr_assert_eq(quota.tries.amount, 2);
		events->failed(&begun[round % 3].attempt, WAY_LEFT);
		cr_assert_eq(quota.tries.amount, 1);
		events->failed(&begun[(round + 1) % 3].attempt, WAY_LEFT);
		cr_assert_eq(quota.tries.amount, 0);
		cr_assert_eq(nfailed, 0);
		cr_assert(answer((round + 2) % 3, RCODE_NOERROR, false));
		assert_over(1, 0);
	}
}

static struct request joiner = { .quota = &hoarders[0] };
static struct request first = { .quota = &quota };

/* The first client has no share left, and it bears it. */
Test(tries, who_waits_too_bears_it)
{
	struct waiter w[2] = { { .request = &first }, { .request = &joiner } };
	unsigned int i;

	TAILQ_INIT(&x.waiting);
	for (i = 0; i < 2; i++)
		TAILQ_INSERT_TAIL(&x.waiting, &w[i], link);
	begin();
	most_extra = 1;
	for (i = 0; i < 4; i++) {
		loop.now += CLOCK_SECOND;
		tries_more(&x);
	}
	cr_assert_eq(nbegun, 3);
	cr_assert_eq(quota.tries.amount, 1);
	cr_assert_eq(hoarders[0].tries.amount, 1);
	/* It leaves, and then the other one. */
	tries_pass(&x, &hoarders[0], &quota);
	cr_assert_eq(quota.tries.amount, 2);
	cr_assert_eq(hoarders[0].tries.amount, 0);
	tries_pass(&x, &hoarders[0], &hoarders[1]);
	cr_assert_eq(quota.tries.amount, 2);
	tries_pass(&x, &quota, &hoarders[1]);
	cr_assert_eq(quota.tries.amount, 0);
	cr_assert_eq(hoarders[1].tries.amount, 2);
	cr_assert(answer(0, RCODE_NOERROR, false));
	cr_assert_eq(hoarders[1].tries.amount, 0);
	TAILQ_INIT(&x.waiting);
}

/* A refusal that is kept is a part of it. */
Test(tries, a_refusal_is_passed_on)
{
	init(2);
	begin();
	answer(0, RCODE_REFUSED, false);
	cr_assert_gt(quota.kept.amount, 0);
	tries_pass(&x, &quota, &hoarders[0]);
	cr_assert_eq(quota.kept.amount, 0);
	cr_assert_gt(hoarders[0].kept.amount, 0);
	answer(1, RCODE_SERVFAIL, false);
	assert_over(1, 0);
	cr_assert_eq(hoarders[0].kept.amount, 0);
}

static void
never(void *p, void *of)
{
	(void)p, (void)of;
	cr_assert(false);
}

/* Who needs the room gets it: then the end is without an answer. */
Test(tries, a_refusal_makes_room)
{
	static struct quota fillers[32];
	unsigned int i;

	init(2);
	begin();
	answer(0, RCODE_REFUSED, false);
	kept_alloc(&quota, KEPT_SHARE - quota.kept.amount, never, NULL);
	for (i = 0; i < 32; i++)
		cr_assert_not_null(kept_alloc(&fillers[i],
		    (KEPT_MAX - KEPT_SHARE) / 32, never, NULL));
	cr_assert_not_null(kept_alloc(&hoarders[0], 1, never, NULL));
	cr_assert_lt(quota.kept.amount, KEPT_SHARE);
	cr_assert_null(x.refusal);
	fail(1, WAY_NONE);
	assert_over(0, 1);
}

/* Nobody has to go for it. */
Test(tries, a_refusal_that_has_no_room_is_not_kept)
{
	static struct quota fillers[4];
	unsigned int i;

	init(2);
	for (i = 0; i < 4; i++)
		kept_alloc(&fillers[i], KEPT_SHARE, never, NULL);
	begin();
	answer(0, RCODE_REFUSED, false);
	cr_assert_null(x.refusal);
	fail(1, WAY_NONE);
	assert_over(0, 1);
}

/* --- what cannot be sent --- */

Test(tries, what_cannot_be_sent_is_sent_again_four_times)
{
	static const uint64_t times[] = { 100, 300, 700, 1500 };
	uint64_t start;
	unsigned int i;

	begin();
	start = loop.now;
	for (i = 0; i < 4; i++) {
		fail(i, WAY_UNSENT);
		assert_over(0, 0);
		at(start + times[i] * MS - 1);
		cr_assert_eq(nbegun, i + 1);
		at(start + times[i] * MS);
		cr_assert_eq(nbegun, i + 2);
	}
	fail(4, WAY_UNSENT);
	assert_over(0, 1);
	cr_assert_str_eq(why, "no upstream can be reached");
	cr_assert_eq(nsilent[0], 0);
}

Test(tries, without_a_way_it_is_the_same)
{
	uint64_t start;

	shut = 1;
	begin();
	start = loop.now;
	at(start + 100 * MS);
	at(start + 300 * MS);
	at(start + 700 * MS);
	assert_over(0, 0);
	at(start + 1500 * MS);
	assert_over(0, 1);
	assert_upstreams("");
}

Test(tries, the_way_is_there_again)
{
	shut = 1;
	begin_by(true, true);
	at(loop.now + 100 * MS);
	shut = 0;
	at(loop.now + 200 * MS);
	assert_upstreams("0");
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* Eight upstreams, five times each. */
Test(tries, what_cannot_be_sent_is_none_of_the_sixteen)
{
	unsigned int i, n;

	init(8);
	begin();
	for (n = 1; n <= 4; n++) {
		for (i = nbegun - 1; i < 8 * n; i++)
			fail(i, WAY_UNSENT);
		assert_over(0, 0);
		at(loop.now + (50 * MS << n));
	}
	cr_assert_eq(nbegun, 33);
	cr_assert(answer(32, RCODE_NOERROR, false));
	assert_over(1, 0);
}

/* While one waits to be sent, others have their chance, and it can end. */
Test(tries, it_ends_while_something_is_to_be_sent_again)
{
	init(2);
	shut = 1;
	begin();
	assert_upstreams("1");
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	/* There is a way again, but nobody who waits for it. */
	shut = 0;
	at(loop.now + CLOCK_SECOND);
	assert_upstreams("1");
	shut = 1;
	/* The lists are in order: another one in each. */
	begin();
	at(loop.now + 100 * MS);
	begin_by(false, false);
	assert_upstreams("1");
}

Test(tries, only_what_could_not_be_sent_is_sent_again)
{
	init(2);
	shut = 1;
	begin();
	shut = 0;
	at(loop.now + 100 * MS);
	assert_upstreams("10");
	at(loop.now + 200 * MS);
	assert_upstreams("10");
}

/* --- doubts --- */

Test(tries, a_doubt_lets_the_next_be_asked_and_ends_nothing)
{
	unsigned int i;

	init(2);
	begin();
	for (i = 0; i < 10; i++)
		events->doubted(&begun[0].attempt);
	assert_upstreams("01");
	assert_over(0, 0);
	cr_assert(answer(0, RCODE_NOERROR, false));
	assert_over(1, 0);
	cr_assert_eq(who, 0);
	cr_assert_eq(nsilent[0], 0);
}

Test(tries, a_doubt_about_the_only_one_changes_nothing)
{
	begin();
	events->doubted(&begun[0].attempt);
	at(loop.now + 9 * CLOCK_SECOND);
	assert_upstreams("0");
	assert_over(0, 0);
}

/* --- broken ways --- */

Test(tries, a_failure_is_the_end_if_there_is_nobody_else)
{
	begin();
	fail(0, WAY_NONE);
	assert_over(0, 1);
}

Test(tries, two_broken_connections_and_it_goes_by_udp)
{
	begin_by(true, false);
	fail(0, WAY_SENT);
	cr_assert(begun[1].tcp);
	fail(1, WAY_SENT);
	cr_assert(!begun[2].tcp);
	assert_upstreams("000");
	fail(2, WAY_NONE);
	assert_over(0, 1);
}

Test(tries, for_a_client_over_tcp_it_becomes_suspect)
{
	begin_by(true, true);
	fail(0, WAY_ANSWERED);
	cr_assert(!begun[1].suspect);
	fail(1, WAY_ANSWERED);
	cr_assert(begun[2].suspect);
	cr_assert(begun[2].tcp);
}

/* A way that took questions, broke, and from then on is shut by this host. */
Test(tries, what_cannot_be_sent_by_tcp_is_not_sent_for_ever)
{
	unsigned int i;

	begin_by(true, true);
	fail(0, WAY_SENT);
	for (i = 1; i < MAX && ndone + nfailed == 0; i++) {
		fail(nbegun - 1, WAY_UNSENT);
		at(loop.now + CLOCK_SECOND);
	}
	assert_over(0, 1);
	/* One more than one that broke, and four times again. */
	assert_upstreams("000000");
}

Test(tries, nobody_there_by_tcp_is_the_end_after_one_more)
{
	begin_by(true, true);
	fail(0, WAY_NONE);
	fail(1, WAY_NONE);
	assert_over(0, 1);
	assert_upstreams("00");
}

Test(tries, what_is_left_goes_on_beside_another)
{
	begin_by(true, true);
	events->left(&begun[0].attempt);
	assert_upstreams("00");
	fail(0, WAY_LEFT);
	assert_over(0, 0);
	cr_assert(answer(1, RCODE_NOERROR, false));
	assert_over(1, 0);
}
