/* Who waits for whose answer, and until when (D12, D24). */
#include <criterion/criterion.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "serve/counters.h"
#include "serve/deliver.h"
#include "serve/exchange.h"
#include "serve/kept.h"
#include "serve/loop.h"
#include "serve/settings.h"
#include "serve/tries.h"
#include "serve/turns.h"

#define MAX	40U		/* --max-connections */
#define TIMEOUT	(10 * CLOCK_SECOND)
#define HALF	(TIMEOUT / 2)

struct loop loop;
static unsigned int nticked, ticks_max = UINT_MAX;
struct settings settings;
struct counters counters;

/* A query that waits. */
struct mine {
	struct waiter	waiter;
	struct request	request;
	uint8_t		msg[DNS_MESSAGE_MAX];
	size_t		len;
	unsigned int	nanswered, nfailed;
	const char	*why;
	unsigned int	order;
};

static struct mine pool[MAX];
static struct quota quotas[MAX];
static struct exchange *begun[1000];	/* in their order */
static unsigned int nbegun, nmore, nexpired, nended, norder;
static bool fails_at_once;
static bool no_memory;
static struct dns_response response;
static void (*on_failure)(struct mine *);

void *__wrap_malloc(size_t);
void *__real_malloc(size_t);

void *
__wrap_malloc(size_t size)
{
	return (no_memory ? NULL : __real_malloc(size));
}

/* --- stand-ins --- */

bool
loop_tick_over(void)
{
	return (nticked++ >= ticks_max);
}

void
loop_need_tick(void)
{
}

static const struct tries_events *tries;

void
tries_init(const struct tries_events *e)
{
	tries = e;
}

void
tries_prepare(struct exchange *x)
{
	x->ntries = 0;
}

void
tries_begin(struct exchange *x)
{
	begun[nbegun++ % 1000] = x;
	if (fails_at_once)
		tries->failed(x, EDE_OTHER, "no way");
}

void
tries_more(struct exchange *x)
{
	(void)x;
	nmore++;
}

void
tries_expire(struct exchange *x)
{
	nexpired++;
	tries->failed(x, EDE_OTHER, "late");
}

void
tries_end(struct exchange *x)
{
	(void)x;
	nended++;
}

void
tries_tick(void)
{
}

void
deliver_init(const struct waiter_events *e)
{
	(void)e;
}

void
deliver(struct waiters *waiting, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	struct waiter *w;

	(void)msg, (void)len, (void)r;
	while ((w = TAILQ_FIRST(waiting)) != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		cr_assert_null(w->exchange);
		((struct mine *)w)->nanswered++;
		((struct mine *)w)->order = ++norder;
	}
}

/* --- queries --- */

static void
failed(struct waiter *w, enum dns_ede ede, const char *reason)
{
	struct mine *m = (struct mine *)w;

	(void)ede;
	cr_assert_null(w->exchange);
	m->nfailed++;
	m->why = reason;
	m->order = ++norder;
	if (on_failure != NULL)
		on_failure(m);
}

static void
set_up(void)
{
	static const struct waiter_events events = { .failed = failed };

	hash_init();
	loop.now = 100 * CLOCK_SECOND;
	settings.timeout = TIMEOUT;
	settings.config.max_connections = MAX;
	exchange_init(&events);
}

TestSuite(exchange, .init = set_up);

/* Client c asks for that name, with these flags. */
static struct mine *
ask(unsigned int i, unsigned int c, const char *label, uint16_t flags)
{
	struct mine *m = &pool[i];
	size_t n = strlen(label);

	memset(m->msg, 0, DNS_HEADER_SIZE);
	m->msg[0] = (uint8_t)rand();
	m->msg[2] = (uint8_t)(flags >> 8);
	m->msg[3] = (uint8_t)flags;
	m->msg[5] = 1;
	m->msg[12] = (uint8_t)n;
	memcpy(m->msg + 13, label, n);
	memcpy(m->msg + 13 + n, "\0\0\1\0\1", 5);
	m->len = 18 + n;
	cr_assert_eq(dns_query_parse(m->msg, m->len, &m->request.dns), DNS_OK);
	m->request.client.family = ADDR_V4;
	m->request.client.bytes[0] = (uint8_t)c;
	m->request.quota = &quotas[c];
	m->waiter.request = &m->request;
	m->waiter.exchange = NULL;
	m->nanswered = m->nfailed = 0;
	exchange_join(&m->waiter, m->msg, m->len);
	return (m);
}

