/*
 * The second look at live grants (A9, G15), against a compiler that answers when
 * a test lets it, and a kernel that fails.
 */
#include "review_rig.h"

#include <setjmp.h>

TestSuite(keep_review, .init = set_up, .timeout = 30);

Test(keep_review, A9_what_it_forbids_goes_and_nothing_else)
{
	unsigned int i;

	for (i = 0; i < 200; i++)
		name_it(i, i % 3 == 0 ? "bad.example" : "good.example", 300);
	forbid("bad.example");
	rig_conf.kill_connections = 1;
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(ledger_count(firewall.ledger), 133);
	cr_assert_eq(rig_count(), 133);
	cr_assert_eq(rig.removes, 67);
	cr_assert_eq(killed, 67);
	cr_assert_eq(asked, 200);
	cr_assert_eq(firewall.revoked, 67);
	/* The kernel has it as it is to be: there is nothing to compare. */
	cr_assert_eq(repair_wait(), -1);
	review_begin(true);
	cr_assert_not(go_on());
}

/* Another cause makes a round longer by what is behind it, and not more. */
Test(keep_review, A9_two_causes_at_once_are_one_round)
{
	rig_give(0, 200, 300);
	review_begin(true);
	review_begin(true);
	(void)go_on();
	cr_assert_eq(asked, 200);
	/* And what is no matter of the list is not asked. */
	review_begin(false);
	(void)go_on();
	cr_assert_eq(asked, 200);
}

/* Silence does not forbid. */
Test(keep_review, A9_nothing_goes_before_the_answer)
{
	rig_give(0, 100, 300);
	review_begin(true);
	cr_assert_not(review_step());
	cr_assert_not(review_due());
	cr_assert_not(review_step());
	cr_assert_not(review_step());
	cr_assert_eq(ledger_count(firewall.ledger), 100);
	(void)go_on();
	cr_assert_eq(asked, 100);
	cr_assert_eq(rig_count(), 100);
}

/* What has ended by itself before the answer is not revoked. */
Test(keep_review, A9_a_grant_that_ends_meanwhile)
{
	name_it(0, "bad.example", 10);
	forbid("bad.example");
	review_begin(true);
	(void)review_step();
	rig_now += 10 * CLOCK_SECOND;
	cr_assert_not(go_on());
	cr_assert_eq(firewall.revoked, 0);
	cr_assert_eq(rig.removes, 0);
}

/* Of names that are all forbidden none shortens what goes. */
Test(keep_review, G15_two_names_and_both_are_forbidden)
{
	name_it(0, "good.example", 100);
	name_it(0, "bad.example", 300);
	name_it(1, "good.example", 200);
	forbid("good.example");
	forbid("bad.example");
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(rig_count(), 0);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(firewall.revoked, 2);
}

static jmp_buf malformed;

static void
is_malformed(void)
{
	longjmp(malformed, 1);
}

/* Else what waits would be counted wrongly, and a review never end. */
Test(keep_review, P7_each_question_has_one_answer)
{
	const struct policy_checked twice = { .n = 2, .at = {
	    { .type = MSG_CHECKED, .seq = 1, .keep = 1 },
	    { .type = MSG_CHECKED, .seq = 1, .keep = 1 } } };
	unsigned int i;

	for (i = 0; i < 4; i++)
		name_it(i, "a.example", 300);
	review_begin(true);
	(void)review_step();
	rig_malformed = is_malformed;
	if (setjmp(malformed) == 0) {
		review_checked(&twice);
		cr_assert_fail("it took two answers");
	}
}

/* Nor has what was not asked. */
Test(keep_review, P7_an_answer_to_no_question)
{
	struct policy_checked odd = { .n = 1, .at = { { .type = MSG_CHECKED,
	    .keep = 1 } } };
	static uint32_t seq;	/* longjmp(3) leaves it as it is */

	name_it(0, "a.example", 300);
	review_begin(true);
	(void)review_step();
	rig_malformed = is_malformed;
	/* Round numbers, as tables have. */
	for (seq = 1; seq < 1 << 20; seq++) {
		odd.at[0].seq = seq;
		if (setjmp(malformed) == 0) {
			review_checked(&odd);
			cr_assert_fail("it took an answer to %u", seq);
		}
	}
}

/* Nor is there one behind the last, however many it was asked about. */
Test(keep_review, P7_an_answer_behind_all_questions)
{
	const unsigned int max = REVIEW_BATCH * LEDGER_NAMES;
	struct policy_checked odd = { .n = 1, .at = { { .type = MSG_CHECKED,
	    .seq = max, .keep = 1 } } };
	char label[MSG_LABEL_SIZE];
	unsigned int i;

	for (i = 0; i < max; i++) {
		snprintf(label, sizeof(label), "%u.example", i);
		name_it(i / LEDGER_NAMES, label, 300);
	}
	review_begin(true);
	(void)review_step();
	cr_assert_eq(rig_nout, max / MSG_BATCH_MAX);
	rig_malformed = is_malformed;
	if (setjmp(malformed) == 0) {
		review_checked(&odd);
		cr_assert_fail("it took an answer to %u", max);
	}
}

/* A list that comes during a round is for those behind it, too. */
Test(keep_review, A9_a_list_of_meanwhile_counts_for_all)
{
	unsigned int i;

	for (i = 0; i < 200; i++)
		name_it(i, "a.example", 300);
	review_begin(true);
	for (i = 0; i < 2; i++) {
		(void)review_step();
		answer(SIZE_MAX);
	}
	cr_assert(review_is_busy());
	forbid("a.example");
	rig_generation++;
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(ledger_count(firewall.ledger), 0);
	cr_assert_eq(rig_count(), 0);
}

