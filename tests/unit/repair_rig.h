/*
 * Repairs of a kernel that a test makes fail where it likes.  To be included once,
 * by a test program.
 */
#ifndef REPAIR_RIG_H
#define REPAIR_RIG_H

#include "keep_rig.h"

#include "keep/repair.h"

/* The kernel's, of which a test may replace some. */
static struct backend backend;

static inline void
set_up(void)
{
	hash_init();
	backend = rig_backend;
	rig.chains = BOTH;
	repair_start(&backend, rig_conf.max_grants);
	cr_assert_eq(firewall.ready, BOTH);
	cr_assert_eq(rig.rules, BOTH);
	rig.adds = rig.removes = rig.listings = rig.prepares = 0;
}

/* Steps until there is nothing to do; returns how many. */
static inline unsigned int
go_on(uint64_t most)
{
	uint64_t end = rig_now + most;
	unsigned int steps = 0;
	int ms;

	for (;;) {
		(void)repair_events();
		(void)repair_step();
		steps++;
		ms = repair_wait();
		if (ms == -1 || rig_now >= end)
			return (steps);
		if (repair_fd() == -1)
			rig_now += (uint64_t)ms * MS;
		cr_assert_lt(steps, 100000);
	}
}

static inline void
lose(unsigned int events)
{
	rig.events = events;
	cr_assert(repair_events());
}

static inline void
flush(void)
{
	rig.n = 0;
	lose(WATCH_LOST);
}

/* Steps without time; it does nothing as long as this is not enough. */
static inline void
step_often(void)
{
	unsigned int i;

	for (i = 0; i < 50; i++)
		(void)repair_step();
}

/* To the end, in less than so long: then it rests. */
static inline void
come_to_rest(uint64_t most)
{
	uint64_t begin = rig_now;

	(void)go_on(most);
	cr_assert_eq(repair_wait(), -1);
	cr_assert_lt(rig_now, begin + most);
}

static inline void
drop(unsigned int i)
{
	struct msg_grant g = rig_grant(i);

	rig_find(&g)->end = UINT64_MAX;
}

static inline bool
is_sure(unsigned int i)
{
	struct msg_grant g = rig_grant(i);

	return (ledger_is_sure(firewall.ledger,
	    ledger_find(firewall.ledger, &g)));
}

static inline void
add_stranger(unsigned int i)
{
	struct msg_grant g = rig_grant(i);

	rig_put(&g, rig_now + 100 * CLOCK_SECOND);
}

static void (*then)(void);
static unsigned int steps_before;

/* Once, in that step of a listing. */
static inline void
in_a_step(void)
{
	if (steps_before-- > 0)
		return;
	rig.during = NULL;
	then();
}

#endif
