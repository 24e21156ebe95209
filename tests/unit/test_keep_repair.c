/*
 * The ledger is the wish and the kernel its copy (G9, G10, G13), against a
 * kernel that a test makes fail where it likes.
 */
#include "repair_rig.h"

#include <limits.h>

#include "choice.h"

TestSuite(keep_repair, .init = set_up, .timeout = 30);

Test(keep_repair, G10_all_that_was_flushed_comes_back)
{
	rig_give(0, 400, 300);
	flush();
	cr_assert_eq(firewall.ready, 0);
	rig.rules = 0;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 400);
	cr_assert_eq(rig.rules, BOTH);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig.adds, 400);
	cr_assert_eq(firewall.repairs, 1);
}

/* Item e: one deleted element is one that is added. */
Test(keep_repair, G13_only_what_is_missing_is_added)
{
	rig_give(0, 600, 300);
	rig.entries[77].end = UINT64_MAX;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 600);
	cr_assert_eq(rig.adds, 1);
	cr_assert_eq(rig.removes, 0);
}

/* Item f: what was lost are events; everything works meanwhile. */
Test(keep_repair, G13_lost_events_are_no_lost_firewall)
{
	rig_give(0, 100, 300);
	lose(WATCH_UNSURE);
	cr_assert_eq(firewall.ready, BOTH);
	(void)go_on(3 * CLOCK_SECOND);
	cr_assert_gt(rig.listings, 0);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(firewall.repairs, 0);
}

static unsigned int refusals;

static enum backend_code
fails_for_a_while(const struct msg_grant *g, bool add)
{
	(void)g;
	if (!add || refusals == 0)
		return (BACKEND_OK);
	refusals--;
	return (refusals % 3 == 0 ? BACKEND_UNKNOWN : BACKEND_FAILED);
}

/* Item b: what the kernel refused in that moment is still wished for. */
Test(keep_repair, G13_what_the_kernel_refuses_stays_in_the_ledger)
{
	rig_give(0, 500, 300);
	rig.fail = fails_for_a_while;
	refusals = 3000;
	flush();
	(void)go_on(CLOCK_SECOND / 2);
	cr_assert_eq(ledger_count(firewall.ledger), 500);
	cr_assert_lt(rig_count(), 500);
	(void)go_on(8 * CLOCK_SECOND);
	cr_assert_eq(refusals, 0);
	cr_assert_eq(rig_count(), 500);
	cr_assert_eq(ledger_count(firewall.ledger), 500);
}

static enum backend_code refusal;

static enum backend_code
fails_once(const struct msg_grant *g, bool add)
{
	enum backend_code code = refusal;

	if (!add || g->dst[2] != 5)
		return (BACKEND_OK);
	refusal = BACKEND_OK;
	return (code);
}

/* One of many, by each of the reasons: it is no promise until it is there. */
Test(keep_repair, G13_a_single_refusal_is_made_up_for)
{
	static const enum backend_code codes[] = { BACKEND_FULL,
	    BACKEND_FAILED, BACKEND_UNKNOWN };
	struct msg_grant g = rig_grant(5);
	size_t i;

	rig_give(0, 100, 300);
	rig.fail = fails_once;
	for (i = 0; i < 3; i++) {
		refusal = codes[i];
		flush();
		while (refusal != BACKEND_OK)
			(void)go_on(MS);
		cr_assert_eq(rig_count(), 99);
		cr_assert_not(ledger_is_sure(firewall.ledger,
		    ledger_find(firewall.ledger, &g)));
		(void)go_on(3 * CLOCK_SECOND);
		cr_assert_eq(rig_count(), 100, "code %d", codes[i]);
		cr_assert(ledger_is_sure(firewall.ledger,
		    ledger_find(firewall.ledger, &g)));
	}
}

/* What somebody restores has the time that was left when it was saved. */
static void
put_right(uint64_t too_long, bool again)
{
	uint64_t end = ledger_find(firewall.ledger,
	    &rig.entries[0].grant)->expiry;

	rig.adds = 0;
	rig.entries[0].end = end + too_long;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds, again);
	cr_assert_eq(rig.entries[0].end, again ? end : end + too_long);
}

Test(keep_repair, G13_an_entry_that_was_restored_gets_its_time)
{
	rig_give(0, 1, 300);
	put_right(499 * MS, false);
	put_right(501 * MS, true);
	rig_conf.firewall = KEEPCONF_IPTABLES;
	put_right(1499 * MS, false);
	put_right(1501 * MS, true);
}

