/*
 * The worker's event loop, and its clock.
 *
 * A turn of the loop takes what has come (queries, answers, results), and at
 * its end everything that was collected leaves in batches: see worker.c.  No
 * timer holds anything back (F5) but lines of the access log (accesslog.h).
 */
#ifndef SERVE_LOOP_H
#define SERVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;

struct loop {
	struct event_base *base;
	uint64_t	now;		/* clock_now() of this turn, ns */
};

extern struct loop loop;

/*
 * Before the first event.  tick looks at all deadlines; it returns false if
 * there is none, and is then called no more until loop_need_tick().
 */
void	loop_init(bool (*tick)(void));

/*
 * Has the tick used its time in this turn?  Then what is left is looked at in the
 * next one, so that nobody waits for all whose time is up together (D21).
 */
bool	loop_tick_over(void);

/* Look at the clock; each callback of the loop begins with it. */
void	loop_clock(void);

/* To be called when something begins that has a deadline. */
void	loop_need_tick(void);

/* One turn: wait for something, and take what has come. */
void	loop_turn(void);

#endif
