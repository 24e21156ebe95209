/* What is kept for the requests of a client (D22). */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "serve/kept.h"
#include "serve/loop.h"

#define MESSAGE	65535U
#define CLIENTS	5
#define MOST	(KEPT_MAX / 1024 + 1)

struct loop loop;

static struct quota clients[CLIENTS];
static void *first[CLIENTS];
static bool no_memory;
/* What had to go, and for what it was. */
static void *evicted[MOST], *evicted_of[MOST];
static unsigned int nevicted;
static struct quota *next;		/* what is of 0 is passed to that one */

void *__wrap_malloc(size_t);
void *__real_malloc(size_t);

void *
__wrap_malloc(size_t size)
{
	return (no_memory ? NULL : __real_malloc(size));
}

static void
evict(void *p, void *of)
{
	evicted[nevicted] = p;
	evicted_of[nevicted++] = of;
	if (next != NULL && of == &clients[0])
		kept_pass(p, &clients[0], next);
	else
		kept_free(p);
}

TestSuite(kept, .init = kept_init);

static void *
keep(unsigned int c, size_t size)
{
	return (kept_alloc(&clients[c], size, evict, &clients[c]));
}

/* The share of a client in two pieces. */
static void *
fill(unsigned int c)
{
	first[c] = keep(c, MESSAGE);
	cr_assert_not_null(first[c]);
	return (keep(c, KEPT_SHARE - MESSAGE));
}

Test(kept, a_client_has_its_share_and_no_octet_more)
{
	void *p = fill(0);

	cr_assert_not_null(p);
	cr_assert_eq(clients[0].kept.amount, KEPT_SHARE);
	cr_assert(!kept_may_have(&clients[0], 1));
	cr_assert_null(keep(0, 1));
	cr_assert_not_null(keep(1, MESSAGE));
	kept_free(first[0]);
	cr_assert(!kept_may_have(&clients[0], MESSAGE + 1));
	cr_assert(kept_may_have(&clients[0], MESSAGE));
	cr_assert_null(keep(0, MESSAGE + 1));
	cr_assert_not_null(keep(0, MESSAGE));
	cr_assert_eq(nevicted, 0);
}

Test(kept, four_shares_are_all_there_is)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert_not_null(fill(i));
	cr_assert_eq(nevicted, 0);
	cr_assert_null(kept_alloc_if_room(&clients[4], 1, evict, NULL));
	cr_assert_eq(nevicted, 0);
	kept_free(first[2]);
	cr_assert_null(kept_alloc_if_room(&clients[4], MESSAGE + 1, evict, NULL));
	cr_assert_not_null(kept_alloc_if_room(&clients[4], MESSAGE, evict, NULL));
}

/* Of those that have the same, the one that has had it longest. */
Test(kept, the_oldest_of_the_largest_goes)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		fill(i);
	cr_assert_not_null(keep(4, 1));
	cr_assert_eq(nevicted, 1);
	cr_assert_eq(evicted[0], first[0]);
	cr_assert_eq(evicted_of[0], &clients[0]);
	/* There is room for all but one octet of it now. */
	cr_assert_not_null(keep(4, MESSAGE - 1));
	cr_assert_eq(nevicted, 1);
	cr_assert_not_null(keep(4, 1));
	cr_assert_eq(nevicted, 2);
	cr_assert_eq(clients[4].kept.amount, MESSAGE + 1);
}

/* Also if that is the one who asks. */
Test(kept, ones_own_goes_if_that_is_the_largest)
{
	unsigned int i;
	void *own;

	own = keep(0, MESSAGE);
	keep(0, KEPT_SHARE - 2 * MESSAGE);
	for (i = 1; i < 5; i++)
		keep(i, (KEPT_MAX - KEPT_SHARE + MESSAGE) / 4);
	cr_assert_eq(nevicted, 0);
	cr_assert_not_null(keep(0, MESSAGE));
	cr_assert_eq(nevicted, 1);
	cr_assert_eq(evicted[0], own);
	cr_assert_eq(clients[0].kept.amount, KEPT_SHARE - MESSAGE);
}