/* A set that goes while sets are made is one that is made a moment later. */
Test(keep_repair, G10_what_failed_once_is_tried_again_soon)
{
	rig_give(0, 10, 300);
	flush();
	rig.prepared = PREPARE_FAILED;
	/* The second step says that it failed. */
	while (rig.prepares < 2)
		(void)go_on(MS);
	rig.prepared = PREPARE_DONE;
	(void)go_on(CLOCK_SECOND / 10);
	cr_assert_eq(rig_count(), 10);
	cr_assert_eq(firewall.ready, BOTH);
}

/* But what fails for good is tried once a second. */
Test(keep_repair, what_fails_for_good_is_tried_seldom)
{
	unsigned int before;

	flush();
	rig.prepared = PREPARE_FAILED;
	(void)go_on(5 * CLOCK_SECOND);
	before = rig.prepares;
	(void)go_on(20 * CLOCK_SECOND);
	/* Two steps each. */
	cr_assert_geq(rig.prepares - before, 2 * 17);
	cr_assert_leq(rig.prepares - before, 2 * 21);
	rig.prepared = PREPARE_DONE;
	(void)go_on(CLOCK_SECOND + 100 * MS);
	cr_assert_eq(firewall.ready, BOTH);
	/* And the next failure is a first one. */
	before = rig.prepares;
	flush();
	rig.prepared = PREPARE_FAILED;
	while (rig.prepares < before + 2) {
		(void)repair_step();
		rig_now += MS;
	}
	rig.prepared = PREPARE_DONE;
	(void)go_on(CLOCK_SECOND / 10);
	cr_assert_eq(firewall.ready, BOTH);
}

/* A stranger goes, but not if it is a grant by then. */
static bool granted;

static void
grant_it(void)
{
	if (!granted)
		rig_give(7, 1, 300);
	granted = true;
}

Test(keep_repair, G13_strangers_go_unless_they_become_grants)
{
	struct msg_grant g = rig_grant(7), forever = rig_grant(8);

	rig_put(&g, rig_now + 100 * CLOCK_SECOND);
	rig_put(&forever, 0);
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.removes, 2);
	cr_assert_null(rig_find(&g));
	cr_assert_null(rig_find(&forever));
	rig_put(&g, rig_now + 100 * CLOCK_SECOND);
	granted = false;
	lose(WATCH_LOST);
	rig.during = grant_it;
	(void)go_on(CLOCK_SECOND);
	cr_assert(granted);
	cr_assert_not_null(rig_find(&g));
	cr_assert_eq(rig.removes, 2);
}

/* In the step after the one that listed it: it is on the list of what goes. */
static void
grant_it_later(void)
{
	static unsigned int steps;

	if (rig.n > RIG_STEP && rig.cursor[3] >= RIG_STEP && steps++ == 0)
		rig_give(7, 1, 300);
}

Test(keep_repair, G13_a_stranger_that_becomes_a_grant_once_it_is_listed)
{
	struct msg_grant g;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		g = rig_grant(7 + 4 * i);
		rig_put(&g, rig_now + 100 * CLOCK_SECOND);
	}
	rig.during = grant_it_later;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	g = rig_grant(7);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	cr_assert_not_null(rig_find(&g));
	cr_assert_eq(rig.removes, 19);
	cr_assert_eq(rig_count(), 1);
}

/* An entry with another time than that of the ledger is put right. */
Test(keep_repair, G13_a_time_that_differs_is_mended)
{
	struct msg_grant g = rig_grant(0);

	rig_give(0, 3, 300);
	rig_put(&g, rig_now + 100 * CLOCK_SECOND);
	g = rig_grant(1);
	rig_put(&g, rig_now + 600 * CLOCK_SECOND);
	g = rig_grant(2);
	rig_put(&g, rig_now + 300 * CLOCK_SECOND + 400 * MS);
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds, 2);
	/* Whole seconds are what ipset tells; and a name of before is none. */
	g = rig_grant(0);
	rig_put(&g, rig_find(&g)->end - CLOCK_SECOND);
	rig_conf.firewall = KEEPCONF_IPTABLES;
	lose(WATCH_LOST);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig.adds, 2);
	rig_conf.firewall = KEEPCONF_NFTABLES;
	lose(WATCH_LOST);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig.adds, 3);
	strcpy(g.label, "other.example");
	rig_put(&g, rig_find(&g)->end);
	lose(WATCH_LOST);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig.adds, 4);
	cr_assert_str_eq(rig_find(&g)->grant.label, "a.example");
}

