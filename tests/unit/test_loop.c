/* The worker's loop: deadlines that are looked at in turns. */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <unistd.h>

#include "clock.h"
#include "serve/loop.h"


static uint64_t now = CLOCK_SECOND;
static uint64_t cost = LOOP_SHARE / 10;	/* of each that is due */
static unsigned int nticks, nworked, due;

uint64_t __wrap_clock_now(void);

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

static bool
work(void)
{
	nticks++;
	while (due > 0 && !loop_tick_over()) {
		due--;
		nworked++;
		now += cost;
	}
	return (due > 0);
}

static void
set_up(void)
{
	loop_init(work);
}

/* A turn that waits for nothing. */
static void
look(void)
{
	loop_begin_turn();
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

TestSuite(loop, .init = set_up, .timeout = 10);

Test(loop, without_a_deadline_there_is_no_tick)
{
	look();
	cr_assert_eq(nticks, 0);
}

/* A turn each: what else has come is taken between them. */
Test(loop, a_tick_ends_when_its_time_is_used)
{
	due = 25;
	loop_need_tick();
	loop_turn();
	cr_assert_eq(nworked, 10);
	/* At once, not after a tenth of a second. */
	look();
	cr_assert_eq(nworked, 20);
	look();
	cr_assert_eq(nworked, 25);
	look();
	cr_assert_eq(nticks, 3);
}

/* As before the first piece of a tick: answers that are there are not too late. */
static bool
work_slowly(void)
{
	now += 10 * LOOP_TURN;
	return (work());
}

Test(loop, a_tick_does_something_however_late_it_begins)
{
	loop_init(work_slowly);
	cost = LOOP_TURN;
	due = 3;
	loop_need_tick();
	loop_turn();
	cr_assert_eq(nworked, 1);
	look();
	look();
	cr_assert_eq(nworked, 3);
}

/* What is done at once may have to be sent at the turn's end. */
Test(loop, a_tick_ends_after_16_pieces)
{
	cost = 0;
	due = 33;
	loop_need_tick();
	loop_turn();
	cr_assert_eq(nworked, 16);
	look();
	cr_assert_eq(nworked, 32);
	look();
	cr_assert_eq(nworked, 33);
}

Test(loop, it_is_needed_once_however_often_that_is_said)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		loop_need_tick();
	loop_turn();
	cr_assert_eq(nticks, 1);
	look();
	cr_assert_eq(nticks, 1);
}

static void
count_read(evutil_socket_t fd, short what, void *count)
{
	(void)fd;
	(void)what;
	++*(unsigned int *)count;
}

/* All else that has come has its part of each turn, too. */
Test(loop, ticks_that_follow_each_other_starve_nothing)
{
	unsigned int i, nread = 0;
	struct event *event;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], "", 1), 1);
	event = event_new(loop.base, fds[0], EV_READ | EV_PERSIST, count_read,
	    &nread);
	cr_assert_not_null(event);
	/* Only the channel comes before all else. */
	cr_assert_eq(event_get_priority(event), 1);
	due = 55;
	loop_need_tick();
	loop_turn();
	cr_assert_eq(nticks, 1);
	cr_assert_eq(event_add(event, NULL), 0);
	for (i = 1; i <= 5; i++) {
		loop_turn();
		cr_assert_eq(nticks, 1 + i);
		cr_assert_eq(nread, i);
	}
	cr_assert_eq(due, 0);
}

Test(loop, a_turn_again_waits_for_nothing)
{
	unsigned int nread = 0;
	struct event *event;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	event = event_new(loop.base, fds[0], EV_READ | EV_PERSIST, count_read,
	    &nread);
	cr_assert_eq(event_add(event, NULL), 0);
	loop_again();
	loop_turn();
	cr_assert_eq(nread, 0);
	/* The one behind it waits, here for the tick. */
	loop_need_tick();
	loop_turn();
	cr_assert_eq(nticks, 1);
}

/* Without a processor for a while: what has come is to be read first. */
Test(loop, one_that_is_late_waits_for_the_next)
{
	due = 1;
	loop_need_tick();
	now += CLOCK_SECOND;
	loop_turn();
	cr_assert_eq(nticks, 0);
	now += CLOCK_SECOND;
	loop_turn();
	cr_assert_eq(nworked, 1);
}

/* --- a turn's time --- */

Test(loop, all_share_the_turn_and_each_has_something)
{
	struct loop_share first = { 0 }, second = { 0 }, third = { 0 };

	loop_begin_turn();
	loop_clock();
	cr_assert(loop_has_time(&first));
	now += LOOP_TURN - 1;
	cr_assert(loop_has_time(&first));
	cr_assert(loop_has_time(&second));
	now++;
	cr_assert_not(loop_has_time(&first));
	/* Who comes late has its share from then on. */
	cr_assert(loop_has_time(&third));
	now += LOOP_SHARE - 2;
	cr_assert(loop_has_time(&second));
	cr_assert(loop_has_time(&third));
	now++;
	cr_assert_not(loop_has_time(&second));
	cr_assert(loop_has_time(&third));
	now++;
	cr_assert_not(loop_has_time(&third));
	cr_assert_not(loop_has_time(&first));
}

/* So that who sends long messages takes no more than that of each turn. */
Test(loop, what_was_long_leaves_its_share_alone)
{
	struct loop_share share = { 0 };

	loop_begin_turn();
	loop_clock();
	cr_assert(loop_has_time(&share));
	loop_was_long(&share);
	now += LOOP_SHARE - 1;
	cr_assert(loop_has_time(&share));
	now++;
	cr_assert_not(loop_has_time(&share));
	loop_begin_turn();
	loop_clock();
	cr_assert(loop_has_time(&share));
	now += LOOP_TURN - 1;
	cr_assert(loop_has_time(&share));
}

/* It begins with what comes first, however long that was waited for. */
Test(loop, each_turn_has_its_own_time)
{
	struct loop_share share = { 0 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		loop_begin_turn();
		now += CLOCK_SECOND;
		loop_clock();
		cr_assert(loop_has_time(&share));
		now += LOOP_TURN - 1;
		loop_clock();
		cr_assert(loop_has_time(&share));
		now++;
		cr_assert_not(loop_has_time(&share));
	}
}

/* Behind all others, whose work took the turn. */
Test(loop, a_tick_has_its_share_of_a_turn_that_is_over)
{
	loop_begin_turn();
	loop_clock();
	now += 10 * LOOP_TURN;
	due = 25;
	loop_need_tick();
	event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(nworked, 10);
}
