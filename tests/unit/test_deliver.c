/* One answer to all who wait for it, read once (D21). */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "serve/deliver.h"
#include "serve/kept.h"
#include "serve/loop.h"

#define MAX	200U
#define TURN	16U		/* answers in a turn */
#define TIME	LOOP_TURN

/* www.example. CNAME a.example. (TTL 60), which has 10.78.1.1 (TTL 30). */
static const uint8_t message[] = "\0\1\x81\x80\0\1\0\2\0\0\0\0"
    "\3www\7example\0\0\1\0\1"
    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x10"
    "\xc0\x29\0\1\0\1\0\0\0\x1e\0\4\x0a\x4e\1\1";
#define LEN	(sizeof(message) - 1)

struct loop loop;

static struct quota quota, others[3];
static struct request request = { .quota = &quota };
static struct request of_others[3] = { { .quota = &others[0] },
    { .quota = &others[1] }, { .quota = &others[2] } };
static bool by_others;			/* of each three that wait one each */
static struct waiter pool[MAX];
static unsigned int order[MAX];		/* in which they were answered */
static unsigned int nanswered, nfailed, nread, asks_from;
static uint64_t cost, spent;		/* of each answer, in this turn; ns */
static bool asks, wants_grants;
static size_t piece = SIZE_MAX;		/* links that are followed at once */
static int mallocs_left = -1;		/* then they fail; -1: never */
static struct dns_response response;
static size_t length = LEN;
static uint8_t lent[8192];		/* gone after deliver() */

uint64_t __wrap_clock_now(void);
void *__wrap_malloc(size_t);
void *__real_malloc(size_t);
enum dns_err __wrap_dns_answer_targets(const uint8_t *, size_t,
    const struct dns_response *, struct dns_target *, size_t *);
enum dns_err __real_dns_answer_targets(const uint8_t *, size_t,
    const struct dns_response *, struct dns_target *, size_t *);
enum dns_err __wrap_dns_answer_addresses(const uint8_t *, size_t,
    const struct dns_response *, dns_hash_fn *, struct dns_address *, size_t,
    size_t *);
enum dns_err __real_dns_answer_addresses(const uint8_t *, size_t,
    const struct dns_response *, dns_hash_fn *, struct dns_address *, size_t,
    size_t *);

enum dns_err __wrap_dns_links_read(const uint8_t *, const struct dns_response *,
    dns_hash_fn *, struct dns_link *, size_t *);
enum dns_err __real_dns_links_read(const uint8_t *, const struct dns_response *,
    dns_hash_fn *, struct dns_link *, size_t *);
enum dns_err __wrap_dns_follow_some(struct dns_follow *, const uint8_t *,
    const struct dns_response *, const struct dns_link *, size_t, size_t, bool *);
enum dns_err __real_dns_follow_some(struct dns_follow *, const uint8_t *,
    const struct dns_response *, const struct dns_link *, size_t, size_t, bool *);

uint64_t
__wrap_clock_now(void)
{
	return (loop.now + spent);
}

/* Alone in the turn, from when it first asks. */
bool
loop_has_time(struct loop_share *share)
{
	if (share->turn != loop.now) {
		share->turn = loop.now;
		share->end = __wrap_clock_now() + TIME;
		share->least = __wrap_clock_now() + LOOP_SHARE;
	}
	return (__wrap_clock_now() < share->end);
}

void
loop_was_long(struct loop_share *share)
{
	share->end = share->least;
}

void
loop_clock(void)
{
}

void *
__wrap_malloc(size_t size)
{
	if (mallocs_left == 0)
		return (NULL);
	if (mallocs_left > 0)
		mallocs_left--;
	return (__real_malloc(size));
}

enum dns_err
__wrap_dns_answer_targets(const uint8_t *msg, size_t len,
    const struct dns_response *r, struct dns_target *out, size_t *n)
{
	nread++;
	return (__real_dns_answer_targets(msg, len, r, out, n));
}

