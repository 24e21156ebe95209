/* What the keeper is told of counters (U6): when, and what is not worth it. */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <string.h>

#include "serve/count.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/priv.h"
#include "serve/upstream.h"

struct loop loop;
struct counters counters;

static struct msg_counters last;
static unsigned int sent;
static bool full;			/* the channel */
static uint8_t silent;

void
loop_clock(void)
{
}

uint8_t
upstream_silent_ones(void)
{
	return (silent);
}

bool
priv_send(const void *buf, size_t len)
{
	if (full)
		return (false);
	cr_assert_eq(msg_counters_decode(buf, len, &last), MSG_OK);
	sent++;
	return (true);
}

static void
set_up(void)
{
	loop.base = event_base_new();
	count_init();
}

static void
tear_down(void)
{
	event_base_free(loop.base);
}

TestSuite(count, .init = set_up, .fini = tear_down, .timeout = 30);

/* A turn that a timer begins.  False: there is no timer. */
static bool
turn(void)
{
	bool any = event_base_loop(loop.base, EVLOOP_ONCE) == 0;

	count_turn();
	return (any);
}

Test(count, U6_what_has_changed_is_told_once_a_second)
{
	counters.queries = 1;
	count_turn();
	counters.queries = 2;
	count_turn();
	cr_assert_eq(sent, 0);
	cr_assert(turn());
	cr_assert(sent == 1 && last.counters.queries == 2);
	/* Nothing more has happened: nobody is woken for that. */
	cr_assert(!turn());
	cr_assert_eq(sent, 1);
	counters.untold = 3;
	count_turn();
	cr_assert(turn());
	cr_assert(sent == 2 && last.counters.queries == 2 &&
	    last.counters.untold == 3);
}

Test(count, U6_an_upstream_that_is_silent_is_told)
{
	silent = 2;
	count_turn();
	cr_assert(turn());
	cr_assert(sent == 1 && last.silent == 2);
	silent = 0;
	count_turn();
	cr_assert(turn());
	cr_assert(sent == 2 && last.silent == 0);
}

Test(count, U6_a_full_channel_is_tried_again)
{
	counters.queries = 1;
	full = true;
	count_turn();
	cr_assert(turn());
	full = false;
	cr_assert(turn());
	cr_assert(sent == 1 && last.counters.queries == 1);
	cr_assert(!turn());
}