/* By so many ms more or less than the ledger has. */
static unsigned int
mended_if_it_differs(int64_t ms)
{
	struct msg_grant g = rig_grant(0);
	uint64_t end = rig_now + 300 * CLOCK_SECOND;

	rig_give_until(0, 1, end);
	rig_put(&g, end + (uint64_t)(ms * (int64_t)MS));
	rig.adds = 0;
	lose(WATCH_LOST);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig_find(&g)->end == end, rig.adds == 1 || ms == 0);
	return (rig.adds);
}

/* What clocks and whole seconds explain is left alone, and nothing more. */
Test(keep_repair, G13_by_how_much_a_time_may_differ)
{
	cr_expect_eq(mended_if_it_differs(-50), 0);
	cr_expect_eq(mended_if_it_differs(-51), 1);
	cr_expect_eq(mended_if_it_differs(500), 0);
	cr_expect_eq(mended_if_it_differs(501), 1);
	rig_conf.firewall = KEEPCONF_IPTABLES;
	cr_expect_eq(mended_if_it_differs(-1050), 0);
	cr_expect_eq(mended_if_it_differs(-1051), 1);
	cr_expect_eq(mended_if_it_differs(1500), 0);
	cr_expect_eq(mended_if_it_differs(1501), 1);
}

/* However soon the grant ends. */
Test(keep_repair, G3_an_entry_without_an_end_gets_one)
{
	struct msg_grant g = rig_grant(0);

	/* It is listed less than SHORTER_NFT before that. */
	rig_give_until(0, 1, rig_now + 130 * MS);
	rig_put(&g, 0);
	lose(WATCH_LOST);
	(void)go_on(125 * MS);
	cr_assert_eq(rig.adds, 1);
	cr_assert_neq(rig_find(&g)->end, 0);
}

/* However often it is called. */
static void
is_quiet(void)
{
	const unsigned int before = rig.listings;
	unsigned int i;

	for (i = 0; i < 20; i++)
		(void)repair_step();
	cr_assert_eq(rig.listings, before);
}

/* Who deletes rules, then the chain, then sets, can: nothing is made meanwhile. */
Test(keep_repair, G10_it_is_quiet_for_a_moment_first)
{
	unsigned int i;

	rig_give(0, 8, 300);
	for (i = 0; i < 4; i++) {
		flush();
		is_quiet();
		rig_now += 70 * MS;
		is_quiet();
	}
	/* A reload that adds is put right at once. */
	flush();
	rig.events = WATCH_ADDED;
	(void)repair_events();
	(void)go_on(50 * MS);
	cr_assert_eq(rig_count(), 8);
	/* The next one is quiet for as long. */
	(void)go_on(CLOCK_SECOND);
	rig_now += CLOCK_SECOND;
	flush();
	rig_now += 79 * MS;
	is_quiet();
	(void)go_on(50 * MS);
	cr_assert_eq(rig_count(), 8);
}

/* And not put off for ever. */
Test(keep_repair, G10_deletions_without_end_do_not_put_it_off)
{
	uint64_t begin = rig_now;

	rig_give(0, 8, 300);
	while (rig.prepares == 0 && rig_now < begin + CLOCK_SECOND) {
		flush();
		(void)repair_step();
		rig_now += 10 * MS;
	}
	cr_assert_gt(rig.prepares, 0);
	cr_assert_leq(rig_now - begin, 500 * MS);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 8);
	cr_assert_eq(firewall.ready, BOTH);
}

Test(keep_repair, G10_without_its_chain_nothing_is_granted)
{
	rig_give(0, 8, 300);
	rig.chains = MSG_FAMILY_V4;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, MSG_FAMILY_V4);
	rig.chains = 0;
	flush();
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, 0);
	cr_assert_eq(rig_count(), 0);
	rig.chains = BOTH;
	rig.events = WATCH_ADDED;
	(void)go_on(CLOCK_SECOND / 10);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig_count(), 8);
}

/* What comes while it works is for when it is done. */
static void
lose_again(void)
{
	rig.during = NULL;
	rig.entries[3].end = UINT64_MAX;
	rig.events = WATCH_LOST;
}

Test(keep_repair, G10_what_goes_during_a_repair_is_seen_to_after_it)
{
	rig_give(0, 40, 300);
	rig.entries[2].end = UINT64_MAX;
	lose(WATCH_LOST);
	rig.during = lose_again;
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 40);
	cr_assert_eq(firewall.ready, BOTH);
}

/* A helper that stands still is not asked; then all is compared. */
static unsigned int steps_before;

static void
lose_another(void)
{
	if (steps_before-- > 0)
		return;
	rig.during = NULL;
	rig.entries[99].end = UINT64_MAX;
	rig.events = WATCH_LOST;
	cr_assert(repair_events());
}