enum dns_err
__wrap_dns_answer_addresses(const uint8_t *msg, size_t len,
    const struct dns_response *r, dns_hash_fn *hash, struct dns_address *out,
    size_t max, size_t *n)
{
	unsigned int once = nread + 1;
	enum dns_err err;

	/* It reads links itself. */
	err = __real_dns_answer_addresses(msg, len, r, hash, out, max, n);
	nread = once;
	return (err);
}

enum dns_err
__wrap_dns_links_read(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct dns_link *out, size_t *n)
{
	nread++;
	return (__real_dns_links_read(msg, r, hash, out, n));
}

enum dns_err
__wrap_dns_follow_some(struct dns_follow *f, const uint8_t *msg,
    const struct dns_response *r, const struct dns_link *links, size_t nlinks,
    size_t max, bool *more)
{
	nread++;
	if (max > piece)
		max = piece;
	return (__real_dns_follow_some(f, msg, r, links, nlinks, max, more));
}

static void
ask(struct answer *a)
{
	const struct dns_target *targets;
	const struct dns_address *addresses;
	size_t n;

	cr_assert_eq(answer_targets(a, &targets, &n), DNS_OK);
	cr_assert_eq(n, 1);
	cr_assert_eq(targets[0].ttl, 60);
	cr_assert_eq(memcmp(targets[0].name.wire, "\1a\7example", 11), 0);
	cr_assert_eq(answer_addresses(a, &addresses, &n), DNS_OK);
	cr_assert_eq(n, 1);
	cr_assert_eq(addresses[0].ttl, 30);
	cr_assert_eq(memcmp(addresses[0].addr.bytes, "\x0a\x4e\1\1", 4), 0);
}

static void
answered(struct waiter *w, struct answer *a)
{
	cr_assert_eq(a->len, length);
	cr_assert_eq(memcmp(a->msg, message, LEN), 0);
	cr_assert_eq(a->response->ancount, 2);
	order[nanswered++] = (unsigned int)(w - pool);
	spent += cost;
	if (asks && nanswered > asks_from)
		ask(a);
}

static void
failed(struct waiter *w, enum dns_ede ede, const char *reason)
{
	(void)ede;
	(void)reason;
	order[nanswered + nfailed++] = (unsigned int)(w - pool);
}

/* What is kept for the test is not for others. */
static void
never(void *p, void *of)
{
	(void)p, (void)of;
	cr_assert(false);
}

static void
set_up(void)
{
	static const struct waiter_events events = { .answered = answered,
	    .failed = failed };

	hash_init();
	loop.base = event_base_new();
	loop.now = CLOCK_SECOND;
	kept_init();
	deliver_init(&events);
	cr_assert_eq(dns_response_parse(message, LEN, &response), DNS_OK);
}

TestSuite(deliver, .init = set_up);

static void
deliver_to(unsigned int from, unsigned int n)
{
	struct waiters waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct dns_response r = response;
	unsigned int i;

	memcpy(lent, message, LEN);
	for (i = from; i < from + n; i++) {
		pool[i].request = by_others ? &of_others[i % 3] : &request;
		pool[i].wants_grants = wants_grants;
		TAILQ_INSERT_TAIL(&waiting, &pool[i], link);
	}
	deliver(&waiting, lent, length, &r);
	cr_assert(TAILQ_EMPTY(&waiting));
	memset(lent, 0, LEN);
	memset(&r, 0, sizeof(r));
}

