/*
 * Grants that live on while their connections do (--hold-live), and those that do
 * not (G2, G3, G13).
 */
#include "keep_rig.h"

#include "keep/connections.h"
#include "keep/hold.h"
#include "keep/repair.h"

#define PERIOD		(CLOCK_SECOND / 4)
#define AHEAD		(3 * CLOCK_SECOND / 2 + PERIOD)

/* --- the neighbours --- */

static struct msg_grant looked[HOLD_MAX + 1];
static size_t nlooked, room = HOLD_MAX;
static bool (*lives)(const struct msg_grant *);
static unsigned int unsure;

bool
connections_look(const struct msg_grant *g)
{
	if (nlooked == room)
		return (false);
	looked[nlooked++] = *g;
	return (true);
}

bool
connections_live(const struct msg_grant *g)
{
	return (lives == NULL || lives(g));
}

void
repair_unsure(void)
{
	unsure++;
}

/* Nothing lives. */
static bool
nobody(const struct msg_grant *g)
{
	(void)g;
	return (false);
}

/* After the end of a walk; returns how many turns it takes. */
static unsigned int
hold_all(void)
{
	unsigned int turns = 0;

	while (hold_step() == 0)
		turns++;
	return (turns);
}

static void
set_up_anew(void)
{
	hash_init();
	rig_conf.hold_live = 1;
	firewall.ledger = ledger_new(7000, 7000, 1);
	firewall.backend = &rig_backend;
	firewall.families = firewall.ready = BOTH;
	rig.chains = BOTH;
}

/* Walks have been short for long. */
static void
set_up(void)
{
	unsigned int i;

	set_up_anew();
	lives = nobody;
	for (i = 0; i < 40; i++) {
		rig_give_until(0, 1, rig_now + CLOCK_SECOND);
		(void)hold_step();
		hold_seen(true);
		rig_now += 20 * CLOCK_SECOND;
	}
	lives = NULL;
	nlooked = 0;
	ledger_expire(firewall.ledger, rig_now);
}

TestSuite(keep_hold, .init = set_up, .timeout = 30);
TestSuite(keep_hold_first, .init = set_up_anew, .timeout = 30);

static struct ledger_entry *
entry_of(unsigned int i)
{
	struct msg_grant g = rig_grant(i);

	return (ledger_find(firewall.ledger, &g));
}

/* A walk from its beginning to its end. */
static void
walk(bool known)
{
	nlooked = 0;
	rig_now += PERIOD;
	cr_assert_eq(hold_step(), (int)(PERIOD / MS));
	if (nlooked > 0)
		hold_seen(known);
	(void)hold_all();
}

static bool
odd_ones(const struct msg_grant *g)
{
	return (g->dst[2] % 2 == 1);
}

Test(keep_hold, not_without_the_option)
{
	rig_conf.hold_live = 0;
	rig_give_until(0, 4, rig_now + CLOCK_SECOND);
	cr_assert_eq(hold_step(), -1);
	cr_assert_eq(nlooked, 0);
}

Test(keep_hold, only_those_that_end_soon)
{
	rig_give_until(0, 1, rig_now + AHEAD - 1);
	rig_give_until(1, 1, rig_now + AHEAD);
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	cr_assert_eq(looked[0].dst[2], 0);
}

Test(keep_hold, only_those_that_live)
{
	uint64_t end;

	rig_give_until(0, 4, rig_now + CLOCK_SECOND);
	end = rig_now + CLOCK_SECOND;
	lives = odd_ones;
	walk(true);
	cr_assert_eq(nlooked, 4);
	cr_assert_eq(rig.adds, 2);
	cr_assert_eq(hold_count(), 2);
	cr_assert_eq(entry_of(0)->expiry, end);
	cr_assert_eq(entry_of(1)->expiry, rig_now + 60 * CLOCK_SECOND);
	cr_assert_eq(rig_find(&looked[0])->end == end, looked[0].dst[2] % 2 == 0);
	cr_assert(ledger_is_sure(firewall.ledger, entry_of(1)));
	/* The idle ones end, and a walk lists none of the others. */
	rig_now += CLOCK_SECOND;
	walk(true);
	cr_assert_eq(nlooked, 0);
	cr_assert_null(entry_of(0));
}

