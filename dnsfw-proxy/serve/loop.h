/*
 * The worker's event loop, and its clock.
 *
 * A turn of the loop takes what has come (queries, answers, results), and at
 * its end everything that was collected leaves in batches: see worker.c.  No
 * timer holds anything back (F5) but lines of the access log (accesslog.h), and
 * what the keeper is told of refusals and rules (tell.h, hits.h).
 */
#ifndef SERVE_LOOP_H
#define SERVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

struct event_base;

struct loop {
	struct event_base *base;
	uint64_t	now;		/* clock_now() of this turn, ns */
	uint64_t	turn;		/* number of this one; from 1 on */
	uint64_t	end;		/* of its time; 0: nothing has come yet */
};

extern struct loop loop;

/* What somebody has of a turn's time; zeros at first. */
struct loop_share {
	uint64_t	turn, end;
	uint64_t	least;	/* its end, if there is nothing but LOOP_SHARE */
};

/*
 * Before the first event.  tick looks at all deadlines; it returns false if
 * there is none, and is then called no more until loop_need_tick().
 */
void	loop_init(bool (*tick)(void));

/*
 * Is there time left in this turn for who has that share?  Who does work of which
 * strangers say how much it is asks before each piece of it; what is left is
 * for the next turn (D21).  All share LOOP_TURN, but each has LOOP_SHARE, too,
 * from when it first asks, so that those before it do not starve it.
 */
#define LOOP_TURN	(CLOCK_SECOND / 10000)
#define LOOP_SHARE	(CLOCK_SECOND / 40000)
bool	loop_has_time(struct loop_share *);

/* It was for something long, so there is no more than LOOP_SHARE in this turn. */
void	loop_was_long(struct loop_share *);

/*
 * Is that enough of the tick for this turn?  To be asked before each piece of its
 * work: it has LOOP_SHARE from the first one on, and not more than a few pieces, of
 * which one is always done.  If it is enough there is another one in the next turn.
 */
bool	loop_tick_over(void);

/* Look at the clock; each callback of the loop begins with it. */
void	loop_clock(void);

/* To be called when something begins that has a deadline. */
void	loop_need_tick(void);

/* A turn begins with what comes first after this; loop_turn() calls it. */
void	loop_begin_turn(void);

/* There is something to go on with: the next turn waits for nothing. */
void	loop_again(void);

/* One turn: wait for something, and take what has come. */
void	loop_turn(void);

#endif
