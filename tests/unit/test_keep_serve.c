/*
 * The order of a turn of the keeper: what is gone is known before grants are
 * promised.
 */
#include "serve_rig.h"

/* What n turns call, a turn behind each space. */
static const char *
run(unsigned int n)
{
	const char *first;

	turns = n;
	say.repair_ms = -1;
	serve_run();
	first = strchr(trace, ' ');
	cr_assert_not_null(first);
	return (first);
}

static void
is_readable(int fd)
{
	readable[nreadable++] = fd;
}

Test(keep_serve, G10_a_turn)
{
	is_readable(CHAN);
	is_readable(CHAN + 1);
	is_readable(KEEP_FD_EVENTS);
	is_readable(KEEP_FD_OWN);
	is_readable(KEEP_FD_HELPER);
	cr_assert_str_eq(run(2), " kloerwvAc01h kloerwvAc01");
}

/* What has been read by then is an answer. */
Test(keep_serve, O3_who_lives_is_looked_at_last)
{
	say.alive = true;
	is_readable(CHAN);
	is_readable(CHAN + 1);
	is_readable(KEEP_FD_EVENTS);
	cr_assert_str_eq(run(1), " erwvAc01a");
	cr_assert_eq(waited, 77);
}

/* Whoever it is that says so, and before grants of the same turn. */
static void
is_told_first(bool *whose)
{
	*whose = true;
	is_readable(CHAN);
	is_readable(CHAN + 1);
	is_readable(KEEP_FD_EVENTS);
	cr_assert_str_eq(run(1), " erwvAcFG01");
}

Test(keep_serve, G10_events_are_told_before_grants)
{
	is_told_first(&say.events);
}

Test(keep_serve, G10_what_was_seen_is_told_before_grants)
{
	is_told_first(&say.repair);
}

Test(keep_serve, A9_what_was_revoked_is_told_before_grants)
{
	is_told_first(&say.review);
}

Test(keep_serve, U4_what_was_revoked_by_hand_is_told_before_grants)
{
	is_told_first(&say.control);
}

/* Grants that would fail wait for a repair, and it is looked for soon. */
Test(keep_serve, G10_grants_wait_for_a_repair)
{
	say.soon_done = true;
	is_readable(CHAN);
	cr_assert_str_eq(run(1), " rwvAc");
	cr_assert_eq(waited, 1);
}

/* Also those that were there before it was known. */
Test(keep_serve, G10_grants_wait_for_a_repair_of_this_turn)
{
	say.lost = true;
	is_readable(CHAN);
	is_readable(KEEP_FD_EVENTS);
	cr_assert_str_eq(run(1), " erwvAc");
}

/* The next list is for when the last one has been seen to. */
Test(keep_serve, A9_one_list_at_a_time)
{
	say.busy = say.due = true;
	cr_assert_str_eq(run(1), " rwvc");
	cr_assert_eq(waited, -1);
}

Test(keep_serve, A9_a_list_is_asked_for_at_once)
{
	say.due = true;
	cr_assert_str_eq(run(1), " rwvAc");
	cr_assert_eq(waited, 0);
}

Test(keep_serve, A9_a_new_list_is_sent_and_looked_at)
{
	say.policy = POLICY_NEW;
	is_readable(COMPILER);
	cr_assert_str_eq(run(1), " rPPBwvAc");
}

/* A family that is served from now on has grants of its own. */
Test(keep_serve, G9_a_family_that_comes_is_told)
{
	say.families = MSG_FAMILY_V6;
	cr_assert_str_eq(run(2), " rPPBwvAch rwvAc");
}

Test(keep_serve, P6_signals_first)
{
	say.signals = SIGNALS_RELOAD | SIGNALS_CHILD;
	is_readable(KEEP_FD_SIGNALS);
	cr_assert_str_eq(run(1), " lRrwvAc");
}

/* What one worker has told waits for room in the channel of another one. */
Test(keep_serve, U11_who_has_asked_of_another_worker)
{
	say.asked = true;
	is_readable(CHAN);
	cr_assert_str_eq(run(1), " rwvAc0");
	writable = true;
	signals_stop = 0;
	turn_now = 0;
	cr_assert_str_eq(strrchr(run(1), ' '), " rwvAc0k");
}

/* Neighbours are read before grants of the same turn, and told when there is room. */
Test(keep_serve, U11_neighbours)
{
	say.neighbours = true;
	is_readable(CHAN);
	is_readable(KEEP_FD_NEIGHBOURS);
	cr_assert_str_eq(run(1), " nrwvAc0");
	writable = true;
	signals_stop = 0;
	turn_now = 0;
	cr_assert_str_eq(strrchr(run(1), ' '), " nrwvAcN0");
	/* Without the option nobody looks there. */
	say.neighbours = false;
	signals_stop = 0;
	turn_now = 0;
	cr_assert_str_eq(strrchr(run(1), ' '), " rwvAc0");
}

/* All are told of this host's addresses when there is room. */
Test(keep_serve, G8_own_addresses)
{
	say.own = OWN_MORE;
	is_readable(KEEP_FD_OWN);
	cr_assert_str_eq(run(2), " obrwvAch obrwvAc");
	/* At the start, only. */
	cr_assert_eq(own_records, 2);
	writable = true;
	signals_stop = 0;
	turn_now = 0;
	(void)run(2);
	cr_assert_eq(own_records, 2 + 2 + 2);
}

/* A late answer ends a standstill, wherever it lies; nobody else reads it. */
Test(keep_serve, P4_late_answers_are_looked_for)
{
	is_readable(KEEP_FD_ACT);
	cr_assert_str_eq(run(1), " krwvAc");
}

/* Until then there is nothing that a review could do, however often. */
Test(keep_serve, A9_a_review_that_waits_for_the_helper_sleeps)
{
	say.reviewing = true;
	cr_assert_str_eq(run(1), " rwvAc");
	cr_assert_eq(waited, 0);
	say.stuck = true;
	signals_stop = 0;
	turn_now = 0;
	(void)run(1);
	cr_assert_neq(waited, 0);
}
