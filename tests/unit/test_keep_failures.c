/*
 * What a repair meets: chains that come and go (G9, G10), listings that break
 * (G13), failures, and what is said of it.
 */
#include "repair_rig.h"

TestSuite(keep_failures, .init = set_up, .timeout = 30);

/* --- chains --- */

static unsigned int looks;
static bool deaf;

static int
chains(uint8_t *there)
{
	looks++;
	*there = rig.chains;
	return (deaf ? -1 : 0);
}

static bool unusable, gone;	/* gone: again, since the look at chains */
static unsigned int checks;	/* each of which may be a line of the log */

static int
check(uint8_t *families)
{
	checks++;
	*families = gone ? MSG_FAMILY_V4 : rig.chains;
	return (unusable ? -1 : 0);
}

/* Seen within the time of a look, though nothing says so. */
Test(keep_failures, G10_a_chain_that_comes_back_without_an_event)
{
	backend.chains = chains;
	rig_give(0, 8, 300);
	rig.chains = 0;
	flush();
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, 0);
	cr_assert_leq(repair_wait(), 151);
	looks = 0;
	step_often();
	cr_assert_leq(looks, 1);
	rig.chains = BOTH;
	(void)go_on(200 * MS);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig_count(), 8);
}

/* Something else was added, which only makes it look. */
Test(keep_failures, G10_a_chain_that_went_without_an_event)
{
	rig_give(0, 8, 300);
	rig.chains = 0;
	rig.events = WATCH_ADDED;
	(void)go_on(MS);
	cr_assert_eq(firewall.ready, 0);
	rig.chains = MSG_FAMILY_V6;
	rig.events = WATCH_ADDED;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, MSG_FAMILY_V6);
	/* The other one's return is a repair, and said to be. */
	firewall.repairs = 0;
	rig.chains = BOTH;
	rig.events = WATCH_ADDED;
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(firewall.repairs, 1);
}

Test(keep_failures, G13_chains_that_cannot_be_asked_for)
{
	backend.chains = chains;
	deaf = true;
	flush();
	(void)go_on(5 * CLOCK_SECOND);
	looks = 0;
	(void)go_on(10 * CLOCK_SECOND);
	cr_assert_leq(looks, 11);
	cr_assert_eq(rig.listings, 0);
	deaf = false;
	(void)go_on(1100 * MS);
	cr_assert_eq(firewall.ready, BOTH);
}

static void
start_with_ipv4(void)
{
	hash_init();
	backend = rig_backend;
	backend.check = check;
	rig.chains = MSG_FAMILY_V4;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(firewall.families, MSG_FAMILY_V4);
	rig.listings = 0;
}

static void
add_chain(void)
{
	rig.chains = BOTH;
	rig.events = WATCH_ADDED;
	(void)repair_events();
}

/* The look at chains is over then. */
Test(keep_failures, G9_a_family_that_comes_during_a_repair,
    .init = start_with_ipv4)
{
	rig_give(0, 1, 300);
	then = add_chain;
	rig.during = in_a_step;
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.families, BOTH);
	cr_assert_eq(firewall.ready, BOTH);
}

/* A try that fails does not make strangers of what is there. */
Test(keep_failures, G9_a_family_that_comes_and_cannot_be_listed_at_once,
    .init = start_with_ipv4)
{
	add_stranger(2);
	rig.last = LIST_BROKEN;
	add_chain();
	while (rig.listings < 5)
		(void)go_on(MS);
	rig.last = LIST_END;
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.families, BOTH);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	cr_assert_eq(rig.removes, 0);
	/* Once only: what comes then is no grant. */
	add_stranger(6);
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	cr_assert_eq(rig.removes, 1);
}

/* One that is of no use is not ours, until it may be another one. */
Test(keep_failures, G9_a_chain_that_cannot_be_used, .init = start_with_ipv4)
{
	unusable = true;
	add_chain();
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.families, MSG_FAMILY_V4);
	cr_assert_eq(firewall.ready, MSG_FAMILY_V4);
	/* As long as it is the same it is not looked at again. */
	checks = 0;
	lose(WATCH_UNSURE);
	come_to_rest(3 * CLOCK_SECOND);
	cr_assert_eq(checks, 0);
	unusable = false;
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, BOTH);
}

/* What has gone since it was seen is not served. */
Test(keep_failures, G9_a_chain_that_went_again, .init = start_with_ipv4)
{
	gone = true;
	add_chain();
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(firewall.families, MSG_FAMILY_V4);
	cr_assert_eq(firewall.ready, MSG_FAMILY_V4);
}

/* --- listings --- */

