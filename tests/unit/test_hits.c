/* How often rules matched (U6): what is told, when, and that nothing is lost. */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <string.h>

#include "serve/hits.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/priv.h"

struct loop loop;
struct policy policy;

static uint64_t told[MSG_LINES_MAX + 1];
static size_t nrecords;
static size_t room = SIZE_MAX;		/* records that the channel takes */

void
loop_clock(void)
{
}

bool
priv_send(const void *buf, size_t len)
{
	const uint8_t *from = buf;
	struct msg_hits m;

	cr_assert(len > 0 && len <= MSG_BATCH_MAX * sizeof(m));
	if (room == 0)
		return (false);
	room--;
	nrecords++;
	for (; len > 0; from += sizeof(m), len -= sizeof(m)) {
		cr_assert_eq(msg_hits_decode(from, sizeof(m), &m), MSG_OK);
		cr_assert_eq(m.policy, policy.generation);
		told[m.line] += m.count;
	}
	return (true);
}

static void
set_up(void)
{
	loop.base = event_base_new();
	policy.generation = 7;
	hits_init();
}

static void
tear_down(void)
{
	event_base_free(loop.base);
}

TestSuite(hits, .init = set_up, .fini = tear_down, .timeout = 60);

static void
count(uint32_t line)
{
	const struct acl_decision d = { .nlines = 1, .lines = { line } };

	hits_count(&d);
}

/* What the loop does when the second is over; false: it waits for none. */
static bool
second(void)
{
	bool waits = event_base_loop(loop.base, EVLOOP_ONCE) == 0;

	hits_turn();
	return (waits);
}

Test(hits, U6_all_that_matched_in_one_record)
{
	const struct acl_decision d = { .nlines = 3, .lines = { 3, 9, 5 } };

	hits_count(&d);
	count(9);
	hits_turn();
	cr_assert_eq(nrecords, 0);
	cr_assert(second());
	cr_assert_eq(nrecords, 1);
	cr_assert(told[3] == 1 && told[5] == 1 && told[9] == 2);
	/* Nothing is left, and no timer. */
	cr_assert(!second());
	count(9);
	cr_assert(second());
	cr_assert_eq(told[9], 3);
}

Test(hits, U6_lines_that_are_not_counted)
{
	count(0);
	count(MSG_LINES_MAX + 1);
	count(UINT32_MAX);
	cr_assert(!second());
	count(1);
	count(MSG_LINES_MAX);
	cr_assert(second());
	cr_assert(told[1] == 1 && told[MSG_LINES_MAX] == 1);
}

/* So many a second, and then the others. */
Test(hits, U6_many_rules_are_told_in_turn)
{
	const uint32_t n = 2 * HITS_RECORDS * MSG_BATCH_MAX;
	uint32_t i;

	for (i = 1; i <= n; i++)
		count(i);
	cr_assert(second());
	cr_assert_eq(nrecords, HITS_RECORDS);
	/* These wait behind what waits. */
	count(1);
	cr_assert(second());
	cr_assert_eq(nrecords, 2 * HITS_RECORDS);
	cr_assert_eq(told[1], 1);
	cr_assert(second());
	cr_assert(!second());
	for (i = 1; i <= n; i++)
		cr_assert_eq(told[i], i == 1 ? 2 : 1);
}

Test(hits, U6_what_has_no_room_is_told_later)
{
	uint32_t i;

	for (i = 1; i <= 3 * MSG_BATCH_MAX; i++)
		count(i);
	room = 1;
	cr_assert(second());
	for (i = 1; i <= 3 * MSG_BATCH_MAX; i++)
		count(i);
	cr_assert(second());
	cr_assert_eq(nrecords, 1);
	room = SIZE_MAX;
	cr_assert(second());
	for (i = 1; i <= 3 * MSG_BATCH_MAX; i++)
		cr_assert_eq(told[i], 2, "line %u", i);
}

/* Each has its place, also when the ring of them has gone around. */
Test(hits, U6_every_line_there_is)
{
	uint32_t i;

	count(1);
	cr_assert(second());
	for (i = 0; i < 3 * MSG_LINES_MAX; i++)
		count(1 + i % MSG_LINES_MAX);
	cr_assert(second());
	for (i = 2; i <= HITS_RECORDS * MSG_BATCH_MAX; i++)
		cr_assert_eq(told[i], 3);
	cr_assert_eq(told[i], 0);
}

Test(hits, U6_another_list_begins_with_nothing)
{
	count(1);
	room = 0;
	hits_forget();
	room = SIZE_MAX;
	policy.generation++;
	cr_assert(!second());
	count(2);
	cr_assert(second());
	cr_assert(told[1] == 0 && told[2] == 1);
}

/* It may be the same text; and this is told as being of the one before. */
Test(hits, U6_what_is_known_is_told_before_another_list)
{
	count(1);
	hits_forget();
	policy.generation++;
	cr_assert_eq(told[1], 1);
	cr_assert(!second());
	cr_assert_eq(told[1], 1);
}