/* It goes on for another client: that makes no room. */
Test(kept, what_is_passed_on_is_not_enough)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		fill(i);
	next = &clients[4];
	cr_assert_not_null(keep(4, 1));
	cr_assert_eq(nevicted, 2);
	cr_assert_eq(evicted[0], first[0]);
	cr_assert_eq(evicted[1], first[1]);
	cr_assert_eq(clients[4].kept.amount, MESSAGE + 1);
}

/* What is as small as can be has to go for the largest: so many at once. */
Test(kept, no_more_than_128_go_for_one)
{
	unsigned int c, i;

	for (i = 0; i < KEPT_SHARE / 512; i++) {
		for (c = 0; c < 4; c++)
			cr_assert_not_null(keep(c, 512));
	}
	cr_assert_null(keep(4, 128 * 512 + 1));
	cr_assert_eq(nevicted, 128);
	cr_assert_not_null(keep(4, 128 * 512));
	cr_assert_eq(nevicted, 128);
	cr_assert_not_null(keep(4, 128 * 512));
	cr_assert_eq(nevicted, 256);
}

/* To the other one, whatever that has, and only if it is of the first one. */
Test(kept, it_is_passed_from_its_owner)
{
	void *p = fill(0);

	fill(1);
	kept_pass(first[0], &clients[1], &clients[2]);
	cr_assert_eq(clients[0].kept.amount, KEPT_SHARE);
	kept_pass(first[0], &clients[0], &clients[1]);
	cr_assert_eq(clients[0].kept.amount, KEPT_SHARE - MESSAGE);
	cr_assert_eq(clients[1].kept.amount, KEPT_SHARE + MESSAGE);
	cr_assert_null(keep(1, 1));
	cr_assert_null(keep(1, SIZE_MAX));
	kept_free(first[0]);
	kept_free(p);
	cr_assert_eq(clients[0].kept.amount, 0);
	cr_assert_eq(clients[1].kept.amount, KEPT_SHARE);
	kept_pass(NULL, &clients[0], &clients[1]);
}

/* To itself it is no news: it has it as long as before. */
Test(kept, what_is_passed_to_its_owner_is_as_old_as_before)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		fill(i);
	kept_pass(first[0], &clients[0], &clients[0]);
	cr_assert_not_null(keep(4, 1));
	cr_assert_eq(evicted[0], first[0]);
}

/* Ten times all of it. */
Test(kept, what_is_given_back_is_there_again)
{
	unsigned int i;
	void *p;

	for (i = 0; i < 10 * KEPT_MAX / MESSAGE; i++) {
		p = keep(i % CLIENTS, MESSAGE);
		cr_assert_not_null(p, "%u", i);
		kept_free(p);
	}
	cr_assert_eq(clients[0].kept.amount, 0);
}

/* And ten times over the end of it. */
Test(kept, the_end_of_it_wears_out_nothing)
{
	unsigned int i;
	size_t all = 0;

	for (i = 0; i < 10 * KEPT_MAX / MESSAGE; i++) {
		nevicted = 0;
		cr_assert_not_null(keep(i % CLIENTS, MESSAGE), "%u", i);
	}
	for (i = 0; i < CLIENTS; i++)
		all += clients[i].kept.amount;
	cr_assert_leq(all, KEPT_MAX);
	cr_assert_gt(all, KEPT_MAX - MESSAGE);
}

Test(kept, without_memory_nothing_is_counted)
{
	unsigned int i;

	no_memory = true;
	for (i = 0; i < 10 * KEPT_MAX / MESSAGE; i++)
		cr_assert_null(keep(0, MESSAGE));
	kept_free(NULL);
	no_memory = false;
	cr_assert_not_null(fill(0));
}

Test(kept, no_size_is_too_large_to_be_refused)
{
	cr_assert_null(keep(0, SIZE_MAX));
	cr_assert_not_null(fill(0));
	cr_assert_null(keep(0, SIZE_MAX));
}