static void
turn(void)
{
	loop.now += 10 * CLOCK_SECOND;
	spent = 0;
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
assert_in_order(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		cr_assert_eq(order[i], i, "%u: %u", i, order[i]);
}

Test(deliver, sixteen_in_a_turn_and_each_once)
{
	unsigned int i;

	deliver_to(0, 4 * TURN + 1);
	for (i = 1; i <= 4; i++) {
		cr_assert_eq(nanswered, i * TURN);
		turn();
	}
	cr_assert_eq(nanswered, 4 * TURN + 1);
	turn();
	cr_assert_eq(nanswered, 4 * TURN + 1);
	assert_in_order(nanswered);
}

Test(deliver, all_of_sixteen_at_once)
{
	deliver_to(0, TURN);
	cr_assert_eq(nanswered, TURN);
	turn();
	cr_assert_eq(nanswered, TURN);
}

/* To the nanosecond. */
Test(deliver, as_long_as_there_is_time_in_the_turn)
{
	cost = TIME / 2;
	deliver_to(0, 10);
	cr_assert_eq(nanswered, 2);
	turn();
	cr_assert_eq(nanswered, 4);
	cost = TIME / 2 - 1;
	turn();
	cr_assert_eq(nanswered, 7);
}

Test(deliver, one_in_a_turn_however_long_it_takes)
{
	unsigned int i;

	cost = CLOCK_SECOND;
	deliver_to(0, 5);
	for (i = 1; i <= 5; i++) {
		cr_assert_eq(nanswered, i);
		turn();
	}
	assert_in_order(5);
}

Test(deliver, answers_take_turns)
{
	unsigned int i;

	deliver_to(0, 3 * TURN);
	deliver_to(100, 3 * TURN);
	for (i = 0; i < 4; i++)
		turn();
	cr_assert_eq(nanswered, 6 * TURN);
	for (i = 0; i < 6 * TURN; i++)
		cr_assert_eq(order[i] >= 100, i / TURN % 2 == 1, "%u", i);
}

Test(deliver, it_is_read_once_for_all)
{
	unsigned int i;

	asks = true;
	deliver_to(0, MAX);
	for (i = 0; i < MAX / TURN; i++)
		turn();
	cr_assert_eq(nanswered, MAX);
	cr_assert_eq(nread, 2);
}

Test(deliver, it_is_read_when_somebody_asks)
{
	unsigned int i;

	deliver_to(0, TURN);
	cr_assert_eq(nread, 0);
	asks = true;
	asks_from = TURN + 20;
	deliver_to(0, 100);
	for (i = 0; i < 100 / TURN; i++)
		turn();
	cr_assert_eq(nanswered, 100 + TURN);
	cr_assert_eq(nread, 2);
}

/* For one alone nothing is kept, and none of another answer's. */
Test(deliver, it_is_read_for_one_without_an_allocation)
{
	unsigned int i;

	asks = true;
	mallocs_left = 0;
	for (i = 0; i < 10; i++)
		deliver_to(i, 1);
	cr_assert_eq(nanswered, 10);
	cr_assert_eq(nread, 20);
}

Test(deliver, without_memory_it_is_read_again)
{
	asks = true;
	mallocs_left = 0;
	deliver_to(0, TURN);
	cr_assert_eq(nanswered, TURN);
	cr_assert_eq(nread, 2 * TURN);
	cr_assert_eq(nfailed, 0);
}

/* One that takes no time goes to all at once then. */
Test(deliver, without_memory_all_have_it_now)
{
	mallocs_left = 0;
	deliver_to(0, 100);
	cr_assert_eq(nanswered, 100);
	cr_assert_eq(nfailed, 0);
	assert_in_order(100);
}

/* Those who would have had it later: each is told, once. */
Test(deliver, without_memory_and_time_the_others_fail)
{
	mallocs_left = 0;
	cost = TIME / 10;
	deliver_to(0, 100);
	cr_assert_eq(nanswered, 11);
	cr_assert_eq(nfailed, 100 - 11);
	assert_in_order(100);
	turn();
	cr_assert_eq(nanswered + nfailed, 100);
}

/* What was read so far is freed: the two are all there is memory for. */
Test(deliver, without_memory_what_was_read_is_freed)
{
	asks = true;
	mallocs_left = 2;
	deliver_to(0, 2 * TURN);
	mallocs_left = -1;
	deliver_to(0, 2 * TURN);
	turn();
	cr_assert_eq(nanswered, 4 * TURN);
}

/* It is one client's, and only until the last one has it. */
Test(deliver, what_is_kept_is_counted)
{
	deliver_to(0, 2 * TURN + 1);
	cr_assert_geq(quota.kept.amount, LEN);
	turn();
	cr_assert_geq(quota.kept.amount, LEN);
	turn();
	cr_assert_eq(nanswered, 2 * TURN + 1);
	cr_assert_eq(quota.kept.amount, 0);
}

/* A name and an address, which were read while all had it at once. */
Test(deliver, what_was_read_is_counted)
{
	uint32_t kept;

	deliver_to(0, 2 * TURN);
	kept = quota.kept.amount;
	turn();
	asks = true;
	deliver_to(0, 2 * TURN);
	cr_assert_eq(quota.kept.amount, kept + sizeof(struct dns_target) + 1 +
	    sizeof(struct dns_address) + 1);
	turn();
	cr_assert_eq(nanswered, 4 * TURN);
	cr_assert_eq(quota.kept.amount, 0);
	deliver_to(0, TURN);
	cr_assert_eq(quota.kept.amount, 0);
}

/* Who has its share: what was read for one is read again for the next one. */
Test(deliver, without_room_it_is_read_again)
{
	void *all = kept_alloc(&quota, KEPT_SHARE, never, NULL);

	asks = true;
	deliver_to(0, TURN);
	cr_assert_eq(nread, 2 * TURN);
	cr_assert_eq(quota.kept.amount, KEPT_SHARE);
	kept_free(all);
	deliver_to(0, TURN);
	cr_assert_eq(nread, 2 * TURN + 2);
	cr_assert_eq(quota.kept.amount, 0);
}

/* --- who leaves, and who has to (D22) --- */

/* The answer is for each that waits still. */
Test(deliver, who_has_left_gets_nothing)
{
	deliver_to(0, 2 * TURN + 2);
	deliver_leave(&pool[TURN]);
	deliver_leave(&pool[2 * TURN + 1]);
	turn();
	turn();
	cr_assert_eq(nanswered, 2 * TURN);
	cr_assert_eq(order[TURN], TURN + 1);
	cr_assert_eq(order[2 * TURN - 1], 2 * TURN);
	cr_assert_eq(quota.kept.amount, 0);
}

Test(deliver, when_all_have_left_it_is_over)
{
	unsigned int i, round;

	for (round = 0; round < 10; round++) {
		deliver_to(0, TURN + 3);
		deliver_to(100, TURN + 1);
		for (i = TURN; i < TURN + 3; i++)
			deliver_leave(&pool[i]);
		deliver_leave(&pool[100 + TURN]);
		cr_assert_eq(quota.kept.amount, 0);
		turn();
		cr_assert_eq(nanswered, 2 * TURN);
		nanswered = 0;
	}
	cr_assert_eq(nfailed, 0);
}

/* It is kept for the last one, whoever that is; with what was read of it. */
Test(deliver, who_is_left_keeps_it)
{
	uint32_t all;

	by_others = asks = true;
	deliver_to(0, TURN + 6);
	/* 16, 17, ...: clients 1, 2, 0, 1, 2, 0. */
	all = others[0].kept.amount;
	cr_assert_gt(all, LEN + sizeof(struct dns_address));
	cr_assert_eq(others[1].kept.amount + others[2].kept.amount, 0);
	deliver_leave(&pool[TURN + 2]);
	cr_assert_eq(others[0].kept.amount, all);
	deliver_leave(&pool[TURN + 5]);
	cr_assert_eq(others[0].kept.amount, 0);
	cr_assert_eq(others[2].kept.amount, all);
	turn();
	cr_assert_eq(nanswered, TURN + 4);
	cr_assert_eq(nread, 2);
	cr_assert_eq(others[2].kept.amount, 0);
}

/* The last one's client has no room: another one's has. */
Test(deliver, who_has_room_keeps_it)
{
	void *all0 = kept_alloc(&others[0], KEPT_SHARE, never, NULL),
	    *all2 = kept_alloc(&others[2], KEPT_SHARE, never, NULL);
	unsigned int i;

	by_others = true;
	cost = TIME / TURN;
	deliver_to(0, TURN + 6);
	cr_assert_eq(nanswered, TURN);
	cr_assert_gt(others[1].kept.amount, LEN);
	turn();
	cr_assert_eq(nanswered, TURN + 6);
	cr_assert_eq(nfailed, 0);
	/* It was the last one then. */
	for (i = TURN; i < TURN + 5; i++)
		cr_assert_neq(order[i], TURN + 3);
	cr_assert_eq(order[TURN + 5], TURN + 3);
	cr_assert_eq(others[1].kept.amount, 0);
	kept_free(all0);
	kept_free(all2);
}

Test(deliver, if_nobody_has_room_it_fails)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		kept_alloc(&others[i], KEPT_SHARE, never, NULL);
	by_others = true;
	cost = TIME / TURN;
	deliver_to(0, 3 * TURN);
	cr_assert_eq(nanswered, TURN + 1);
	cr_assert_eq(nfailed, 2 * TURN - 1);
}

