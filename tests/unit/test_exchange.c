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
#define FILLERS	512U

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
static struct quota quotas[MAX], fillers[FILLERS];
static struct exchange *begun[1000];	/* in their order */
static const struct quota *passed_from, *passed_to;
static struct waiter *left;		/* of deliver */
static unsigned int npassed, nbegun, nmore, nexpired, nended, norder;
static bool fails_at_once;
static bool no_memory;
static struct dns_response response;
static void (*on_failure)(struct mine *);
static void (*on_deliver)(void);

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
tries_pass(struct exchange *x, const struct quota *from, struct quota *to)
{
	(void)x;
	passed_from = from;
	passed_to = to;
	npassed++;
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
	if (on_deliver != NULL)
		on_deliver();
	while ((w = TAILQ_FIRST(waiting)) != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		cr_assert_null(w->exchange);
		((struct mine *)w)->nanswered++;
		((struct mine *)w)->order = ++norder;
	}
}

void
deliver_leave(struct waiter *w)
{
	left = w;
}

/* What is kept for the test is not for others. */
static void
never(void *p, void *of)
{
	(void)p, (void)of;
	cr_assert(false);
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

/* --- how long it took --- */

Test(exchange, U7_the_time_to_an_answer_is_measured)
{
	ask(0, 1, "a", 0);
	loop.now += 3 * CLOCK_SECOND / 1000;
	/* From the question's first query, whoever else waits. */
	ask(1, 2, "a", 0);
	answer(begun[0]);
	cr_assert(counters.upstream.sum == 3 * CLOCK_SECOND / 1000 &&
	    counters.upstream.counts[3] == 1);
}

Test(exchange, U7_a_question_without_an_answer_took_all_its_time)
{
	struct mine *m = ask(0, 1, "a", 0);

	begun[0]->ntries = 1;
	loop.now += TIMEOUT;
	cr_assert(!exchange_tick());
	cr_assert_eq(m->nfailed, 1);
	cr_assert_eq(counters.upstream.sum, TIMEOUT);
}

Test(exchange, U7_the_wait_for_a_turn_is_not_the_upstreams)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		ask(i, i, "a", (uint16_t)(i << 4));
	cr_assert_eq(nbegun, 4);
	loop.now += CLOCK_SECOND / 1000;
	answer(begun[0]);
	cr_assert_eq(nbegun, 5);
	loop.now += CLOCK_SECOND / 1000;
	answer(begun[4]);
	cr_assert_eq(counters.upstream.sum, 2 * CLOCK_SECOND / 1000);
}

Test(exchange, U7_what_nobody_could_be_asked_is_not_fast)
{
	fails_at_once = true;
	ask(0, 1, "a", 0);
	fails_at_once = false;
	/* One that left is nobody's any more. */
	exchange_leave(&ask(1, 1, "b", 0)->waiter);
	cr_assert_eq(counters.upstream.sum + counters.upstream.counts[0], 0);
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

/* --- who leaves --- */

static void
leave(unsigned int i)
{
	exchange_leave(&pool[i].waiter);
	cr_assert_null(pool[i].waiter.exchange);
}

Test(exchange, it_goes_on_without_one_that_leaves)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		ask(i, i, "www", 0);
	leave(2);
	cr_assert_eq(npassed, 1);
	cr_assert_eq(passed_from, &quotas[2]);
	cr_assert_eq(passed_to, &quotas[0]);
	cr_assert_eq(begun[0]->quota, &quotas[0]);
	leave(0);
	cr_assert_eq(npassed, 2);
	cr_assert_eq(passed_from, &quotas[0]);
	cr_assert_eq(passed_to, &quotas[1]);
	cr_assert_eq(begun[0]->quota, &quotas[1]);
	cr_assert_eq(nended, 0);
	answer(begun[0]);
	for (i = 0; i < 4; i++)
		cr_assert_eq(pool[i].nanswered, i % 2);
}

/* Of one client the first leaves: that bears it for the other one. */
Test(exchange, it_is_the_same_clients_still)
{
	ask(0, 0, "www", 0);
	ask(1, 0, "www", 0);
	leave(0);
	cr_assert_eq(npassed, 0);
	cr_assert_eq(begun[0]->quota, &quotas[0]);
	answer(begun[0]);
	cr_assert_eq(pool[1].nanswered, 1);
}

Test(exchange, it_ends_with_the_last_that_leaves)
{
	unsigned int round;

	for (round = 0; round < 10 * MAX; round++) {
		nbegun = 0;
		ask(0, 0, "www", 0);
		ask(1, 1, "www", 0);
		begun[0]->ntries = 1;
		begun[0]->last = 3;
		leave(round % 2);
		leave(1 - round % 2);
		cr_assert_eq(nended, round + 1);
		cr_assert_eq(pool[0].request.upstream, 3);
		cr_assert(!exchange_tick());
	}
	cr_assert_eq(pool[0].nanswered + pool[0].nfailed, 0);
}