static const char *ends;		/* of listings: [.]end, [b]roken, [c]hanged */

static void
end_listing(void)
{
	const char c = rig.listings <= strlen(ends) ?
	    ends[rig.listings - 1] : '.';

	rig.last = c == 'b' ? LIST_BROKEN : c == 'c' ? LIST_CHANGED : LIST_END;
}

static void
listings_end(const char *so, unsigned int number)
{
	ends = so;
	rig.during = end_listing;
	lose(WATCH_LOST);
	come_to_rest(5 * CLOCK_SECOND);
	cr_assert_eq(rig.listings, number, "%u", rig.listings);
	cr_assert_eq(firewall.ready, BOTH);
}

Test(keep_failures, G13_each_set_may_break_four_times)
{
	listings_end("bbbb.bbbb.bbbb.bbbb.", 20);
	cr_assert_eq(firewall.repairs, 1);
}

/* The fifth time it begins anew, and nothing is left of the first try. */
Test(keep_failures, G13_another_try_is_a_new_one)
{
	backend.chains = chains;
	listings_end("ccbbbbbbbbbbcccccccccccc", 12 + 12);
	cr_assert_eq(looks, 3);
}

static int
busy(size_t kind, struct list *l)
{
	(void)kind;
	(void)l;
	return (-1);
}

/* Who else lists will not say when it is done. */
Test(keep_failures, a_listing_that_cannot_begin_yet)
{
	rig_give(0, 4, 300);
	flush();
	rig_now += 80 * MS;
	backend.entries = busy;
	step_often();
	cr_assert_eq(repair_fd(), -1);
	cr_assert_eq(repair_wait(), 5);
	backend.entries = rig_backend.entries;
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 4);
}

/* A set that is not there has nothing. */
Test(keep_failures, G10_sets_that_are_gone)
{
	rig_give(0, 4, 300);
	rig.last = LIST_NONE;
	flush();
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig.listings, 4);
	cr_assert_eq(rig_count(), 4);
}

#define NOTED	8192		/* strangers of one comparison */

static enum backend_code
fails_to_go(const struct msg_grant *g, bool add)
{
	(void)g;
	return (add ? BACKEND_OK : BACKEND_FAILED);
}

/* Behind all others, of which it is none. */
static void
add_stranger_at(unsigned int i)
{
	rig.entries[rig.n++] = (struct rig_entry){ .grant = rig_grant(i),
	    .end = rig_now + 100 * CLOCK_SECOND };
}

Test(keep_failures, G13_more_strangers_than_are_noted)
{
	unsigned int i;

	for (i = 0; i < NOTED + 40; i++)
		add_stranger_at(i);
	/* What does not go is looked at once. */
	rig.fail = fails_to_go;
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig.listings, 4);
	cr_assert_eq(rig_count(), NOTED + 40);
	rig.fail = NULL;
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 0);
	cr_assert_eq(rig.listings, 12);
	cr_assert_eq(rig.largest, BACKEND_BATCH_MAX);
	/* And of one more, it is once again. */
	rig.n = 0;
	add_stranger(9);
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 0);
	cr_assert_eq(rig.listings, 16);
	/* As many as there is room for need no second look. */
	rig.n = 0;
	for (i = 0; i < NOTED; i++)
		add_stranger_at(i);
	lose(WATCH_LOST);
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(rig_count(), 0);
	cr_assert_eq(rig.listings, 20);
}

/* --- what is said of it --- */

static void
compare(void)
{
	lose(WATCH_UNSURE);
	come_to_rest(2 * CLOCK_SECOND);
}

/* A comparison that finds all as it should be is no repair. */
Test(keep_failures, only_what_was_changed_is_a_repair)
{
	rig_give(0, 8, 300);
	drop(0);
	compare();
	cr_assert_eq(firewall.repairs, 1);
	compare();
	cr_assert_eq(firewall.repairs, 1);
	add_stranger(9);
	compare();
	cr_assert_eq(firewall.repairs, 2);
	compare();
	cr_assert_eq(firewall.repairs, 2);
	/* Nor one that could do nothing. */
	add_stranger(10);
	rig.fail = fails_to_go;
	compare();
	cr_assert_eq(firewall.repairs, 2);
	/* To lose something is one, whatever it was, and only that once. */
	lose(WATCH_LOST);
	come_to_rest(2 * CLOCK_SECOND);
	cr_assert_eq(firewall.repairs, 3);
	compare();
	cr_assert_eq(firewall.repairs, 3);
}

static unsigned int effects, drops;
static enum list_step effect_is = LIST_MORE;

