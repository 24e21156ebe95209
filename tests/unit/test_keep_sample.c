/* What sends no events is looked at, a few entries at a time (G10). */
#include "keep_rig.h"

#include "keep/sample.h"

#define GRANTS		1000
#define LOOK		(BACKEND_BATCH_MAX - BACKEND_KINDS)	/* in turn */
#define ROUND		(GRANTS / LOOK + 2)	/* looks, for all of them */

static struct backend backend;
static int whole = 1;
static uint8_t asked;

static int
intact(uint8_t families)
{
	asked = families;
	return (whole);
}

static void
set_up(void)
{
	hash_init();
	backend = rig_backend;
	backend.intact = intact;
	firewall.backend = &backend;
	firewall.ledger = ledger_new(2 * GRANTS, 2 * GRANTS, 1);
	firewall.families = firewall.ready = BOTH;
}

TestSuite(keep_sample, .init = set_up, .timeout = 30);

/* Looks until something is seen, or that many. */
static enum sample
look(unsigned int most)
{
	enum sample seen = SAMPLE_THERE;

	while (most-- > 0 && seen == SAMPLE_THERE)
		seen = sample_look();
	return (seen);
}

static void
lose(unsigned int i)
{
	struct msg_grant g = rig_grant(i);

	rig_find(&g)->end = UINT64_MAX;
}

/* Whichever it is, and after however many rounds. */
Test(keep_sample, G10_a_single_one_is_missed_in_every_round)
{
	static const unsigned int ones[] = { 5, GRANTS - 1, 500, 4, 999, 77 };
	size_t i;

	rig_give(0, GRANTS, 300);
	for (i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		cr_assert_eq(look(2 * ROUND), SAMPLE_THERE);
		lose(ones[i]);
		cr_assert_eq(look(ROUND), SAMPLE_GONE, "%u", ones[i]);
		rig_give(ones[i], 1, 300);
	}
	cr_assert_leq(rig.largest, BACKEND_BATCH_MAX);
}

/* One of each kind is in every look: a set that was flushed is seen at once. */
Test(keep_sample, G10_a_set_that_is_empty_is_seen_at_once)
{
	unsigned int kind, i;

	rig_give(0, GRANTS, 300);
	for (kind = 0; kind < 4; kind++) {
		for (i = kind; i < GRANTS; i += 4)
			lose(i);
		cr_assert_eq(look(1), SAMPLE_GONE, "%u", kind);
		for (i = kind; i < GRANTS; i += 4)
			rig_give(i, 1, 300);
	}
}

Test(keep_sample, G10_a_set_that_is_gone)
{
	firewall.ready = MSG_FAMILY_V6;
	whole = 0;
	cr_assert_eq(sample_look(), SAMPLE_NO_SET);
	cr_assert_eq(asked, MSG_FAMILY_V6);
	/* No answer is not "gone" (G13). */
	whole = -1;
	cr_assert_eq(sample_look(), SAMPLE_THERE);
	/* Nor is what does not work anyway, or where events say it. */
	whole = 0;
	firewall.ready = 0;
	cr_assert_eq(sample_look(), SAMPLE_THERE);
	firewall.ready = BOTH;
	backend.intact = NULL;
	cr_assert_eq(sample_look(), SAMPLE_THERE);
}

/* What just ends, is in doubt, or is of a family that does not work. */
Test(keep_sample, G10_what_need_not_be_there)
{
	struct msg_grant g = rig_grant(0);
	struct ledger_entry *e;

	rig_give(0, 1, 2);
	lose(0);
	cr_assert_eq(look(1), SAMPLE_GONE);
	rig_now++;
	cr_assert_eq(look(3), SAMPLE_THERE);
	e = ledger_put(firewall.ledger, &g, rig_now + 300 * CLOCK_SECOND,
	    rig_now, 0);
	ledger_set_sure(firewall.ledger, e, false);
	cr_assert_eq(look(3), SAMPLE_THERE);
	ledger_set_sure(firewall.ledger, e, true);
	cr_assert_eq(look(1), SAMPLE_GONE);
	firewall.ready = MSG_FAMILY_V6;
	cr_assert_eq(look(3), SAMPLE_THERE);
}