/* Who was not seen, as the walk broke, may live. */
Test(keep_hold, all_if_nothing_is_known)
{
	rig_give_until(0, 4, rig_now + CLOCK_SECOND);
	lives = odd_ones;
	walk(false);
	cr_assert_eq(hold_count(), 4);
}

/* The label of the entry is the name that it had. */
Test(keep_hold, G15_it_keeps_its_name)
{
	struct msg_grant g = rig_grant(0);

	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	walk(true);
	cr_assert_str_eq(rig_find(&g)->grant.label, "a.example");
	cr_assert_str_eq(entry_of(0)->grant.label, "a.example");
}

/* G3: since it was asked for last, --max-rule-time at most. */
Test(keep_hold, G3_the_maximum_counts)
{
	struct ledger_entry *e;
	uint64_t last;

	rig_conf.max_rule_time = 300;
	rig_give_until(0, 3, rig_now + CLOCK_SECOND);
	last = rig_now + PERIOD + CLOCK_SECOND;
	/* A second more is worth it, and a bit less is not. */
	e = entry_of(0);
	e->expiry = last - CLOCK_SECOND;
	e->since = last - rig_conf.max_rule_time * CLOCK_SECOND;
	e = entry_of(1);
	e->expiry = last - CLOCK_SECOND + 1;
	e->since = last - rig_conf.max_rule_time * CLOCK_SECOND;
	/* Nor what is past its maximum already. */
	e = entry_of(2);
	e->since = rig_now - 2 * rig_conf.max_rule_time * CLOCK_SECOND;
	nlooked = 0;
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	cr_assert_eq(looked[0].dst[2], 0);
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(hold_count(), 1);
	cr_assert_eq(entry_of(0)->expiry, last);
}

/* That it is held is no asking: however often, it ends then. */
Test(keep_hold, G3_the_maximum_counts_from_when_it_was_asked_for)
{
	uint64_t last = rig_now + 300 * CLOCK_SECOND;
	unsigned int i;

	rig_conf.max_rule_time = 300;
	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	for (i = 0; i < 10 && entry_of(0) != NULL; i++) {
		walk(true);
		if (entry_of(0) != NULL)
			rig_now = entry_of(0)->expiry - CLOCK_SECOND;
		cr_assert_leq(rig_now, last);
	}
	cr_assert_geq(hold_count(), 4);
	cr_assert_eq(entry_of(0)->expiry, last);
	cr_assert_eq(entry_of(0)->since, last - 300 * CLOCK_SECOND);
	/* By no part of a second more. */
	rig_now = last;
	rig_give_until(1, 1, rig_now + CLOCK_SECOND);
	last = rig_now + PERIOD + 60 * CLOCK_SECOND - 1;
	entry_of(1)->since = last - 300 * CLOCK_SECOND;
	walk(true);
	cr_assert_eq(entry_of(1)->expiry, last);
}

/* What a worker asked for meanwhile is never shortened (G2). */
Test(keep_hold, G2_a_longer_one_of_meanwhile_stays)
{
	struct ledger_entry *e;

	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	e = entry_of(0);
	(void)ledger_put(firewall.ledger, &e->grant,
	    rig_now + 600 * CLOCK_SECOND, rig_now, 0);
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(e->expiry, rig_now + 600 * CLOCK_SECOND);
}

/* The window of a review, and of its end, against a walk. */
Test(keep_hold, A9_what_went_meanwhile_does_not_come_back)
{
	rig_give_until(0, 3, rig_now + CLOCK_SECOND);
	(void)hold_step();
	cr_assert_eq(nlooked, 3);
	ledger_remove(firewall.ledger, entry_of(1));
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(rig.adds, 2);
	cr_assert_null(entry_of(1));
	/* These end while a walk is under way. */
	rig_give_until(8, 2, rig_now + CLOCK_SECOND);
	rig_now += PERIOD;
	nlooked = 0;
	(void)hold_step();
	cr_assert_eq(nlooked, 2);
	rig_now += CLOCK_SECOND;
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(rig.adds, 2);
	cr_assert_null(entry_of(8));
}