static void
answer(struct exchange *x)
{
	tries->done(x, 0, NULL, 0, &response);
}

/* --- sharing --- */

Test(exchange, but_for_id_and_case_it_is_the_same)
{
	unsigned int i;

	ask(0, 0, "www", 0x100);
	ask(1, 1, "wWw", 0x100);
	cr_assert_eq(nbegun, 1);
	cr_assert_eq(counters.shared, 1);
	ask(2, 2, "www", 0x120);
	ask(3, 3, "ww", 0x100);
	pool[4].request.from.tcp = true;
	ask(4, 4, "www", 0x100);
	cr_assert_eq(nbegun, 4);
	cr_assert_eq(nmore, 0);
	answer(begun[0]);
	for (i = 0; i < 5; i++)
		cr_assert_eq(pool[i].nanswered, i < 2);
}

Test(exchange, a_client_that_asks_again_starts_a_try)
{
	ask(0, 0, "www", 0);
	ask(1, 1, "www", 0);
	cr_assert_eq(nmore, 0);
	ask(2, 1, "www", 0);
	cr_assert_eq(nmore, 1);
}

/* One of which less than half the time is left is no help. */
Test(exchange, half_of_the_time_and_no_nanosecond_less)
{
	ask(0, 0, "www", 0);
	loop.now += HALF - 1;
	ask(1, 1, "www", 0);
	cr_assert_eq(nbegun, 1);
	loop.now++;
	ask(2, 2, "www", 0);
	cr_assert_eq(nbegun, 2);
	/* That one has its whole time, and others wait for it. */
	ask(3, 3, "www", 0);
	cr_assert_eq(nbegun, 2);
	loop.now += HALF;
	cr_assert(exchange_tick());
	cr_assert_eq(nexpired, 1);
	cr_assert_eq(pool[0].nfailed + pool[1].nfailed, 2);
	cr_assert_eq(pool[2].nfailed + pool[3].nfailed, 0);
	loop.now += HALF - 1;
	cr_assert(exchange_tick());
	cr_assert_eq(nexpired, 1);
	loop.now++;
	cr_assert(!exchange_tick());
	cr_assert_eq(nexpired, 2);
	cr_assert_eq(pool[2].nfailed + pool[3].nfailed, 2);
}

/* --- ends --- */

Test(exchange, an_answer_in_the_turn_of_the_end)
{
	ask(0, 0, "www", 0);
	loop.now += TIMEOUT;
	answer(begun[0]);
	cr_assert(!exchange_tick());
	cr_assert_eq(pool[0].nanswered, 1);
	cr_assert_eq(pool[0].nfailed, 0);
	cr_assert_eq(counters.timeouts, 0);
}

Test(exchange, one_that_fails_within_its_beginning)
{
	fails_at_once = true;
	ask(0, 0, "www", 0);
	cr_assert_eq(pool[0].nfailed, 1);
	cr_assert_eq(nended, 1);
	cr_assert(!exchange_tick());
	fails_at_once = false;
	ask(0, 0, "www", 0);
	cr_assert_eq(pool[0].nfailed, 0);
	cr_assert_eq(nbegun, 2);
}

static void
ask_anew(struct mine *m)
{
	if (m == &pool[0])
		ask(1, 1, "www", 0);
}

/* The new one does not meet the one that ends. */
Test(exchange, a_query_within_the_end_of_another)
{
	on_failure = ask_anew;
	ask(0, 0, "www", 0);
	tries->failed(begun[0], EDE_OTHER, "no");
	cr_assert_eq(nbegun, 2);
	cr_assert_eq(pool[1].nfailed, 0);
	answer(begun[1]);
	cr_assert_eq(pool[1].nanswered, 1);
	cr_assert(!exchange_tick());
}

Test(exchange, ten_times_as_many_as_there_are_places)
{
	char name[16];
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		nbegun = 0;
		for (i = 0; i < MAX; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			ask(i, i, name, 0);
		}
		cr_assert_eq(nbegun, MAX);
		for (i = 0; i < MAX; i++) {
			if (i % 2 == 0)
				answer(begun[i]);
			else
				tries->failed(begun[i], EDE_OTHER, "no");
		}
		for (i = 0; i < MAX; i++)
			cr_assert_eq(pool[i].nanswered + pool[i].nfailed, 1);
		cr_assert(!exchange_tick());
	}
	cr_assert_eq(nended, 10 * MAX);
}

/* --- turns --- */

