/* Room for what a function needs until it returns. */
#include <criterion/criterion.h>

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "serve/scratch.h"

#define EACH	(SCRATCH_SIZE / 8)

Test(scratch, pieces_do_not_overlap_and_are_aligned)
{
	uint8_t *at[16];
	size_t i, j;

	for (i = 0; i < 16; i++) {
		at[i] = scratch_take(1000 + i);
		cr_assert_eq((uintptr_t)at[i] % alignof(max_align_t), 0);
		memset(at[i], (int)i, 1000 + i);
	}
	for (i = 16; i-- > 0;) {
		for (j = 0; j < 1000 + i; j++)
			cr_assert_eq(at[i][j], i);
		scratch_give(at[i]);
	}
}

Test(scratch, what_is_given_back_is_there_again)
{
	void *first = scratch_take(10), *at;
	size_t i;

	for (i = 0; i < 10000; i++) {
		at = scratch_take(EACH);
		scratch_give(at);
	}
	scratch_give(first);
	cr_assert_eq(scratch_take(1), first);
}

/* All of it but what tells where a piece ends. */
Test(scratch, all_of_it_can_be_taken)
{
	scratch_give(scratch_take(SCRATCH_SIZE - alignof(max_align_t)));
}

Test(scratch, more_is_not_there, .exit_code = 1)
{
	(void)scratch_take(SCRATCH_SIZE - alignof(max_align_t) + 1);
}

Test(scratch, no_piece_is_larger_than_memory, .exit_code = 1)
{
	(void)scratch_take(SIZE_MAX);
}

Test(scratch, the_oldest_is_not_given_back_first, .exit_code = 1)
{
	void *first = scratch_take(1);

	(void)scratch_take(1);
	scratch_give(first);
}

Test(scratch, nothing_is_given_back_twice, .exit_code = 1)
{
	void *at = scratch_take(1);

	scratch_give(at);
	scratch_give(at);
}