/* Nor do grants that come meanwhile, and make the ledger longer, hide others. */
Test(keep_review, A9_grants_of_meanwhile_hide_none)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		name_it(i, "bad.example", 300);
	review_begin(true);
	cr_assert_not(go_on());
	/* The next round begins behind them. */
	for (; i < 200; i++)
		name_it(i, "good.example", 300);
	forbid("bad.example");
	rig_generation++;
	review_begin(true);
	(void)review_step();
	for (; i < 300; i++)
		name_it(i, "good.example", 300);
	cr_assert(go_on());
	cr_assert_eq(firewall.revoked, 100);
	cr_assert_eq(rig_count(), 200);
}

/* One client may have by a name what another one may not. */
Test(keep_review, A9_a_name_that_is_forbidden_to_another_client)
{
	struct msg_grant kept[] = { rig_grant(0), rig_grant(2) };
	unsigned int i;

	for (i = 0; i < 4; i++)
		name_it(i, "a.example", 300);
	forbid("a.example");
	local_only = true;
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(ledger_count(firewall.ledger), 2);
	cr_assert_not_null(rig_find(&kept[0]));
	cr_assert_not_null(rig_find(&kept[1]));
}

/* Item q: another name gives it, for that one's time. */
Test(keep_review, G15_another_name_keeps_it_for_its_own_time)
{
	struct msg_grant g = rig_grant(0);

	name_it(0, "short.example", 100);
	name_it(0, "bad.example", 300);
	name_it(0, "shorter.example", 50);
	forbid("bad.example");
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(rig.removes, 0);
	cr_assert_eq(rig_find(&g)->end, rig_now + 100 * CLOCK_SECOND);
	cr_assert_str_eq(rig_find(&g)->grant.label, "short.example");
	cr_assert(ledger_is_sure(firewall.ledger,
	    ledger_find(firewall.ledger, &g)));
	/* Of the others nothing changes in the kernel. */
	rig.adds = 0;
	forbid("shorter.example");
	review_begin(true);
	cr_assert_not(go_on());
	cr_assert_eq(rig.adds, 0);
	forbid("short.example");
	review_begin(true);
	cr_assert(go_on());
	cr_assert_null(rig_find(&g));
}

/* A name that came during the review is one of the new list. */
Test(keep_review, G15_a_name_of_meanwhile_counts)
{
	struct msg_grant g = rig_grant(0);

	name_it(0, "bad.example", 300);
	forbid("bad.example");
	review_begin(true);
	(void)review_step();
	name_it(0, "new.example", 200);
	answer(SIZE_MAX);
	(void)go_on();
	cr_assert_eq(rig_find(&g)->end, rig_now + 200 * CLOCK_SECOND);
	cr_assert_str_eq(rig_find(&g)->grant.label, "new.example");
}

/* Item i: causes in a row do not put it off. */
Test(keep_review, A9_events_in_a_row_do_not_put_it_off)
{
	unsigned int i, steps = 0;

	for (i = 0; i < 900; i++)
		name_it(i, i == 899 ? "bad.example" : "good.example", 300);
	forbid("bad.example");
	review_begin(true);
	while (ledger_count(firewall.ledger) == 900 && steps < 40) {
		(void)review_step();
		answer(SIZE_MAX);
		review_begin(steps % 2 == 0);
		steps++;
	}
	cr_assert_leq(steps, 900 / 64 + 3);
}

/* An answer by a list that is not in force any more says nothing. */
Test(keep_review, A9_an_answer_by_the_list_of_before_does_not_revoke)
{
	name_it(0, "a.example", 300);
	forbid("a.example");
	review_begin(true);
	(void)review_step();
	answer(SIZE_MAX);
	nforbidden = 0;
	rig_generation++;
	review_begin(true);
	cr_assert_not(go_on());
	cr_assert_eq(rig_count(), 1);
}

/* What root's limits and own addresses forbid is not even asked about. */
Test(keep_review, G8_own_addresses_go_without_the_compiler)
{
	struct msg_grant g = rig_grant(0);

	rig_give(0, 100, 300);
	rig_own.family = ADDR_V4;
	memcpy(rig_own.bytes, g.dst, 16);
	review_begin(false);
	cr_assert(go_on());
	cr_assert_eq(asked, 0);
	cr_assert_eq(rig_count(), 99);
	cr_assert_null(rig_find(&g));
	/* Nor with a new list: that one goes anyway. */
	g = rig_grant(4);
	memcpy(rig_own.bytes, g.dst, 16);
	review_begin(true);
	cr_assert(go_on());
	cr_assert_eq(asked, 98);
}

/* A start with other client networks: what they forbid was there, and goes. */
Test(keep_review, P7_what_root_does_not_allow_any_more_goes)
{
	struct msg_grant g = rig_grant(0);

	rig_give(0, 100, 300);
	rig_limits.nclients = 1;
	rig_limits.clients[0] = (struct addr_net){ .base.family = ADDR_V4,
	    .prefix = 32 };
	memcpy(rig_limits.clients[0].base.bytes, g.client, 4);
	rig_limits.local = 0;
	review_begin(true);
	cr_assert(go_on());
	/* IPv4 clients other than this host: one in four. */
	cr_assert_eq(rig_count(), 25);
	cr_assert_eq(asked, 25);
	cr_assert_not_null(rig_find(&g));
}