/* A doubt that comes after a look is for the next one: it was there. */
Test(keep_repair, G13_what_goes_during_a_repair_is_all_that_is_added)
{
	rig_give(0, 600, 300);
	rig.entries[77].end = UINT64_MAX;
	rig.during = lose_another;
	steps_before = 35;		/* of about 40 */
	lose(WATCH_LOST);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_null(rig.during);
	cr_assert_eq(rig_count(), 600);
	cr_assert_eq(rig.adds, 2);
}

Test(keep_repair, G13_after_a_stuck_helper_all_is_compared)
{
	rig_give(0, 40, 300);
	rig.stuck = true;
	rig.n = 0;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.listings, 0);
	rig.stuck = false;
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 40);
}

/* Things change while they are listed: not for ever. */
Test(keep_repair, G13_a_listing_that_always_changes_has_an_end)
{
	rig_give(0, 40, 300);
	rig.last = LIST_CHANGED;
	rig.entries[5].end = UINT64_MAX;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 40);
	cr_assert_eq(rig.adds, 1);
	cr_assert_eq(rig.listings, 12);
}

/* Nothing is known: nothing is concluded, and it is tried again. */
Test(keep_repair, G13_a_broken_listing_says_nothing)
{
	rig_give(0, 40, 300);
	rig.last = LIST_BROKEN;
	rig.entries[5].end = UINT64_MAX;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds + rig.removes, 0);
	rig.last = LIST_END;
	(void)go_on(5 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 40);
}

/* A set of another size is replaced by one with all that lives. */
Test(keep_repair, G9_a_set_that_is_replaced_has_all)
{
	rig_give(0, 40, 300);
	rig.fill = 2;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.spares, 10);
	cr_assert_eq(firewall.ready, BOTH);
}

/* Slices: workers are served between them. */
Test(keep_repair, G13_a_repair_goes_in_steps)
{
	rig_give(0, 1000, 300);
	flush();
	cr_assert_gt(go_on(CLOCK_SECOND), 10);
	cr_assert_eq(rig.largest, BACKEND_BATCH_MAX);
	cr_assert_eq(rig_count(), 1000);
}

/* --- the start --- */

Test(keep_start, G9_what_was_there_is_kept_however_much_it_is, .timeout = 30)
{
	struct msg_grant g;
	unsigned int i;

	hash_init();
	rig.chains = BOTH;
	rig_conf.max_grants = 100;
	for (i = 0; i < 250; i++) {
		g = rig_grant(i);
		rig_put(&g, i < 240 ? rig_now + 500 * CLOCK_SECOND : 0);
	}
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(ledger_count(firewall.ledger), 240);
	cr_assert_eq(firewall.taken_over, 240);
	cr_assert_eq(rig.removes, 10);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(rig_count(), 240);
	/* Of which the second had room for all. */
	cr_assert_eq(rig.listings, 2 * BACKEND_KINDS);
	g = rig_grant(11);
	cr_assert(ledger_is_sure(firewall.ledger,
	    ledger_find(firewall.ledger, &g)));
	cr_assert_eq(ledger_find(firewall.ledger, &g)->expiry,
	    1500 * CLOCK_SECOND);
}

/* As long as an ipset can tell, and what no ipset would; and SCTP. */
Test(keep_start, G9_what_we_would_not_grant_is_none_of_ours, .timeout = 30)
{
	struct msg_grant longest = rig_grant(0), longer = rig_grant(4),
	    other = rig_grant(8), portless = rig_grant(12);

	hash_init();
	rig.chains = BOTH;
	other.proto = IPPROTO_SCTP;
	portless.port = 0;
	rig_put(&other, rig_now + 500 * CLOCK_SECOND);
	rig_put(&portless, rig_now + 500 * CLOCK_SECOND);
	rig_put(&longest, rig_now + 2147483 * CLOCK_SECOND);
	rig_put(&longer, rig_now + 2147483 * CLOCK_SECOND + MS);
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(firewall.taken_over, 1);
	cr_assert_not_null(rig_find(&longest));
	cr_assert_null(rig_find(&longer));
	cr_assert_null(rig_find(&other));
	cr_assert_null(rig_find(&portless));
}

/* Each is of the share of the worker that its client reaches; this host of none. */
Test(keep_start, P5_whose_share_it_is_that_was_there, .timeout = 30)
{
	const struct ledger_entry *e;
	struct msg_grant g;
	unsigned int i;

	hash_init();
	rig.chains = BOTH;
	rig_conf.nworkers = 4;
	for (i = 0; i < 64; i++) {
		g = rig_grant(i);
		rig_put(&g, rig_now + 500 * CLOCK_SECOND);
	}
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	for (i = 0; i < 64; i++) {
		g = rig_grant(i);
		e = ledger_find(firewall.ledger, &g);
		cr_assert_eq(e->owner, g.local ? LEDGER_NOBODY :
		    choice_worker(g.family, g.client, 4));
	}
}