Test(exchange, the_fifth_begins_when_one_of_four_ends)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		ask(i, 0, "www", (uint16_t)(i << 4));
	cr_assert_eq(nbegun, 4);
	/* It cannot be asked again, either. */
	exchange_again(pool[4].waiter.exchange);
	cr_assert_eq(nmore, 0);
	answer(begun[2]);
	cr_assert_eq(nbegun, 5);
	cr_assert_eq(begun[4], pool[4].waiter.exchange);
	exchange_again(pool[4].waiter.exchange);
	cr_assert_eq(nmore, 1);
	tries->failed(begun[0], EDE_OTHER, "no");
	cr_assert_eq(begun[5], pool[5].waiter.exchange);
}

/* No call in a call for each: all of them fail when they begin. */
Test(exchange, all_that_wait_fail_one_after_the_other)
{
	unsigned int i;

	for (i = 0; i < MAX; i++)
		ask(i, 0, "www", (uint16_t)((i & 15) << 3 | (i >> 4) << 8));
	cr_assert_eq(nbegun, 4);
	fails_at_once = true;
	answer(begun[0]);
	cr_assert_eq(nbegun, MAX);
	for (i = 4; i < MAX; i++) {
		cr_assert_eq(pool[i].nfailed, 1, "%u", i);
		cr_assert_eq(pool[i].order, i - 2, "%u", i);
	}
	for (i = 1; i < 4; i++)
		cr_assert_eq(pool[i].nfailed, 0);
}

/* One whose time is up when its turn comes is not begun any more. */
Test(exchange, the_turn_comes_with_the_end)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		ask(i, 0, "www", (uint16_t)(i << 4));
	loop.now += TIMEOUT;
	cr_assert(!exchange_tick());
	cr_assert_eq(nbegun, 4);
	cr_assert_eq(nexpired, 5);
	cr_assert_eq(counters.timeouts, 5);
	for (i = 0; i < 5; i++)
		cr_assert_eq(pool[i].nfailed, 1);
}

/* --- memory --- */

/* An OPT record with an option makes it so long. */
static void
lengthen(struct mine *m, size_t len)
{
	uint8_t *opt = m->msg + m->len;
	size_t rest = len - m->len - 11;

	memset(opt, 0, len - m->len);
	m->msg[11] = 1;
	memcpy(opt, "\0\0\x29\4\xd0\0\0\0\0", 9);
	opt[9] = (uint8_t)(rest >> 8);
	opt[10] = (uint8_t)rest;
	opt[11] = 0xff;
	opt[13] = (uint8_t)((rest - 4) >> 8);
	opt[14] = (uint8_t)(rest - 4);
	m->len = len;
	cr_assert_eq(dns_query_parse(m->msg, len, &m->request.dns), DNS_OK);
}

Test(exchange, a_long_question_without_memory_fails_alone)
{
	struct mine *m = &pool[1];
	unsigned int i;

	ask(0, 0, "www", 0);
	ask(1, 1, "x", 0);
	answer(begun[1]);
	lengthen(m, INLINE_MAX);
	no_memory = true;
	exchange_join(&m->waiter, m->msg, m->len);
	cr_assert_eq(m->nfailed, 0);
	answer(begun[2]);
	m->len = 19;
	lengthen(m, INLINE_MAX + 1);
	for (i = 0; i < 2 * MAX; i++)
		exchange_join(&m->waiter, m->msg, m->len);
	cr_assert_eq(m->nfailed, 2 * MAX);
	/* No place is lost, and the other one waits. */
	no_memory = false;
	exchange_join(&m->waiter, m->msg, m->len);
	cr_assert_eq(begun[3]->len, m->len);
	cr_assert_eq(memcmp(begun[3]->msg + 2, m->msg + 2, m->len - 2), 0);
	answer(begun[3]);
	answer(begun[0]);
	cr_assert_eq(pool[0].nanswered, 1);
}

/* Those whose time is up together are not all looked at in one turn. */
Test(exchange, the_rest_is_looked_at_in_the_next_turn)
{
	char name[] = "a";
	unsigned int i;

	for (i = 0; i < 10; i++, name[0]++)
		ask(i, i, name, 0);
	loop.now += TIMEOUT;
	for (i = 4; i < 10; i += 4) {
		nticked = 0;
		ticks_max = 4;
		cr_assert(exchange_tick());
		cr_assert_eq(nexpired, i);
	}
	nticked = 0;
	cr_assert(!exchange_tick());
	cr_assert_eq(nexpired, 10);
}
