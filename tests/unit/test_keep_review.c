/*
 * The second look at live grants (A9, G15), against a compiler that answers when
 * a test lets it, and a kernel that fails.
 */
#include "keep_rig.h"

#include <setjmp.h>

#include "keep/connections.h"
#include "keep/repair.h"
#include "keep/review.h"

/* --- connections --- */

static unsigned int killed;
static bool killing;

bool
connections_kill(const struct msg_grant *g)
{
	/* Entries go first. */
	cr_assert_null(rig_find(g));
	killed++;
	return (true);
}

bool
connections_killing(void)
{
	return (killing);
}

uint64_t
connections_ended(uint64_t *failed)
{
	*failed = 0;
	return (killed);
}

/* --- the compiler --- */

static char forbidden[4][MSG_LABEL_SIZE];	/* by the list of now */
static unsigned int nforbidden, asked;
static bool local_only;			/* of this host alone */

static void
forbid(const char *label)
{
	strcpy(forbidden[nforbidden++], label);
}

static bool
allows(const char *label)
{
	unsigned int i;

	for (i = 0; i < nforbidden; i++) {
		if (strcmp(forbidden[i], label) == 0)
			return (false);
	}
	return (true);
}

/* Answer the first n records of what it was asked. */
static void
answer(size_t n)
{
	struct policy_checked checked;
	struct msg_check m;
	size_t i, at;

	for (i = 0; i < n && i < rig_nout; i++) {
		checked.n = 0;
		for (at = 0; at < rig_out_len[i]; at += sizeof(m)) {
			cr_assert_eq(msg_check_decode(rig_out[i] + at,
			    sizeof(m), &m), MSG_OK);
			asked++;
			checked.at[checked.n++] = (struct msg_checked){
			    .type = MSG_CHECKED, .seq = m.seq,
			    .keep = allows(m.label) ||
			    (local_only && m.local == 0) };
		}
		review_checked(&checked);
	}
	rig_nout = 0;
}

/* To the end; returns whether something was revoked or shortened. */
static bool
go_on(void)
{
	bool changed = false;
	unsigned int i;

	for (i = 0; review_is_busy(); i++) {
		changed |= review_step();
		answer(SIZE_MAX);
		cr_assert_lt(i, 10000);
	}
	return (changed | review_step());
}

static void
set_up(void)
{
	hash_init();
	rig.chains = BOTH;
	repair_start(&rig_backend, rig_conf.max_grants);
	rig.adds = rig.removes = 0;
}

TestSuite(keep_review, .init = set_up, .timeout = 30);

/* Grant i by that name, too, until then. */
static void
name_it(unsigned int i, const char *label, uint32_t seconds)
{
	struct msg_grant g = rig_grant(i);
	struct ledger_entry *e;

	memset(g.label, 0, sizeof(g.label));
	strcpy(g.label, label);
	e = ledger_put(firewall.ledger, &g, rig_now + seconds * CLOCK_SECOND,
	    rig_now, 0);
	ledger_set_sure(firewall.ledger, e, true);
	rig_put(&e->grant, e->expiry);
}

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
	review_begin(true);
	cr_assert_not(go_on());
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
}

static enum backend_code
unknown(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	return (BACKEND_UNKNOWN);
}

/* Item c: a removal without an answer leaves a stranger, which is found. */
Test(keep_review, G13_what_may_be_there_still_is_found)
{
	int i;

	name_it(0, "bad.example", 300);
	forbid("bad.example");
	rig.fail = unknown;
	review_begin(true);
	(void)go_on();
	cr_assert_eq(ledger_count(firewall.ledger), 0);
	cr_assert_eq(rig_count(), 1);
	rig.fail = NULL;
	for (i = 0; i < 2000 && rig_count() > 0; i++) {
		(void)repair_step();
		rig_now += MS;
	}
	cr_assert_eq(rig_count(), 0);
}

/* As long as the helper stands still, nothing is taken for done. */
Test(keep_review, A9_a_stuck_helper_only_delays_it)
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
