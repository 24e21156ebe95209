/* Grants that live on while their connections do. */
#include "hold.h"

#include <string.h>

#include "clock.h"
#include "conf.h"
#include "connections.h"
#include "firewall.h"
#include "permit.h"
#include "repair.h"

/*
 * A walk takes the longer the more connections there are; so those that end
 * soonest are asked about first, and one that is not just ends.
 */
#define HOLD_PERIOD	(CLOCK_SECOND / 4)
#define HOLD_AHEAD	(3 * CLOCK_SECOND / 2)	/* before the end */
#define HOLD_TIME	60			/* seconds that it gets */

static uint64_t hold_next, held;
static struct msg_grant looked[HOLD_MAX];	/* in a walk, or before it */
static size_t nlooked;

/* When the grant will end if it is lengthened now; its maximum counts (G3). */
static uint64_t
held_until(const struct ledger_entry *e, uint64_t now)
{
	uint64_t until = now + HOLD_TIME * CLOCK_SECOND;
	uint64_t last = e->since + conf->max_rule_time * CLOCK_SECOND;

	return (until < last ? until : last);
}

/* Could it be lengthened by enough to be worth it? */
static bool
can_hold(const struct ledger_entry *e, uint64_t now)
{
	return (held_until(e, now) >= e->expiry + CLOCK_SECOND &&
	    firewall_works(&e->grant) &&
	    permit_grant(&e->grant) == RESULT_OK);
}

int
hold_step(void)
{
	struct ledger_entry *ending[HOLD_MAX];
	uint64_t now = clock_now();
	size_t i, n;

	if (conf->hold_live == 0)
		return (-1);
	/* One walk at a time; its end is soon enough. */
	if (now >= hold_next && nlooked == 0 && !ask_stuck()) {
		ledger_expire(firewall.ledger, now);
		n = ledger_ending(firewall.ledger, now + HOLD_AHEAD, ending,
		    HOLD_MAX);
		for (i = 0; i < n; i++) {
			if (can_hold(ending[i], now) &&
			    connections_look(&ending[i]->grant))
				looked[nlooked++] = ending[i]->grant;
		}
		hold_next = now + HOLD_PERIOD;
	}
	return ((int)(HOLD_PERIOD / (CLOCK_SECOND / 1000)));
}

/* The kernel's answer for those of a batch. */
static void
hold_batch(struct backend_batch *b, struct ledger_entry **entries,
    uint64_t now)
{
	struct ledger *l = firewall.ledger;
	struct ledger_entry *e;
	uint64_t until;
	size_t i;

	if (b->n == 0)
		return;
	firewall_add(b);
	for (i = 0; i < b->n; i++) {
		e = entries[i];
		until = now + b->adds[i].left;
		if (b->adds[i].code == BACKEND_UNKNOWN)
			repair_unsure();
		if (b->adds[i].code != BACKEND_OK &&
		    b->adds[i].code != BACKEND_UNKNOWN)
			continue;
		ledger_set_sure(l, e, b->adds[i].code == BACKEND_OK);
		(void)ledger_put(l, &e->grant, until, 0, e->owner);
		held += b->adds[i].code == BACKEND_OK;
	}
	b->n = 0;
}

void
hold_seen(bool known)
{
	static struct backend_batch batch;
	struct ledger_entry *entries[BACKEND_BATCH_MAX], *e;
	uint64_t now = clock_now();
	size_t i;

	batch.n = 0;
	ledger_expire(firewall.ledger, now);
	for (i = 0; i < nlooked; i++) {
		e = ledger_find(firewall.ledger, &looked[i]);
		/* It may have been revoked, or lengthened, meanwhile. */
		if (e == NULL || !can_hold(e, now) ||
		    (known && !connections_live(&looked[i])))
			continue;
		entries[batch.n] = e;
		(void)firewall_batch(&batch, &e->grant,
		    held_until(e, now) - now);
		if (batch.n == BACKEND_BATCH_MAX)
			hold_batch(&batch, entries, now);
	}
	hold_batch(&batch, entries, now);
	nlooked = 0;
}

uint64_t
hold_count(void)
{
	return (held);
}