Test(keep_hold, P7_not_what_may_not_be_granted_now)
{
	struct msg_grant own = rig_grant(0);

	rig_give_until(0, 4, rig_now + CLOCK_SECOND);
	rig_own.family = ADDR_V4;
	memcpy(rig_own.bytes, own.dst, 16);
	firewall.ready = MSG_FAMILY_V4;
	walk(true);
	/* Only the other one of IPv4. */
	cr_assert_eq(nlooked, 1);
	cr_assert_eq(rig.adds, 1);
	firewall.ready = BOTH;
	rig_now += PERIOD;
	nlooked = 0;
	(void)hold_step();
	cr_assert_eq(nlooked, 2);
	/* Nor if it became so during the walk. */
	firewall.ready = MSG_FAMILY_V4;
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(rig.adds, 1);
}

Test(keep_hold, G13_what_the_kernel_refuses_is_as_it_was)
{
	uint64_t end = rig_now + CLOCK_SECOND;

	rig_give_until(0, 2, end);
	rig.fail = rig_all_alike;
	rig_code = BACKEND_FULL;
	walk(true);
	cr_assert_eq(rig.adds, 2);
	cr_assert_eq(hold_count(), 0);
	cr_assert_eq(entry_of(0)->expiry, end);
	cr_assert_eq(unsure, 0);
}

/* It may have it for longer: that is what the ledger says then, in doubt. */
Test(keep_hold, G13_no_answer_is_compared)
{
	rig_give_until(0, 2, rig_now + CLOCK_SECOND);
	rig.fail = rig_all_alike;
	rig_code = BACKEND_UNKNOWN;
	walk(true);
	cr_assert_eq(hold_count(), 0);
	cr_assert_geq(unsure, 1);
	cr_assert_eq(entry_of(0)->expiry, rig_now + 60 * CLOCK_SECOND);
	cr_assert_not(ledger_is_sure(firewall.ledger, entry_of(0)));
}

Test(keep_hold, G14_one_walk_at_a_time)
{
	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	(void)hold_step();
	rig_give_until(1, 1, rig_now + CLOCK_SECOND);
	rig_now += PERIOD;
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	hold_seen(true);
	(void)hold_all();
	cr_assert_eq(nlooked, 2);
	/* It takes as long, and is to have a quarter of the time. */
	rig_now += PERIOD;
	hold_seen(true);
	(void)hold_all();
	rig_give_until(2, 1, rig_now + 3 * PERIOD + CLOCK_SECOND);
	rig_now += 3 * PERIOD - 1;
	(void)hold_step();
	cr_assert_eq(nlooked, 2);
	rig_now++;
	(void)hold_step();
	cr_assert_eq(nlooked, 3);
}

Test(keep_hold, not_while_the_helper_is_stuck)
{
	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	rig.stuck = true;
	(void)hold_step();
	cr_assert_eq(nlooked, 0);
	rig.stuck = false;
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
}

/* More than a walk has, and than a transaction has: again and again. */
Test(keep_hold, wear_of_ten_tables)
{
	const unsigned int n = 3 * HOLD_MAX / 2;
	unsigned int round, i;

	rig_conf.max_rule_time = 100000;
	rig_give_until(0, n, rig_now + CLOCK_SECOND);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 2; i++) {
			walk(true);
			cr_assert_eq(nlooked, i == 0 ? HOLD_MAX : n - HOLD_MAX,
			    "round %u: %zu", round, nlooked);
		}
		cr_assert_eq(hold_count(), (round + 1) * n);
		cr_assert_eq(rig.largest, BACKEND_BATCH_MAX);
		cr_assert_eq(rig_count(), n);
		cr_assert_eq(ledger_count(firewall.ledger), n);
		rig_now += 59 * CLOCK_SECOND;
	}
}

/* Who finds no room in a walk waits for the next one. */
Test(keep_hold, no_room_in_a_walk)
{
	room = 3;
	rig_give_until(0, 5, rig_now + CLOCK_SECOND);
	walk(true);
	cr_assert_eq(hold_count(), 3);
	walk(true);
	cr_assert_eq(hold_count(), 5);
}

/* --- walks that take long --- */

/* The grants of the first one would end before it, if it were a long one. */
Test(keep_hold_first, a_walk_of_unknown_length_begins_early)
{
	const uint64_t ahead = 3 * CLOCK_SECOND / 2 + 25 * CLOCK_SECOND;

	rig_give_until(0, 1, rig_now + ahead - 1);
	rig_give_until(1, 1, rig_now + ahead);
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	cr_assert_eq(looked[0].dst[2], 0);
}

