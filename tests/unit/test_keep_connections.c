/*
 * Walks through connections, for whoever asks (G14), against a listing that takes
 * its time, or breaks.
 */
#include <criterion/criterion.h>

#include "clock.h"
#include "keep/connections.h"
#include "keep/kernel/conntrack.h"
#include "keep/own.h"

#define KILLS		20
#define LOOKS		7
#define MS		(CLOCK_SECOND / 1000)

uint64_t __wrap_clock_now(void);

static uint64_t now = CLOCK_SECOND;

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

/* --- the table of connections --- */

struct conntrack {
	size_t		max, n, kills;
	unsigned int	steps, walks;
	bool		checked;
};

static struct conntrack tracks[2];
static size_t ntracks;
static unsigned int length;		/* steps of a walk */
static enum list_step how = LIST_END;	/* it ends */
static uint64_t killed, failed;		/* at its end */

struct conntrack *
conntrack_new(size_t max, bool (*is_own)(const struct addr *))
{
	cr_assert_lt(ntracks, 2);
	cr_assert_eq(is_own, own_has);
	tracks[ntracks].max = max;
	return (&tracks[ntracks++]);
}

void
conntrack_check(struct conntrack *c)
{
	c->checked = true;
}

void
conntrack_clear(struct conntrack *c)
{
	c->n = c->kills = c->steps = 0;
}

static conntrack_each *each;

void
conntrack_watch(struct conntrack *c, conntrack_each *fn)
{
	cr_assert_eq(c->steps, 0, "of a walk that is under way");
	each = fn;
}

int
conntrack_ask(struct conntrack *c, const struct msg_grant *g, bool kill)
{
	(void)g;
	cr_assert_eq(c->steps, 0, "of a walk that is under way");
	if (c->n == c->max)
		return (-1);
	c->n++;
	c->kills += kill;
	return (0);
}

enum list_step
conntrack_step(struct conntrack *c, uint64_t slice)
{
	cr_assert_eq(slice, MS);
	if (c->steps++ == 0)
		c->walks++;
	return (c->steps > length ? how : LIST_MORE);
}

int
conntrack_fd(const struct conntrack *c)
{
	return (c->steps > 0 ? 7 : -1);
}

bool
conntrack_is_live(const struct conntrack *c, const struct msg_grant *g)
{
	(void)g;
	return (c->steps > 0);
}

uint64_t
conntrack_killed(const struct conntrack *c)
{
	return (c->kills > 0 ? killed : 0);
}

uint64_t
conntrack_failed(const struct conntrack *c)
{
	return (c->kills > 0 ? failed : 0);
}

bool
own_has(const struct addr *a)
{
	(void)a;
	return (false);
}

/* --- who looks --- */

static unsigned int seen, seen_known;
static const struct msg_grant grant;

static void
on_seen(bool known)
{
	seen++;
	seen_known += known;
	/* What was found is there still. */
	cr_assert(connections_live(&grant));
}

static void
set_up(void)
{
	connections_open(KILLS, LOOKS, on_seen);
}

TestSuite(keep_connections, .init = set_up, .timeout = 30);

static unsigned int
steps_to_the_end(void)
{
	unsigned int i;

	for (i = 0; connections_due(); i++) {
		connections_step();
		cr_assert_lt(i, 1000);
	}
	return (i);
}

static unsigned int
walks(void)
{
	return (tracks[0].walks + tracks[1].walks);
}

Test(keep_connections_closed, no_walk_before_it_is_open)
{
	cr_assert_not(connections_due());
	cr_assert_eq(connections_fd(), -1);
	connections_step();
	cr_assert_eq(walks(), 0);
}

Test(keep_connections, no_walk_for_nobody)
{
	cr_assert(tracks[0].checked || tracks[1].checked);
	cr_assert_not(connections_due());
	connections_step();
	cr_assert_eq(walks(), 0);
}

