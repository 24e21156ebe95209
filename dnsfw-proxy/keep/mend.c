/* Grants that the kernel is not known to have. */
#include "mend.h"

#include "clock.h"
#include "firewall.h"
#include "log.h"

#define SLICE	(4 * (CLOCK_SECOND / 1000))	/* of a step */

static struct mending {
	unsigned int	kinds;
	uint32_t	doubt;		/* 0: all */
	uint32_t	cursor;
	uint32_t	count;
	bool		failed;
} mend;

unsigned int
mend_kinds(uint8_t families)
{
	return ((families & MSG_FAMILY_V4 ? 3U : 0) |
	    (families & MSG_FAMILY_V6 ? 3U << 2 : 0));
}

void
mend_begin(unsigned int kinds, uint32_t doubt)
{
	mend.kinds = kinds;
	mend.doubt = doubt;
	mend.cursor = mend.count = 0;
	mend.failed = false;
}

/*
 * What the policy or root's limits do not give any more is for the review to take
 * out; what the kernel refuses stays in the ledger (G13).
 */
static void
judge_mended(const struct backend_add *add, struct ledger_entry *e)
{
	switch (add->code) {
	case BACKEND_OK:
		if (mend.doubt != 0)
			ledger_set_sure(firewall.ledger, e, true);
		mend.count++;
		break;
	case BACKEND_REFUSED:
		if (add->refused != ORDER_OUTSIDE &&
		    add->refused != ORDER_FORBIDDEN)
			mend.failed = true;
		break;
	case BACKEND_FULL:
	case BACKEND_FAILED:
	case BACKEND_GONE:
	case BACKEND_UNKNOWN:
		mend.failed = true;
		break;
	}
}

/* Returns false if there are no more. */
static bool
mend_batch(void)
{
	static struct backend_batch batch;
	struct ledger_entry *entries[BACKEND_BATCH_MAX], *e = NULL;
	struct ledger *l = firewall.ledger;
	uint64_t now = clock_now();
	struct backend_add *add;
	size_t i;

	batch.n = 0;
	while (batch.n < BACKEND_BATCH_MAX &&
	    (e = ledger_next(l, &mend.cursor)) != NULL) {
		if ((mend.kinds & 1U << backend_kind(&e->grant)) == 0 ||
		    (mend.doubt != 0 && ledger_was_sure(e, mend.doubt)))
			continue;
		firewall_limit(e, now);
		entries[batch.n] = e;
		add = firewall_batch(&batch, &e->grant, e->expiry - now);
		add->is_new = true;
		add->spare = mend.doubt == 0;
	}
	if (batch.n > 0)
		firewall_add(&batch);
	for (i = 0; i < batch.n; i++)
		judge_mended(&batch.adds[i], entries[i]);
	return (e != NULL);
}

bool
mend_step(void)
{
	uint64_t begin = clock_now();

	ledger_expire(firewall.ledger, begin);
	do {
		if (!mend_batch())
			return (false);
		/* The rest is of no use now: all would be unknown. */
		if (ask_stuck())
			mend.failed = true;
	} while (!mend.failed && clock_now() - begin < SLICE);
	return (!ask_stuck());
}

uint32_t
mend_count(void)
{
	return (mend.count);
}

bool
mend_failed(void)
{
	return (mend.failed);
}
