/* The worker's event loop, and its clock. */
#include "loop.h"

#include <event2/event.h>
#include <stddef.h>

#include "clock.h"
#include "log.h"

#define TICK_USEC	100000	/* how exact a deadline is */
#define LATE	(CLOCK_SECOND / 2)	/* a tick that is no tick any more */
/* Of a tick's work in a turn; each may send something at the turn's end. */
#define TICK_PIECES	16

struct loop loop;

static struct event *ticker;
static bool (*tick)(void);
static bool ticking, tick_over, again;
static unsigned int tick_pieces;	/* done in this one */
static uint64_t tick_due, tick_end;

void
loop_clock(void)
{
	loop.now = clock_now();
	if (loop.end == 0)
		loop.end = loop.now + LOOP_TURN;
}

bool
loop_has_time(struct loop_share *share)
{
	uint64_t now = clock_now();

	if (share->turn != loop.turn) {
		share->turn = loop.turn;
		share->least = now + LOOP_SHARE;
		share->end = share->least > loop.end ? share->least : loop.end;
	}
	return (now < share->end);
}

void
loop_was_long(struct loop_share *share)
{
	share->end = share->least;
}

/*
 * This process had no processor for a while, so what has come meanwhile is not
 * read yet: the deadlines can wait for another tick, but not for one more.
 */
static bool
is_late(void)
{
	static bool was_late;

	was_late = !was_late && loop.now > tick_due + LATE;
	return (was_late);
}

bool
loop_tick_over(void)
{
	uint64_t now = clock_now();

	/* Who is late already can wait for others; but something is always done. */
	if (tick_pieces == 0)
		tick_end = now + LOOP_SHARE;
	tick_over = tick_over || tick_pieces++ == TICK_PIECES || now >= tick_end;
	return (tick_over);
}

static void
loop_on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once;
	bool more;

	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	ticking = tick_over = false;
	tick_pieces = 0;
	more = is_late() || tick();
	if (tick_over) {
		ticking = true;
		tick_due = loop.now;
		event_add(ticker, &at_once);
	} else if (more)
		loop_need_tick();
}

void
loop_need_tick(void)
{
	static const struct timeval period = { .tv_usec = TICK_USEC };

	if (ticking)
		return;
	ticking = true;
	tick_due = loop.now + TICK_USEC * 1000ULL;
	event_add(ticker, &period);
}

void
loop_init(bool (*on_tick)(void))
{
	struct event_config *config = event_config_new();

	if (config == NULL ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
	    EVENT_BASE_FLAG_IGNORE_ENV) == -1)
		fatalx("event_config_new");
	loop.base = event_base_new_with_config(config);
	if (loop.base == NULL)
		fatalx("event_base_new");
	event_config_free(config);
	/*
	 * 0 is for the channel (priv.c).  Events that are made from now on have 1,
	 * and so has the ticker: ticks that follow each other would starve the
	 * rest.
	 */
	if (event_base_priority_init(loop.base, 2) == -1)
		fatalx("event_base_priority_init");
	tick = on_tick;
	ticker = evtimer_new(loop.base, loop_on_tick, NULL);
	if (ticker == NULL)
		fatalx("event_new");
	loop_begin_turn();
	loop_clock();
}

void
loop_begin_turn(void)
{
	loop.turn++;
	loop.end = 0;
}

void
loop_again(void)
{
	again = true;
}

void
loop_turn(void)
{
	int flags = EVLOOP_ONCE | (again ? EVLOOP_NONBLOCK : 0);

	again = false;
	loop_begin_turn();
	if (event_base_loop(loop.base, flags) == -1)
		fatalx("event_base_loop");
}