/* Also one that waits for its turn, and the next one has its turn then. */
Test(exchange, turns_go_on_without_one_that_leaves)
{
	unsigned int i;

	for (i = 0; i < 7; i++)
		ask(i, 0, "www", (uint16_t)(i << 4));
	leave(4);
	cr_assert_eq(nbegun, 4);
	leave(1);
	cr_assert_eq(nbegun, 5);
	cr_assert_eq(begun[4], pool[5].waiter.exchange);
	leave(6);
	answer(begun[0]);
	cr_assert_eq(nbegun, 5);
	cr_assert_eq(pool[1].nfailed + pool[4].nfailed + pool[6].nfailed, 0);
}

/* It need not wait for the rest of the turns of the one that left. */
Test(exchange, the_turn_is_that_of_who_is_left)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		ask(i, 0, "www", (uint16_t)(i << 3));
	/* While another one of its own waits it may wait for this one, too. */
	ask(10, 1, "www", 10 << 3);
	ask(11, 1, "www", 9 << 3);
	cr_assert_eq(pool[11].waiter.exchange, pool[9].waiter.exchange);
	answer(begun[0]);
	answer(begun[1]);
	cr_assert_eq(begun[5], pool[10].waiter.exchange);
	leave(9);
	answer(begun[2]);
	answer(begun[3]);
	cr_assert_eq(nbegun, 8);
	cr_assert(begun[6] == pool[11].waiter.exchange ||
	    begun[7] == pool[11].waiter.exchange);
}

Test(exchange, who_has_an_answer_to_come_leaves_that)
{
	ask(0, 0, "www", 0);
	pool[0].waiter.exchange = NULL;
	exchange_leave(&pool[0].waiter);
	cr_assert_eq(left, &pool[0].waiter);
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

/* Client c asks for that name with 64 KiB, and the number in them. */
static struct mine *
ask_long(unsigned int i, unsigned int c, unsigned int number)
{
	struct mine *m = ask(i, c, "x", 0x8000 >> 1);

	/* Not that short one. */
	leave(i);
	lengthen(m, DNS_MESSAGE_MAX);
	m->msg[m->len - 1] = (uint8_t)number;
	exchange_join(&m->waiter, m->msg, m->len);
	return (m);
}

/* Many have all of the room for long ones, but for that of three. */
static void
fill_kept(void)
{
	unsigned int i;

	for (i = 0; i < FILLERS; i++)
		cr_assert_not_null(kept_alloc(&fillers[i], (KEPT_MAX -
		    3 * DNS_MESSAGE_MAX) / FILLERS, never, NULL));
}

Test(exchange, a_long_question_makes_room_for_another_clients)
{
	unsigned int i;

	fill_kept();
	for (i = 0; i < 3; i++)
		ask_long(i, 0, i);
	ask_long(3, 1, 3);
	cr_assert_eq(pool[3].nfailed, 0);
	cr_assert_eq(pool[0].nfailed, 1);
	cr_assert_str_eq(pool[0].why, "no memory for the question");
	cr_assert_eq(quotas[0].kept.amount, 2 * DNS_MESSAGE_MAX);
	cr_assert_eq(quotas[1].kept.amount, DNS_MESSAGE_MAX);
	/* It has most of those that are its own. */
	ask_long(4, 0, 4);
	cr_assert_eq(pool[1].nfailed, 1);
	cr_assert_eq(pool[3].nfailed + pool[4].nfailed, 0);
}

/* Who joined it has it for itself then, and what made room is another one. */
Test(exchange, who_joined_goes_on_with_it)
{
	struct exchange *x;
	unsigned int i;

	fill_kept();
	for (i = 0; i < 3; i++)
		ask_long(i, 0, i);
	ask_long(3, 2, 0);
	ask_long(4, 0, 0);
	x = pool[3].waiter.exchange;
	cr_assert_eq(x, pool[0].waiter.exchange);
	ask_long(5, 1, 5);
	cr_assert_eq(pool[0].nfailed + pool[4].nfailed, 2);
	cr_assert_eq(pool[1].nfailed, 1);
	cr_assert_eq(pool[3].nfailed + pool[5].nfailed, 0);
	cr_assert_eq(pool[3].waiter.exchange, x);
	cr_assert_eq(x->quota, &quotas[2]);
	cr_assert_eq(quotas[2].kept.amount, DNS_MESSAGE_MAX);
	answer(x);
	cr_assert_eq(pool[3].nanswered, 1);
	cr_assert_eq(quotas[2].kept.amount, 0);
}

static void
evict_one(void)
{
	cr_assert_not_null(kept_alloc(&quotas[1], DNS_MESSAGE_MAX, never, NULL));
}

/* One whose turn has come when it has to go is not begun any more. */
Test(exchange, one_goes_that_was_about_to_begin)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		ask(i, 1, "x", (uint16_t)(i << 3));
	fill_kept();
	for (; i < 7; i++)
		ask_long(i, 0, i);
	cr_assert_eq(nbegun, 4);
	on_deliver = evict_one;
	answer(begun[0]);
	cr_assert_eq(pool[4].nfailed, 1);
	cr_assert_eq(nbegun, 5);
	cr_assert_eq(begun[4], pool[5].waiter.exchange);
	on_deliver = NULL;
	answer(begun[1]);
	cr_assert_eq(nbegun, 6);
	cr_assert_eq(begun[5], pool[6].waiter.exchange);
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