static void
free_it(void *p, void *of)
{
	(void)of;
	kept_free(p);
}

/* It is the oldest of who has most: for that client it ends, for others not. */
Test(deliver, it_makes_room_for_others)
{
	static struct quota fillers[32];
	unsigned int i;

	by_others = true;
	deliver_to(0, TURN + 6);
	kept_alloc(&others[0], KEPT_SHARE - others[0].kept.amount, free_it,
	    NULL);
	for (i = 0; i < 32; i++)
		kept_alloc(&fillers[i], (KEPT_MAX - KEPT_SHARE) / 32, never,
		    NULL);
	cr_assert_eq(nfailed, 0);
	cr_assert_not_null(kept_alloc(&quota, KEPT_SHARE / 2, never, NULL));
	cr_assert_eq(nfailed, 2);
	cr_assert_eq(order[TURN], TURN + 2);
	cr_assert_eq(order[TURN + 1], TURN + 5);
	turn();
	cr_assert_eq(nanswered, TURN + 4);
	cr_assert_eq(others[0].kept.amount + others[2].kept.amount, 0);
}

/* What was read of an answer goes first: it can be read again. */
Test(deliver, what_was_read_makes_room)
{
	static struct quota fillers[32];
	unsigned int i;

	asks = true;
	deliver_to(0, TURN + 2);
	kept_alloc(&quota, KEPT_SHARE - quota.kept.amount, never, NULL);
	for (i = 0; i < 32; i++)
		kept_alloc(&fillers[i], (KEPT_MAX - KEPT_SHARE) / 32, never,
		    NULL);
	cr_assert_not_null(kept_alloc(&others[0], 1, never, NULL));
	cr_assert_eq(nfailed, 0);
	cr_assert_eq(nread, 2);
	turn();
	cr_assert_eq(nanswered, TURN + 2);
	/* For each again: there is no room to keep it in. */
	cr_assert_eq(nread, 4);
}

