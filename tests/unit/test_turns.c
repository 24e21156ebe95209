/* At most four exchanges are open for one question (D24). */
#include <criterion/criterion.h>

#include "serve/tries.h"
#include "serve/turns.h"

#define MAX	40U		/* exchanges at a time */

/* Clients, which are only compared. */
#define A	((const struct quota *)&pool[0])
#define B	((const struct quota *)&pool[1])
#define C	((const struct quota *)&pool[2])

static struct exchange pool[MAX];

static void
set_up(void)
{
	turns_init(MAX);
}

TestSuite(turns, .init = set_up);

Test(turns, four_are_open_and_the_others_wait_in_their_order)
{
	unsigned int i;

	for (i = 0; i < MAX; i++)
		cr_assert_eq(turns_take(&pool[i], 7, A), i < 4, "%u", i);
	for (i = 0; i < MAX; i++) {
		cr_assert_eq(turns_leave(&pool[i]),
		    i + 4 < MAX ? &pool[i + 4] : NULL, "%u", i);
		cr_assert(i + 4 >= MAX || !pool[i + 4].queued);
	}
	cr_assert(turns_take(&pool[0], 7, A));
}

Test(turns, another_question_has_its_own)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		turns_take(&pool[i], 7, A);
	/* In the same bucket, and in another one. */
	for (i = 10; i < 14; i++) {
		cr_assert(turns_take(&pool[i], 7 + 64, A));
		cr_assert(turns_take(&pool[i + 10], 8, A));
	}
	cr_assert(!turns_take(&pool[14], 7 + 64, A));
	cr_assert(!turns_take(&pool[24], 8, A));
	cr_assert_eq(turns_leave(&pool[20]), &pool[24]);
}

Test(turns, one_that_ends_while_it_waits_lets_nobody_in)
{
	unsigned int i;

	for (i = 0; i < 7; i++)
		turns_take(&pool[i], 7, A);
	cr_assert_null(turns_leave(&pool[5]));
	cr_assert_eq(turns_leave(&pool[0]), &pool[4]);
	cr_assert_eq(turns_leave(&pool[4]), &pool[6]);
	cr_assert_null(turns_leave(&pool[1]));
	cr_assert(turns_take(&pool[0], 7, A));
	cr_assert(!turns_take(&pool[1], 7, A));
}

Test(turns, the_last_that_is_open_counts)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		turns_take(&pool[i], 7, A);
	for (i = 0; i < 3; i++)
		cr_assert_null(turns_leave(&pool[i]));
	for (i = 0; i < 3; i++)
		cr_assert(turns_take(&pool[i], 7, A));
	cr_assert(!turns_take(&pool[4], 7, A));
	cr_assert_eq(turns_leave(&pool[3]), &pool[4]);
}

Test(turns, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < MAX; i++)
			cr_assert(turns_take(&pool[i], 1000 * round + i, A));
		for (i = 0; i < MAX; i++)
			cr_assert_null(turns_leave(&pool[i]));
	}
}

Test(turns, clients_take_turns)
{
	const struct quota *of[] = { A, A, A, A, A, A, A, B, B, C };
	const unsigned int order[] = { 4, 7, 9, 5, 8, 6 };
	unsigned int i;

	for (i = 0; i < 10; i++)
		turns_take(&pool[i], 7, of[i]);
	for (i = 0; i < 6; i++)
		cr_assert_eq(turns_leave(&pool[i]), &pool[order[i]], "%u", i);
	cr_assert_null(turns_leave(&pool[9]));
}

/* Of what waits for the same question: others, ends, and begins. */
Test(turns, who_joins_waits_for_nobody_else)
{
	unsigned int i;

	for (i = 0; i < 12; i++)
		turns_take(&pool[i], 7, A);
	/* Neither who has something waiting, nor for the first one. */
	turns_join(&pool[9], A);
	turns_join(&pool[4], B);
	turns_join(&pool[10], B);
	turns_join(&pool[11], B);
	turns_join(&pool[10], C);
	turns_join(&pool[0], C);
	cr_assert_eq(turns_leave(&pool[0]), &pool[4]);
	cr_assert_eq(turns_leave(&pool[1]), &pool[10]);
	cr_assert_eq(turns_leave(&pool[2]), &pool[5]);
	turns_join(&pool[11], B);
	cr_assert_eq(turns_leave(&pool[3]), &pool[6]);
	cr_assert_eq(turns_leave(&pool[4]), &pool[11]);
}

Test(turns, lanes_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < MAX; i++)
			turns_take(&pool[i], 7,
			    (const struct quota *)&pool[i]);
		for (i = MAX; i-- > 4;)
			cr_assert_null(turns_leave(&pool[i]));
		for (i = 0; i < 4; i++)
			cr_assert_null(turns_leave(&pool[i]));
	}
}
