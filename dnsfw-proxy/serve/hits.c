/* How often each rule matched. */
#include "hits.h"

#include <event2/event.h>
#include <string.h>

#include "log.h"
#include "loop.h"
#include "msg.h"
#include "policy.h"
#include "priv.h"

static uint32_t hits_untold[MSG_LINES_MAX];	/* hits, by line - 1 */
static uint32_t lines[MSG_LINES_MAX];	/* a ring of those with some */
static size_t first_line, nlines;
static struct event *hits_timer;
static bool is_due;

static void
hits_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	is_due = true;
}

void
hits_init(void)
{
	hits_timer = evtimer_new(loop.base, hits_wake, NULL);
	if (hits_timer == NULL)
		fatalx("event_new");
}

static void
wait_second(void)
{
	static const struct timeval second = { .tv_sec = 1 };

	event_add(hits_timer, &second);
}

void
hits_count(const struct acl_decision *d)
{
	uint32_t line;
	unsigned int i;

	for (i = 0; i < d->nlines; i++) {
		/* There is no line 0, unless the image is bad. */
		line = d->lines[i] - 1;
		if (line >= MSG_LINES_MAX || hits_untold[line] == UINT32_MAX)
			continue;
		if (hits_untold[line]++ > 0)
			continue;
		if (nlines == 0)
			wait_second();
		lines[(first_line + nlines++) % MSG_LINES_MAX] = line;
	}
}

/* False: there is no room. */
static bool
send_some(void)
{
	static struct msg_hits batch[MSG_BATCH_MAX];
	size_t i, n = nlines < MSG_BATCH_MAX ? nlines : MSG_BATCH_MAX;
	uint32_t line;

	for (i = 0; i < n; i++) {
		line = lines[(first_line + i) % MSG_LINES_MAX];
		batch[i] = (struct msg_hits){ .type = MSG_HITS,
		    .policy = policy.generation, .line = line + 1,
		    .count = hits_untold[line] };
	}
	if (!priv_send(batch, n * sizeof(batch[0])))
		return (false);
	for (i = 0; i < n; i++)
		hits_untold[batch[i].line - 1] = 0;
	first_line = (first_line + n) % MSG_LINES_MAX;
	nlines -= n;
	return (true);
}

static void
send_records(void)
{
	unsigned int i;

	for (i = 0; i < HITS_RECORDS && nlines > 0 && send_some(); i++)
		;
}

void
hits_forget(void)
{
	send_records();
	memset(hits_untold, 0, sizeof(hits_untold));
	nlines = 0;
	is_due = false;
	event_del(hits_timer);
}

void
hits_turn(void)
{
	if (!is_due)
		return;
	is_due = false;
	send_records();
	if (nlines > 0)
		wait_second();
}