/* --- long answers, of which each part is a turn's work --- */

Test(deliver, a_long_one_is_read_in_other_turns)
{
	length = 4097;
	wants_grants = true;
	deliver_to(0, 3);
	cr_assert_eq(nread, 0);
	cr_assert_geq(quota.kept.amount, length);
	turn();
	cr_assert_eq(nread, 1);
	turn();
	cr_assert_eq(nread, 2);
	turn();
	cr_assert_eq(nread, 3);
	cr_assert_eq(nanswered, 0);
	asks = true;
	turn();
	cr_assert_eq(nanswered, 3);
	assert_in_order(3);
	cr_assert_eq(nread, 3);
	cr_assert_eq(quota.kept.amount, 0);
}

/* A long one of some clients, of whose two links one is followed. */
static void
read_first_link(unsigned int n)
{
	unsigned int i;

	length = 4097;
	wants_grants = true;
	piece = 1;
	deliver_to(0, n);
	for (i = 1; i <= 3; i++) {
		turn();
		cr_assert_eq(nread, i);
	}
}

Test(deliver, the_addresses_of_a_long_one_are_read_in_pieces)
{
	read_first_link(2);
	turn();
	cr_assert_eq(nread, 4);
	cr_assert_eq(nanswered, 0);
	asks = true;
	turn();
	cr_assert_eq(nanswered, 2);
	cr_assert_eq(nread, 4);
	cr_assert_eq(quota.kept.amount, 0);
}

Test(deliver, who_leaves_while_a_long_one_is_read)
{
	uint32_t all;

	by_others = true;
	read_first_link(3);
	all = others[2].kept.amount;
	cr_assert_gt(all, length + DNS_ADDRESSES_MAX * sizeof(struct dns_address));
	deliver_leave(&pool[2]);
	cr_assert_eq(others[1].kept.amount, all);
	cr_assert_eq(others[2].kept.amount, 0);
	deliver_leave(&pool[1]);
	deliver_leave(&pool[0]);
	cr_assert_eq(others[0].kept.amount + others[1].kept.amount, 0);
	turn();
	cr_assert_eq(nread, 3);
	cr_assert_eq(nanswered + nfailed, 0);
}

