/*
 * Repairs against what comes while they are under way (G10, G13): what is
 * remembered then, when they begin, and what a failure leaves.
 */
#include "repair_rig.h"

TestSuite(keep_windows, .init = set_up, .timeout = 30);

/* --- events --- */

/* Somebody's answers cannot make us compare all the time. */
Test(keep_windows, G13_doubts_in_a_row_are_one_comparison_a_second)
{
	uint64_t begin = rig_now;

	rig_give(0, 8, 300);
	while (rig_now < begin + 10 * CLOCK_SECOND) {
		if (repair_wait() == -1)
			repair_unsure();
		(void)go_on(10 * MS);
	}
	/* Of four kinds each. */
	cr_assert_geq(rig.listings, 4 * 9);
	cr_assert_leq(rig.listings, 4 * 11);
	/* Those that come while it compares are as if it had failed. */
	begin = rig_now;
	rig.listings = 0;
	while (rig_now < begin + 10 * CLOCK_SECOND) {
		repair_unsure();
		(void)go_on(10 * MS);
	}
	cr_assert_geq(rig.listings, 4 * 9);
	cr_assert_leq(rig.listings, 4 * 16);
	come_to_rest(3 * CLOCK_SECOND);
}

/* But what goes meanwhile is seen to at once. */
Test(keep_windows, G10_a_loss_does_not_wait_for_the_end_of_a_pause)
{
	rig_give(0, 8, 300);
	lose(WATCH_UNSURE);
	(void)go_on(100 * MS);
	lose(WATCH_UNSURE);
	flush();
	(void)go_on(150 * MS);
	cr_assert_eq(rig_count(), 8);
	/* Nor if something failed for long. */
	flush();
	rig.prepared = PREPARE_FAILED;
	(void)go_on(10 * CLOCK_SECOND);
	rig.prepared = PREPARE_DONE;
	lose(WATCH_LOST);
	(void)go_on(150 * MS);
	cr_assert_eq(firewall.ready, BOTH);
}

static void
drop_and_doubt(void)
{
	drop(1);
	repair_unsure();
}

/* It was listed: the doubt is for another comparison. */
Test(keep_windows, G13_a_doubt_of_meanwhile_is_for_the_next_comparison)
{
	rig_give(0, 200, 300);
	then = drop_and_doubt;
	steps_before = 10;
	rig.during = in_a_step;
	lose(WATCH_UNSURE);
	come_to_rest(5 * CLOCK_SECOND);
	cr_assert_null(rig.during);
	cr_assert_eq(rig_count(), 200);
}

/* Between the look at chains and the comparison, too. */
Test(keep_windows, G13_a_doubt_beside_something_new)
{
	rig_give(0, 8, 300);
	drop(3);
	lose(WATCH_ADDED | WATCH_UNSURE);
	come_to_rest(2 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 8);
}

Test(keep_windows, what_is_new_and_nothing_is_amiss)
{
	rig_give(0, 8, 300);
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	rig.listings = 0;
	rig.events = WATCH_ADDED;
	cr_assert_not(repair_events());
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig.listings, 0);
}

static void
lose_rules(void)
{
	lose(WATCH_ADDED | WATCH_LOST);
}

/*
 * Nothing works that is not known to be there, and who deletes one thing after the
 * other is left to it.
 */
Test(keep_windows, G10_what_goes_during_a_repair_is_quiet_first_too)
{
	rig_give(0, 40, 300);
	flush();
	then = lose_rules;
	steps_before = 2;
	rig.during = in_a_step;
	rig_now += 80 * MS;
	while (firewall.repairs == 0)
		(void)repair_step();
	cr_assert_null(rig.during);
	cr_assert_eq(firewall.ready, 0);
	rig.listings = 0;
	step_often();
	cr_assert_eq(rig.listings, 0);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig_count(), 40);
}

/* From the event on, and not from when it is compared. */
Test(keep_windows, G13_after_an_event_nothing_is_sure)
{
	rig_give(0, 1, 300);
	lose(WATCH_UNSURE);
	cr_assert_not(is_sure(0));
	come_to_rest(2 * CLOCK_SECOND);
	cr_assert(is_sure(0));
	lose(WATCH_LOST);
	cr_assert_not(is_sure(0));
}

/* A longer life in the kernel than the ledger has is a stranger's at its end. */
Test(keep_windows, G3_an_entry_of_a_grant_that_has_ended)
{
	rig_give(0, 1, 10);
	rig.entries[0].end = rig_now + 1000 * CLOCK_SECOND;
	rig_now += 10 * CLOCK_SECOND;
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 0);
	cr_assert_eq(rig.removes, 1);
}