/* Each kind has room of its own, and not one more. */
Test(keep_connections, G14_exactly_so_many)
{
	unsigned int i;

	for (i = 0; i < KILLS; i++)
		cr_assert(connections_kill(&grant));
	cr_assert_not(connections_kill(&grant));
	for (i = 0; i < LOOKS; i++)
		cr_assert(connections_look(&grant));
	cr_assert_not(connections_look(&grant));
	(void)steps_to_the_end();
	cr_assert_eq(walks(), 1);
	/* And all of it again. */
	for (i = 0; i < LOOKS; i++)
		cr_assert(connections_look(&grant));
	cr_assert_not(connections_look(&grant));
	cr_assert(connections_kill(&grant));
	/* Whatever the other kind takes of its own. */
	(void)steps_to_the_end();
	for (i = 0; i < 3; i++)
		cr_assert(connections_kill(&grant));
	for (i = 0; i < LOOKS; i++)
		cr_assert(connections_look(&grant));
}

Test(keep_connections, G14_one_walk_for_all_of_them)
{
	length = 9;
	cr_assert(connections_kill(&grant));
	cr_assert(connections_kill(&grant));
	cr_assert(connections_look(&grant));
	cr_assert(connections_killing());
	killed = 5;
	failed = 2;
	connections_step();
	cr_assert(connections_killing(), "it walks");
	cr_assert_eq(steps_to_the_end(), 9);
	cr_assert_eq(walks(), 1);
	cr_assert_eq(seen, 1);
	cr_assert_eq(seen_known, 1);
	cr_assert_not(connections_killing());
	cr_assert_eq(connections_ended(&failed), 5);
	cr_assert_eq(failed, 2);
	/* Told once. */
	cr_assert_eq(connections_ended(&failed), 0);
	cr_assert_eq(failed, 0);
}

/* A connection may have been listed already. */
Test(keep_connections, G14_what_comes_during_a_walk_is_for_the_next)
{
	length = 2;
	cr_assert(connections_look(&grant));
	connections_step();
	cr_assert(connections_kill(&grant));
	cr_assert(connections_killing());
	connections_step();
	connections_step();
	cr_assert_eq(seen, 1);
	cr_assert_eq(walks(), 1);
	cr_assert(connections_killing());
	cr_assert(connections_due());
	(void)steps_to_the_end();
	cr_assert_eq(walks(), 2);
	cr_assert_not(connections_killing());
}

/* Who only ends connections is told nothing of those that live. */
Test(keep_connections, nobody_looked)
{
	cr_assert(connections_kill(&grant));
	(void)steps_to_the_end();
	cr_assert_eq(seen, 0);
}

/* A tenth of a second between, and then nothing is known. */
Test(keep_connections, G13_three_times_broken)
{
	unsigned int i;

	how = LIST_BROKEN;
	killed = 1;
	failed = 3;
	cr_assert(connections_look(&grant));
	cr_assert(connections_kill(&grant));
	for (i = 0; i < 3; i++) {
		cr_assert_eq(seen, 0);
		tracks[0].steps = tracks[1].steps = 0;
		connections_step();
		cr_assert_eq(walks(), i + 1);
		cr_assert_eq(connections_fd(), -1);
		if (i == 2)
			break;
		now += 100 * MS - 1;
		cr_assert(connections_due());
		connections_step();
		cr_assert_eq(walks(), i + 1);
		cr_assert_eq(connections_fd(), -1);
		now++;
		cr_assert_neq(connections_fd(), -1);
	}
	cr_assert_eq(seen, 1);
	cr_assert_eq(seen_known, 0);
	cr_assert_not(connections_due());
	cr_assert_not(connections_killing());
	cr_assert_eq(connections_ended(&failed), 1);
	cr_assert_eq(failed, 3);
	/* The next one has three tries of its own. */
	now += CLOCK_SECOND;
	cr_assert(connections_look(&grant));
	connections_step();
	cr_assert(connections_due());
	cr_assert_eq(seen, 1);
	how = LIST_END;
	now += CLOCK_SECOND;
	(void)steps_to_the_end();
	cr_assert_eq(seen, 2);
	cr_assert_eq(seen_known, 1);
}

/* Nor is what is asked for then put off by it. */
Test(keep_connections, after_a_broken_walk_the_next_is_at_once)
{
	unsigned int i;

	how = LIST_BROKEN;
	cr_assert(connections_look(&grant));
	for (i = 0; i < 3; i++) {
		now += 100 * MS;
		connections_step();
	}
	cr_assert_eq(seen, 1);
	how = LIST_END;
	cr_assert(connections_look(&grant));
	connections_step();
	cr_assert_eq(seen, 2);
}