static enum list_step
effect(struct backend_effect *e, unsigned int datagrams)
{
	(void)datagrams;
	effects++;
	e->reached = e->families;
	return (effect_is);
}

static void
effect_drop(struct backend_effect *e)
{
	(void)e;
	drops++;
}

/* Both listen to one socket; and after a repair all may be otherwise. */
Test(keep_failures, a_repair_comes_before_a_look_at_the_rules)
{
	rig_give(0, 8, 300);
	backend.effect = effect;
	backend.effect_drop = effect_drop;
	rig.events = WATCH_RULES;
	(void)repair_events();
	(void)repair_step();
	cr_assert_eq(effects, 1);
	flush();
	rig_now += 80 * MS;
	while (rig.listings == 0)
		(void)repair_step();
	cr_assert_eq(drops, 1);
	cr_assert_eq(effects, 1);
	effect_is = LIST_END;
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(effects, 2);
	flush();
	come_to_rest(CLOCK_SECOND);
	cr_assert_eq(effects, 3);
}

/* --- failures --- */

/* What cannot be made does not work. */
Test(keep_failures, G13_rules_that_cannot_be_made)
{
	rig_give(0, 8, 300);
	rig.prepared = PREPARE_FAILED;
	lose(WATCH_UNSURE);
	cr_assert_eq(firewall.ready, BOTH);
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(firewall.ready, 0);
}

static enum backend_code
fails_of_ipv6(const struct msg_grant *g, bool add)
{
	/* What is granted now would not be in the new set. */
	cr_assert_eq(firewall.ready, MSG_FAMILY_V4);
	return (add && g->family == ADDR_V6 ? BACKEND_FAILED : BACKEND_OK);
}

/* A set that lacks some takes nobody's place. */
Test(keep_failures, G9_a_set_that_cannot_be_filled)
{
	rig_give(0, 40, 300);
	rig.fill = 2;
	rig.rules = 0;
	rig.fail = fails_of_ipv6;
	lose(WATCH_UNSURE);
	(void)go_on(2 * CLOCK_SECOND);
	cr_assert_gt(rig.spares, 0);
	cr_assert_eq(rig.rules, 0);
	rig.fail = NULL;
	come_to_rest(3 * CLOCK_SECOND);
	cr_assert_eq(rig.rules, BOTH);
}

/* To be in the new set is not to be in that which is used. */
Test(keep_failures, G13_what_was_filled_in_is_not_sure)
{
	rig_give(0, 40, 300);
	drop(6);
	rig.fill = 2;
	rig.prepared = PREPARE_FAILED;
	lose(WATCH_UNSURE);
	while (rig.spares == 0)
		(void)go_on(MS);
	cr_assert_not(is_sure(6));
	rig.prepared = PREPARE_DONE;
	come_to_rest(3 * CLOCK_SECOND);
	cr_assert(is_sure(6));
	cr_assert_eq(rig_count(), 40);
}

static enum order_code refused = ORDER_NOT_TAKEN;

static void
add_refused(struct backend_batch *b)
{
	size_t i;

	rig_add(b);
	for (i = 0; i < b->n; i++) {
		cr_assert(b->adds[i].is_new);
		b->adds[i].refused = refused;
	}
}

/* What may not be is for the review; anything else is tried again. */
Test(keep_failures, P7_what_the_helper_refuses)
{
	rig_give(0, 8, 300);
	backend.add = add_refused;
	rig.fail = rig_all_alike;
	rig_code = BACKEND_REFUSED;
	flush();
	(void)go_on(10 * CLOCK_SECOND);
	cr_assert_geq(rig.adds, 8 * 9);
	refused = ORDER_OUTSIDE;
	come_to_rest(2 * CLOCK_SECOND);
	refused = ORDER_FORBIDDEN;
	flush();
	come_to_rest(2 * CLOCK_SECOND);
	cr_assert_eq(ledger_count(firewall.ledger), 8);
	cr_assert_not(is_sure(0));
}

static void
add_and_get_stuck(struct backend_batch *b)
{
	rig_add(b);
	rig.stuck = true;
}

/* The helper stands still in the middle: it is not asked for more. */
Test(keep_failures, G13_a_helper_that_gets_stuck_meanwhile)
{
	rig_give(0, 400, 300);
	backend.add = add_and_get_stuck;
	flush();
	(void)go_on(CLOCK_SECOND);
	cr_assert_eq(rig.adds, BACKEND_BATCH_MAX);
	cr_assert_eq(firewall.repairs, 1, "that try is over");
	backend.add = rig_backend.add;
	rig.stuck = false;
	come_to_rest(5 * CLOCK_SECOND);
	cr_assert_eq(rig_count(), 400);
}
