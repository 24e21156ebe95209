/* At most four exchanges are open for one question (D24). */
#include <criterion/criterion.h>

#include "serve/tries.h"
#include "serve/turns.h"

#define MAX	40U		/* exchanges at a time */

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
		cr_assert_eq(turns_take(&pool[i], 7), i < 4, "%u", i);
	for (i = 0; i < MAX; i++) {
		cr_assert_eq(turns_leave(&pool[i]),
		    i + 4 < MAX ? &pool[i + 4] : NULL, "%u", i);
		cr_assert(i + 4 >= MAX || !pool[i + 4].queued);
	}
	cr_assert(turns_take(&pool[0], 7));
}

Test(turns, another_question_has_its_own)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		turns_take(&pool[i], 7);
	/* In the same bucket, and in another one. */
	for (i = 10; i < 14; i++) {
		cr_assert(turns_take(&pool[i], 7 + 64));
		cr_assert(turns_take(&pool[i + 10], 8));
	}
	cr_assert(!turns_take(&pool[14], 7 + 64));
	cr_assert(!turns_take(&pool[24], 8));
	cr_assert_eq(turns_leave(&pool[20]), &pool[24]);
}

Test(turns, one_that_ends_while_it_waits_lets_nobody_in)
{
	unsigned int i;

	for (i = 0; i < 7; i++)
		turns_take(&pool[i], 7);
	cr_assert_null(turns_leave(&pool[5]));
	cr_assert_eq(turns_leave(&pool[0]), &pool[4]);
	cr_assert_eq(turns_leave(&pool[4]), &pool[6]);
	cr_assert_null(turns_leave(&pool[1]));
	cr_assert(turns_take(&pool[0], 7));
	cr_assert(!turns_take(&pool[1], 7));
}

Test(turns, the_last_that_is_open_counts)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		turns_take(&pool[i], 7);
	for (i = 0; i < 3; i++)
		cr_assert_null(turns_leave(&pool[i]));
	for (i = 0; i < 3; i++)
		cr_assert(turns_take(&pool[i], 7));
	cr_assert(!turns_take(&pool[4], 7));
	cr_assert_eq(turns_leave(&pool[3]), &pool[4]);
}

Test(turns, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < MAX; i++)
			cr_assert(turns_take(&pool[i], 1000 * round + i));
		for (i = 0; i < MAX; i++)
			cr_assert_null(turns_leave(&pool[i]));
	}
}