static void
let_it_end(void)
{
	rig_now += 2 * CLOCK_SECOND;
}

/* What ends between its comparison and its turn is not put back. */
Test(keep_windows, G3_a_grant_that_ends_meanwhile)
{
	rig_give(0, 1, 1);
	drop(0);
	then = let_it_end;
	rig.during = in_a_step;
	lose(WATCH_LOST);
	come_to_rest(5 * CLOCK_SECOND);
	cr_assert_null(rig.during);
	cr_assert_eq(rig.adds, 0);
}

/* --- what sends no events --- */

static int whole = 1;

static int
intact(uint8_t families)
{
	(void)families;
	return (whole);
}

/* Steps until it is seen; that is told, for workers to forget what they know. */
static void
see_it(void)
{
	unsigned int i;

	for (i = 0; i < 5 && !repair_step(); i++)
		rig_now += 150 * MS;
	cr_assert_lt(i, 5);
}

Test(keep_windows, G10_an_entry_that_went_without_an_event)
{
	backend.intact = intact;
	rig_give(0, 4, 300);
	drop(2);
	see_it();
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_not(is_sure(0));
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 4);
	cr_assert_eq(rig.adds, 1);
}

Test(keep_windows, G10_a_set_that_went_without_an_event)
{
	backend.intact = intact;
	rig_give(0, 4, 300);
	rig.n = 0;
	whole = 0;
	see_it();
	cr_assert_eq(firewall.ready, 0);
	whole = 1;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig_count(), 4);
}

/* --- time --- */

/* A turn ends when there is something to do, not before and not later. */
Test(keep_windows, it_wakes_when_it_is_due)
{
	int ms;

	rig_give(0, 4, 300);
	flush();
	rig_now += MS / 2;
	ms = repair_wait();
	cr_assert_leq(ms, 80);
	rig_now += (uint64_t)ms * MS;
	step_often();
	cr_assert_gt(rig.listings, 0);
}

static enum backend_code
takes_its_time(const struct msg_grant *g, bool add)
{
	(void)g;
	rig_now += add ? MS / 10 : 0;
	return (BACKEND_OK);
}

/* Of a repair that takes long each step is short: workers are served between. */
Test(keep_windows, G10_a_step_takes_some_milliseconds)
{
	unsigned int before;

	rig_give(0, 400, 300);
	rig.fail = takes_its_time;
	flush();
	while (rig_count() < 400) {
		before = rig.adds;
		(void)repair_step();
		cr_assert_leq(rig.adds - before, BACKEND_BATCH_MAX);
		rig_now += MS;
	}
}

Test(keep_windows, while_the_helper_is_stuck_it_sleeps)
{
	rig_give(0, 400, 300);
	lose(WATCH_LOST);
	rig_now += 80 * MS;
	while (rig.listings == 0)
		(void)repair_step();
	cr_assert_neq(repair_fd(), -1);
	rig.stuck = true;
	cr_assert_eq(repair_fd(), -1);
	cr_assert_eq(repair_wait(), 100);
	rig.stuck = false;
	while (repair_fd() != -1)
		(void)repair_step();
	rig.stuck = true;
	cr_assert_eq(repair_wait(), 100);
	/* Whatever else is due: nobody could be told to do it. */
	step_often();
	rig_now += 10 * CLOCK_SECOND;
	step_often();
	cr_assert_eq(rig.prepares, 0);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(firewall.ready, 0);
	rig.stuck = false;
	come_to_rest(2 * CLOCK_SECOND);
	cr_assert_eq(firewall.ready, BOTH);
}

/* Grants wait for a repair, a second of each at most. */
Test(keep_windows, G10_grants_wait_for_a_repair)
{
	unsigned int i;

	rig_give(0, 8, 300);
	cr_assert_not(repair_soon_done());
	for (i = 0; i < 2; i++) {
		flush();
		cr_assert(repair_soon_done());
		rig.stuck = true;
		cr_assert_not(repair_soon_done());
		rig.stuck = false;
		cr_assert(repair_soon_done());
		rig_now += CLOCK_SECOND - 1;
		cr_assert(repair_soon_done());
		rig_now++;
		cr_assert_not(repair_soon_done());
		come_to_rest(CLOCK_SECOND);
		cr_assert_not(repair_soon_done());
	}
	/* What works does not wait for it. */
	lose(WATCH_UNSURE);
	cr_assert_not(repair_soon_done());
}
