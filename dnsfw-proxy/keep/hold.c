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
 * A walk takes the longer the more connections there are: those are asked about
 * that end before the next one but one is over, and walks have a quarter of the
 * time.  The first one is expected to be long, or its grants might end meanwhile.
 */
#define HOLD_PERIOD	(CLOCK_SECOND / 4)	/* from walk to walk, at least */
#define HOLD_AHEAD	(3 * CLOCK_SECOND / 2)	/* before the end, at least */
#define HOLD_FIRST	(5 * CLOCK_SECOND)	/* a walk that nobody has seen */
#define HOLD_LONG	(5 * CLOCK_SECOND)	/* a longer one is not expected */
#define HOLD_TIME	60			/* seconds that it gets */

static uint64_t hold_next, held;
static uint64_t began, expected = HOLD_FIRST;	/* of a walk: its time */
static struct msg_grant looked[HOLD_MAX];	/* in a walk, or before it */
static size_t nlooked;
static size_t nliving, done;		/* of looked, from 0 on: to be held */

static uint64_t
period(void)
{
	return (4 * expected > HOLD_PERIOD ? 4 * expected : HOLD_PERIOD);
}

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

/* A transaction of those that live, the soonest to end first. */
static void
hold_some(uint64_t now)
{
	static struct backend_batch batch;
	struct ledger_entry *entries[BACKEND_BATCH_MAX], *e;

	batch.n = 0;
	ledger_expire(firewall.ledger, now);
	while (done < nliving && batch.n < BACKEND_BATCH_MAX) {
		e = ledger_find(firewall.ledger, &looked[done++]);
		/* It may have been revoked, or lengthened, meanwhile. */
		if (e == NULL || !can_hold(e, now))
			continue;
		entries[batch.n] = e;
		(void)firewall_batch(&batch, &e->grant,
		    held_until(e, now) - now);
	}
	hold_batch(&batch, entries, now);
	if (done == nliving)
		done = nliving = 0;
}

/* Ask about those that end soon. */
static void
hold_look(uint64_t now)
{
	struct ledger_entry *ending[HOLD_MAX];
	size_t i, n;

	ledger_expire(firewall.ledger, now);
	n = ledger_ending(firewall.ledger, now + HOLD_AHEAD + period() +
	    expected, ending, HOLD_MAX);
	for (i = 0; i < n; i++) {
		if (can_hold(ending[i], now) &&
		    connections_look(&ending[i]->grant))
			looked[nlooked++] = ending[i]->grant;
	}
	began = now;
	/* Without a walk nothing has to be waited for, and a grant may be short. */
	hold_next = now + (nlooked > 0 ? period() : HOLD_PERIOD);
}

int
hold_step(void)
{
	uint64_t now = clock_now();

	if (conf->hold_live == 0)
		return (-1);
	if (!ask_stuck() && nliving > 0) {
		hold_some(now);
		return (0);
	}
	/* One walk at a time; its end is soon enough. */
	if (!ask_stuck() && now >= hold_next && nlooked == 0)
		hold_look(now);
	return ((int)(HOLD_PERIOD / (CLOCK_SECOND / 1000)));
}

/* A shorter walk is believed by and by. */
static void
expect(uint64_t took)
{
	if (took > HOLD_LONG)
		took = HOLD_LONG;
	expected = took > expected ? took : (expected + took) / 2;
}

void
hold_seen(bool known)
{
	uint64_t now = clock_now();
	size_t i;

	expect(now - began);
	/* What it was expected to take is not waited for if it took less. */
	if (hold_next > began + period())
		hold_next = began + period();
	for (i = 0; i < nlooked; i++) {
		if (!known || connections_live(&looked[i]))
			looked[nliving++] = looked[i];
	}
	nlooked = 0;
}

uint64_t
hold_count(void)
{
	return (held);
}
