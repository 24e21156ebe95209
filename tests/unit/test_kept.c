/* What is kept for the requests of a client (D22). */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "serve/kept.h"
#include "serve/loop.h"

#define MESSAGE	65535U
#define CLIENTS	5

struct loop loop;

static struct quota clients[CLIENTS];
static void *first[CLIENTS];
static bool no_memory;

void *__wrap_malloc(size_t);
void *__real_malloc(size_t);

void *
__wrap_malloc(size_t size)
{
	return (no_memory ? NULL : __real_malloc(size));
}

/* The share of a client in two pieces. */
static void *
fill(unsigned int c)
{
	first[c] = kept_alloc(&clients[c], MESSAGE);
	cr_assert_not_null(first[c]);
	return (kept_alloc(&clients[c], KEPT_SHARE - MESSAGE));
}

Test(kept, a_client_has_its_share_and_no_octet_more)
{
	void *p = fill(0);

	cr_assert_not_null(p);
	cr_assert_eq(clients[0].kept, KEPT_SHARE);
	cr_assert_null(kept_alloc(&clients[0], 1));
	cr_assert_not_null(kept_alloc(&clients[1], MESSAGE));
	kept_free(&clients[0], first[0], MESSAGE);
	cr_assert_null(kept_alloc(&clients[0], MESSAGE + 1));
	cr_assert_not_null(kept_alloc(&clients[0], MESSAGE));
}

Test(kept, four_shares_are_all_there_is)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert_not_null(fill(i));
	cr_assert_null(kept_alloc(&clients[4], 1));
	kept_free(&clients[2], first[2], MESSAGE);
	cr_assert_null(kept_alloc(&clients[4], MESSAGE + 1));
	cr_assert_not_null(kept_alloc(&clients[4], MESSAGE));
}

/* Ten times all of it. */
Test(kept, what_is_given_back_is_there_again)
{
	unsigned int i;
	void *p;

	for (i = 0; i < 10 * KEPT_MAX / MESSAGE; i++) {
		p = kept_alloc(&clients[i % CLIENTS], MESSAGE);
		cr_assert_not_null(p, "%u", i);
		kept_free(&clients[i % CLIENTS], p, MESSAGE);
	}
	cr_assert_eq(clients[0].kept, 0);
}

Test(kept, without_memory_nothing_is_counted)
{
	unsigned int i;

	no_memory = true;
	for (i = 0; i < 10 * KEPT_MAX / MESSAGE; i++)
		cr_assert_null(kept_alloc(&clients[0], MESSAGE));
	kept_free(&clients[0], NULL, MESSAGE);
	no_memory = false;
	cr_assert_not_null(fill(0));
}

Test(kept, no_size_is_too_large_to_be_refused)
{
	cr_assert_null(kept_alloc(&clients[0], SIZE_MAX));
	cr_assert_not_null(fill(0));
	cr_assert_null(kept_alloc(&clients[0], SIZE_MAX));
}