/* A walk of so long. */
static void
walk_of(uint64_t ns)
{
	rig_now += 60 * CLOCK_SECOND;
	rig_give_until(0, 1, rig_now + CLOCK_SECOND);
	(void)hold_step();
	rig_now += ns;
	hold_seen(true);
	(void)hold_all();
	nlooked = 0;
}

/* Is one that ends so much later asked about in the next walk? */
static bool
is_asked(uint64_t ns)
{
	rig_now += 60 * CLOCK_SECOND;
	ledger_expire(firewall.ledger, rig_now);
	rig_give_until(1, 1, rig_now + ns);
	(void)hold_step();
	return (nlooked == 1);
}

Test(keep_hold, who_ends_before_the_next_walk_is_over_is_in_this_one)
{
	walk_of(CLOCK_SECOND);
	/* The next begins in four seconds, and takes one. */
	cr_assert(is_asked(13 * CLOCK_SECOND / 2 - 1));
}

Test(keep_hold, who_ends_later_is_in_the_next_one)
{
	walk_of(CLOCK_SECOND);
	cr_assert_not(is_asked(13 * CLOCK_SECOND / 2));
}

/* As when the program was stopped meanwhile. */
Test(keep_hold, a_walk_of_an_hour_is_taken_for_one_of_five_seconds)
{
	walk_of(3600 * CLOCK_SECOND);
	cr_assert_not(is_asked(53 * CLOCK_SECOND / 2));
}

Test(keep_hold, a_shorter_walk_is_believed_by_and_by)
{
	walk_of(4 * CLOCK_SECOND);
	walk_of(0);
	walk_of(0);
	cr_assert(is_asked(13 * CLOCK_SECOND / 2 - 1));
}

/* Else who is granted for less meanwhile ends before the next one. */
Test(keep_hold_first, the_next_walk_is_due_by_the_time_that_the_last_one_took)
{
	const uint64_t begin = rig_now;

	rig_give_until(0, 1, begin + CLOCK_SECOND);
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	/* It was expected to take five seconds; by now, half of that. */
	hold_seen(true);
	(void)hold_all();
	rig_give_until(1, 1, begin + 12 * CLOCK_SECOND);
	rig_now = begin + 10 * CLOCK_SECOND - 1;
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
	rig_now++;
	(void)hold_step();
	cr_assert_eq(nlooked, 2);
}

/* And a look that finds nobody is no walk: nobody knows yet how long one takes. */
Test(keep_hold_first, if_nobody_ends_soon_the_next_look_is_soon)
{
	(void)hold_step();
	cr_assert_eq(nlooked, 0);
	rig_give_until(0, 1, rig_now + 5 * CLOCK_SECOND);
	rig_now += PERIOD - 1;
	(void)hold_step();
	cr_assert_eq(nlooked, 0);
	rig_now++;
	(void)hold_step();
	cr_assert_eq(nlooked, 1);
}

/* Others have their turn between two transactions (G14). */
Test(keep_hold, the_soonest_to_end_are_held_first)
{
	const uint64_t soon = rig_now + CLOCK_SECOND / 2;

	rig_give_until(1, BACKEND_BATCH_MAX + 9, rig_now + CLOCK_SECOND);
	rig_give_until(0, 1, soon);
	(void)hold_step();
	hold_seen(true);
	cr_assert_eq(hold_step(), 0);
	cr_assert_eq(rig.adds, BACKEND_BATCH_MAX);
	cr_assert_gt(entry_of(0)->expiry, soon);
}

Test(keep_hold, G14_a_transaction_in_a_turn)
{
	const unsigned int n = 3 * BACKEND_BATCH_MAX + 1;

	rig_give_until(0, n, rig_now + CLOCK_SECOND);
	(void)hold_step();
	cr_assert_eq(nlooked, n);
	hold_seen(true);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(hold_step(), 0);
	cr_assert_eq(rig.adds, BACKEND_BATCH_MAX);
	/* Nothing is asked of a helper that stands still, nor waited for. */
	rig.stuck = true;
	cr_assert_eq(hold_step(), (int)(PERIOD / MS));
	cr_assert_eq(rig.adds, BACKEND_BATCH_MAX);
	rig.stuck = false;
	cr_assert_eq(hold_all(), 3);
	cr_assert_eq(rig.adds, n);
}