/* Others need the room: all of it goes. */
Test(deliver, a_long_one_makes_room_while_it_is_read)
{
	static struct quota fillers[32];
	unsigned int i;

	read_first_link(2);
	kept_alloc(&quota, KEPT_SHARE - quota.kept.amount, never, NULL);
	for (i = 0; i < 32; i++)
		kept_alloc(&fillers[i], (KEPT_MAX - KEPT_SHARE) / 32, never, NULL);
	cr_assert_not_null(kept_alloc(&others[0], 1, never, NULL));
	cr_assert_eq(nfailed, 2);
	turn();
	cr_assert_eq(nread, 3);
	cr_assert_eq(nanswered, 0);
}

/* They are read at once then, and for each again. */
Test(deliver, a_long_one_without_memory_for_pieces)
{
	unsigned int i;

	length = 4097;
	wants_grants = asks = true;
	piece = 1;
	mallocs_left = 3;
	deliver_to(0, 2);
	for (i = 1; i <= 3; i++) {
		turn();
		cr_assert_eq(nread, i);
	}
	turn();
	cr_assert_eq(nanswered, 2);
	cr_assert_eq(nread, 5);
	cr_assert_eq(quota.kept.amount, 0);
}

/* There was memory to read them, but not to keep them. */
Test(deliver, a_long_one_whose_addresses_cannot_be_kept)
{
	unsigned int i;

	length = 4097;
	wants_grants = asks = true;
	mallocs_left = 4;
	deliver_to(0, 2);
	for (i = 1; i <= 4; i++)
		turn();
	cr_assert_eq(nanswered, 2);
	cr_assert_eq(nread, 5);
	cr_assert_eq(quota.kept.amount, 0);
}

/* Without -> nobody asks for its addresses. */
Test(deliver, a_long_one_is_read_as_far_as_it_is_asked)
{
	length = 4097;
	deliver_to(0, 1);
	turn();
	cr_assert_eq(nread, 1);
	turn();
	cr_assert_eq(nanswered, 1);
	cr_assert_eq(nread, 1);
}

Test(deliver, one_that_is_not_long_is_delivered_now)
{
	length = 4096;
	deliver_to(0, 1);
	cr_assert_eq(nanswered, 1);
}

Test(deliver, a_long_one_for_which_there_is_no_memory)
{
	length = 4097;
	asks = true;
	mallocs_left = 0;
	deliver_to(0, 1);
	cr_assert_eq(nanswered, 1);
	cr_assert_eq(nread, 2);
}

/* What cannot be kept of it is read again; it comes to an end. */
Test(deliver, a_long_one_whose_parts_cannot_be_kept)
{
	unsigned int i;

	length = 4097;
	asks = wants_grants = true;
	mallocs_left = 1;
	deliver_to(0, 2);
	for (i = 0; i < 4; i++)
		turn();
	cr_assert_eq(nanswered, 2);
	cr_assert_eq(nread, 7);
}

Test(deliver, each_that_waits_for_a_long_one_may_have_a_turn)
{
	unsigned int i;

	length = 4097;
	cost = TIME;
	deliver_to(0, 5);
	turn();
	for (i = 1; i <= 5; i++) {
		turn();
		cr_assert_eq(nanswered, i);
	}
}

/* What is left of the turn is for others, and for short ones. */
Test(deliver, a_long_one_has_its_least_share_of_a_turn)
{
	cost = LOOP_SHARE / 2;
	length = 4097;
	deliver_to(0, 5);
	turn();
	turn();
	cr_assert_eq(nanswered, 2);
	turn();
	cr_assert_eq(nanswered, 4);
	turn();
	cr_assert_eq(nanswered, 5);
	turn();
	length = 4096;
	deliver_to(0, 5);
	cr_assert_eq(nanswered, 10);
}