/* What ends is counted until somebody asks. */
Test(keep_connections, A9_of_all_walks_since_it_was_told)
{
	unsigned int i;

	killed = 5;
	failed = 2;
	for (i = 0; i < 3; i++) {
		cr_assert(connections_kill(&grant));
		(void)steps_to_the_end();
	}
	cr_assert_eq(connections_ended(&failed), 15);
	cr_assert_eq(failed, 6);
}

/* What broke the one before does not count for the next. */
Test(keep_connections, G13_each_walk_has_three_tries)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		how = i % 2 == 0 ? LIST_BROKEN : LIST_END;
		if (i % 2 == 0)
			cr_assert(connections_look(&grant));
		connections_step();
		if (i % 2 == 0) {
			now += CLOCK_SECOND;
			connections_step();
			cr_assert(connections_due());
		}
		now += CLOCK_SECOND;
	}
	cr_assert_eq(seen, 2);
	cr_assert_eq(seen_known, 2);
}

Test(keep_connections, the_descriptor_is_there_while_it_walks)
{
	length = 2;
	cr_assert_eq(connections_fd(), -1);
	cr_assert(connections_look(&grant));
	cr_assert_eq(connections_fd(), -1);
	connections_step();
	cr_assert_eq(connections_fd(), 7);
	(void)steps_to_the_end();
	cr_assert_eq(connections_fd(), -1);
}

/* More than ten times what there is room for, and at every walk's end. */
Test(keep_connections, wear_of_many_walks)
{
	uint64_t all = 0, lost;
	unsigned int round, i;

	killed = 1;
	for (round = 0; round < 1000; round++) {
		length = round % 3;
		how = round % 7 == 6 ? LIST_NONE : LIST_END;
		for (i = 0; i < KILLS; i++)
			cr_assert(connections_kill(&grant), "%u", round);
		for (i = 0; i < LOOKS; i++)
			cr_assert(connections_look(&grant), "%u", round);
		(void)steps_to_the_end();
		all += connections_ended(&lost);
		cr_assert_eq(lost, 0);
	}
	cr_assert_eq(walks(), 1000);
	cr_assert_eq(seen, 1000);
	cr_assert_eq(seen_known, 1000);
	cr_assert_eq(all, 1000);
}

/* --- who watches (U8) --- */

static void
watch(const struct order_flow *f, bool own)
{
	(void)f;
	(void)own;
}

/* Without a firewall nobody lists connections, and nothing is to be done at once. */
Test(keep_connections_closed, U8_nothing_is_waited_for)
{
	connections_watch(watch);
	cr_assert_not(connections_due());
	cr_assert_eq(connections_wait(), -1);
}

Test(keep_connections, U8_a_walk_every_two_seconds)
{
	unsigned int i;

	cr_assert_eq(connections_wait(), -1);
	connections_watch(watch);
	for (i = 1; i <= 3; i++) {
		cr_assert(connections_due());
		(void)steps_to_the_end();
		cr_assert_eq(walks(), i);
		cr_assert_eq(each, watch);
		cr_assert_eq(seen, 0);
		cr_assert_eq(connections_wait(), 2001);
		now += 2 * CLOCK_SECOND;
	}
}

/* They have a quarter of the time, however long they are. */
Test(keep_connections, U8_a_long_walk_is_long_in_coming)
{
	length = 1;
	connections_watch(watch);
	connections_step();
	cr_assert_eq(connections_wait(), 100);
	now += 4 * CLOCK_SECOND;
	connections_step();
	cr_assert_not(connections_due());
	cr_assert_eq(connections_wait(), 12001);
}

/* One for somebody else is as good. */
Test(keep_connections, U8_all_walks_are_watched)
{
	connections_watch(watch);
	(void)steps_to_the_end();
	now += CLOCK_SECOND;
	cr_assert_not(connections_due());
	cr_assert(connections_look(&grant));
	each = NULL;
	(void)steps_to_the_end();
	cr_assert_eq(each, watch);
	cr_assert_eq(seen, 1);
	now += CLOCK_SECOND;
	cr_assert_not(connections_due());
}
