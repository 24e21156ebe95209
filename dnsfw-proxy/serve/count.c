/* What the keeper is told of counters. */
#include "count.h"

#include <event2/event.h>
#include <stdbool.h>
#include <string.h>

#include "counters.h"
#include "log.h"
#include "loop.h"
#include "priv.h"
#include "upstream.h"

static struct event *count_timer;
static bool armed;
static struct msg_counters count_told;	/* what it knows */

static void
count_tell(evutil_socket_t fd, short what, void *arg)
{
	struct msg_counters m = { .type = MSG_COUNTERS,
	    .silent = upstream_silent_ones(), .counters = counters };

	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	armed = false;
	/* Without room in the channel the end of the turn tries again. */
	if (priv_send(&m, sizeof(m)))
		count_told = m;
}

void
count_init(void)
{
	count_timer = evtimer_new(loop.base, count_tell, NULL);
	if (count_timer == NULL)
		fatalx("event_new");
}

void
count_turn(void)
{
	static const struct timeval second = { .tv_sec = 1 };

	if (armed || (count_told.silent == upstream_silent_ones() &&
	    memcmp(&count_told.counters, &counters, sizeof(counters)) == 0))
		return;
	armed = event_add(count_timer, &second) == 0;
}