/* What lives longer than root allows by now is put back for as long as that. */
Test(keep_start, P7_what_is_put_back_lives_no_longer_than_allowed,
    .timeout = 30)
{
	struct msg_grant g = rig_grant(0), kept = rig_grant(4);

	hash_init();
	rig.chains = BOTH;
	rig_put(&g, rig_now + 5000 * CLOCK_SECOND);
	rig_put(&kept, rig_now + 5000 * CLOCK_SECOND);
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	rig_find(&g)->end = UINT64_MAX;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds, 1);
	cr_assert_geq(rig_find(&g)->end, 4600 * CLOCK_SECOND);
	cr_assert_leq(rig_find(&g)->end, 4601 * CLOCK_SECOND);
	cr_assert_eq(ledger_find(firewall.ledger, &g)->expiry,
	    rig_find(&g)->end);
	cr_assert_eq(rig_find(&kept)->end, 6000 * CLOCK_SECOND);
}

/* ipset tells 1 of all that has less than two: that is what it gets, once. */
Test(keep_start, G9_what_is_told_as_a_second_is_no_more, .timeout = 30)
{
	struct msg_grant g = rig_grant(0);
	uint64_t end = rig_now + CLOCK_SECOND;

	hash_init();
	rig.chains = BOTH;
	rig_put(&g, end);
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	rig_now += 700 * MS;
	rig_find(&g)->end = UINT64_MAX;
	lose(WATCH_LOST);
	(void)go_on(150 * MS);
	cr_assert_eq(rig.adds, 1);
	cr_assert_leq(rig_find(&g)->end, end);
	rig_find(&g)->end = UINT64_MAX;
	rig_now = end;
	lose(WATCH_LOST);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds, 1);
}

static unsigned int busy;	/* how often a listing is refused */

static int
entries_when_free(size_t kind, struct list *l)
{
	return (busy > 0 && busy-- > 0 ? -1 : rig_entries(kind, l));
}

/* Another listing is read to its end before, but not for ever. */
Test(keep_start, P4_what_cannot_be_listed_yet, .timeout = 30)
{
	struct msg_grant g = rig_grant(0);

	hash_init();
	rig.chains = BOTH;
	rig_put(&g, rig_now + 500 * CLOCK_SECOND);
	backend = rig_backend;
	backend.entries = entries_when_free;
	busy = 500;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
}

/* Each of IPv6 waits as long. */
static int
entries_of_ipv6_when_free(size_t kind, struct list *l)
{
	static unsigned int refused[BACKEND_KINDS];

	return (kind >= 2 && refused[kind]++ < busy ? -1 :
	    rig_entries(kind, l));
}

static void
take_long(void)
{
	rig_now += LIST_WAIT;
}

/* Nor is it given up because the listings before took their time. */
Test(keep_start, P4_what_cannot_be_listed_yet_behind_a_long_listing,
    .timeout = 30)
{
	unsigned int i;
	struct msg_grant g;

	hash_init();
	rig.chains = BOTH;
	for (i = 0; i < 8 * RIG_STEP; i++) {
		g = rig_grant(i);
		rig_put(&g, rig_now + 500 * CLOCK_SECOND);
	}
	rig.during = take_long;
	backend = rig_backend;
	backend.entries = entries_of_ipv6_when_free;
	busy = 600;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(ledger_count(firewall.ledger), 8 * RIG_STEP);
}

Test(keep_start, P4_what_can_never_be_listed, .timeout = 30, .exit_code = 1)
{
	hash_init();
	rig.chains = BOTH;
	backend = rig_backend;
	backend.entries = entries_when_free;
	busy = UINT_MAX;
	repair_start(&backend, rig_conf.max_grants);
}

/* A chain that comes later: its set's entries are taken over. */
Test(keep_start, G9_a_family_that_comes_later, .timeout = 30)
{
	struct msg_grant g = rig_grant(2);

	hash_init();
	rig.chains = MSG_FAMILY_V4;
	rig_put(&g, rig_now + 500 * CLOCK_SECOND);
	backend = rig_backend;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(firewall.families, MSG_FAMILY_V4);
	cr_assert_eq(ledger_count(firewall.ledger), 0);
	rig.chains = BOTH;
	rig.events = WATCH_ADDED;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.families, BOTH);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	cr_assert_eq(rig.removes, 0);
}
