/*
 * What a review takes out or shortens (A9, G13, U4), with a kernel that fails, and
 * when it is told.
 */
#include "review_rig.h"

TestSuite(keep_revoked, .init = set_up, .timeout = 30);

/* dnsfwctl(8) revoke: whatever the list says. */
Test(keep_revoked, U4_what_is_revoked_by_hand)
{
	struct msg_grant g[] = { rig_grant(1), rig_grant(7), rig_grant(2) };

	rig_give(0, 4, 300);
	rig_conf.kill_connections = 1;
	cr_assert_eq(review_revoke(g, 3), 2);
	cr_assert_eq(rig_count(), 2);
	cr_assert_eq(ledger_count(firewall.ledger), 2);
	cr_assert_null(rig_find(&g[0]));
	cr_assert_null(rig_find(&g[2]));
	cr_assert_eq(killed, 2);
}

/* --- what is said of it --- */

/* Once, when all has ended: what is counted is new from then on. */
Test(keep_revoked, A9_it_is_told_at_the_end)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		name_it(i, "bad.example", 300);
	(void)review_step();
	cr_assert_eq(counted, 0, "nothing was revoked");
	forbid("bad.example");
	review_begin(true);
	while (firewall.revoked == 0) {
		(void)review_step();
		cr_assert_eq(counted, 0, "it is under way");
		answer(SIZE_MAX);
	}
	killing = true;
	(void)go_on();
	cr_assert_eq(firewall.revoked, 100);
	cr_assert_eq(counted, 0, "connections are to end");
	killing = false;
	(void)review_step();
	cr_assert_eq(counted, 1);
	(void)review_step();
	cr_assert_eq(counted, 1);
}

static enum backend_code
unknown(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	return (BACKEND_UNKNOWN);
}

/* Item c: a removal without an answer leaves a stranger, which is found. */
Test(keep_revoked, G13_what_may_be_there_still_is_found)
{
	int i;

	name_it(0, "bad.example", 300);
	forbid("bad.example");
	rig.fail = unknown;
	rig_conf.kill_connections = 1;
	review_begin(true);
	(void)go_on();
	cr_assert_eq(ledger_count(firewall.ledger), 0);
	cr_assert_eq(rig_count(), 1);
	cr_assert_eq(killed, 1);
	rig.fail = NULL;
	for (i = 0; i < 2000 && rig_count() > 0; i++) {
		(void)repair_step();
		rig_now += MS;
	}
	cr_assert_eq(rig_count(), 0);
}

/* A time that may be the longer one still is not sure, and is put right. */
Test(keep_revoked, G13_what_may_not_be_shorter_yet)
{
	struct msg_grant g = rig_grant(0);
	int i;

	name_it(0, "short.example", 100);
	name_it(0, "bad.example", 300);
	forbid("bad.example");
	rig.fail = unknown;
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(rig_find(&g)->end, rig_now + 300 * CLOCK_SECOND);
	cr_assert_not(ledger_is_sure(firewall.ledger,
	    ledger_find(firewall.ledger, &g)));
	rig.fail = NULL;
	for (i = 0; i < 2000 && repair_wait() != -1; i++) {
		(void)repair_step();
		rig_now += MS;
	}
	cr_assert_leq(rig_find(&g)->end, rig_now + 100 * CLOCK_SECOND);
}

/* No longer than root allows, whatever it had when it was taken over. */
Test(keep_revoked, P7_what_is_shortened_is_not_too_long)
{
	struct msg_grant g = rig_grant(0);

	name_it(0, "good.example", 5000);
	name_it(0, "bad.example", 9000);
	forbid("bad.example");
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(rig_find(&g)->end, rig_now + 3600 * CLOCK_SECOND);
}

/* As long as the helper stands still, nothing is taken for done. */
Test(keep_revoked, A9_a_stuck_helper_only_delays_it)
{
	name_it(0, "bad.example", 300);
	forbid("bad.example");
	review_begin(true);
	(void)review_step();
	answer(SIZE_MAX);
	rig.stuck = true;
	cr_assert_not(review_step());
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	rig.stuck = false;
	cr_assert(review_step());
	cr_assert_eq(rig_count(), 0);
}
