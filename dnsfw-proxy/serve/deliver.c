/* One answer to all who wait for it, a few in each turn of the loop. */
#include "deliver.h"

#include <event2/event.h>
#include <limits.h>
#include <string.h>

#include "kept.h"
#include "log.h"
#include "loop.h"

#define DELIVER_MAX	16	/* queries that one answer ends at once */
#define LONG		4096	/* octets of an answer that is some turns' work */

/* An answer that more queries have waited for than one turn has time for. */
struct delivery {
	TAILQ_ENTRY(delivery) link;
	struct waiters	waiting;	/* the last one's client keeps this */
	unsigned int	read;		/* parts ahead, if the answer is long */
	struct answer	answer;		/* of the two below */
	struct dns_response response;
	uint8_t		msg[];
};

static TAILQ_HEAD(, delivery) deliveries = TAILQ_HEAD_INITIALIZER(deliveries);
static struct event *deliver_more;
static const struct waiter_events *deliver_events;
static struct loop_share deliver_share;

/* To so many of those who wait, as long as there is time, but to one at least. */
static void
deliver_some(struct waiters *waiting, struct answer *a, unsigned int max)
{
	struct waiter *w;
	unsigned int i;

	for (i = 0; (w = TAILQ_FIRST(waiting)) != NULL && i < max; i++) {
		/* From the first one on: what that takes counts. */
		if (!loop_has_time(&deliver_share) && i > 0)
			return;
		if (a->len > LONG)
			loop_was_long(&deliver_share);
		TAILQ_REMOVE(waiting, w, link);
		deliver_events->answered(w, a);
	}
}

static void
delivery_free(struct delivery *d)
{
	answer_end(&d->answer);
	kept_free(d);
}

/* Those of that client wait no more; for who is left it goes on. */
static void
delivery_left(struct delivery *d, const struct quota *from)
{
	struct waiter *last = TAILQ_LAST(&d->waiting, waiters);

	if (last != NULL) {
		kept_pass(d, from, last->request->quota);
		answer_pass(&d->answer, last->request->quota);
		return;
	}
	TAILQ_REMOVE(&deliveries, d, link);
	delivery_free(d);
}

void
deliver_leave(struct waiter *w)
{
	struct delivery *d = w->delivery;

	TAILQ_REMOVE(&d->waiting, w, link);
	delivery_left(d, w->request->quota);
}

static void
deliver_fail(struct waiters *waiting)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(waiting)) != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		deliver_events->failed(w, EDE_OTHER, "no memory for the answer");
	}
}

/* It is in the way of others' (kept.h). */
static void
deliver_evict(void *delivery, void *of)
{
	struct waiters gone = TAILQ_HEAD_INITIALIZER(gone);
	struct delivery *d = delivery;
	struct quota *quota = TAILQ_LAST(&d->waiting, waiters)->request->quota;

	(void)of;
	waiters_take(&d->waiting, quota, &gone);
	delivery_left(d, quota);
	deliver_fail(&gone);
}

/* One of these whose client may keep so much is the last one from now on. */
static struct quota *
who_keeps(struct waiters *waiting, size_t size)
{
	const struct quota *full = NULL;
	struct waiter *w;

	TAILQ_FOREACH_REVERSE(w, waiting, waiters, link) {
		if (w->request->quota == full)
			continue;
		if (kept_may_have(w->request->quota, size))
			break;
		full = w->request->quota;
	}
	if (w != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		TAILQ_INSERT_TAIL(waiting, w, link);
	}
	return (TAILQ_LAST(waiting, waiters)->request->quota);
}

/*
 * To the others in the next turns, so that nobody else waits for them all; with
 * what was read of the answer so far.  False: there is no room for that.
 */
static bool
deliver_later(struct waiters *waiting, struct answer *a)
{
	static const struct timeval at_once;
	size_t size = sizeof(struct delivery) + a->len;
	struct quota *quota = who_keeps(waiting, size);
	struct delivery *d;
	struct waiter *w;

	answer_pass(a, quota);
	if ((d = kept_alloc(quota, size, deliver_evict, NULL)) == NULL)
		return (false);
	if (event_add(deliver_more, &at_once) == -1) {
		kept_free(d);
		return (false);
	}
	d->read = 0;
	TAILQ_INIT(&d->waiting);
	TAILQ_CONCAT(&d->waiting, waiting, link);
	TAILQ_FOREACH(w, &d->waiting, link)
		w->delivery = d;
	answer_move(a, &d->answer);
	d->answer.msg = memcpy(d->msg, a->msg, a->len);
	d->response = *a->response;
	d->answer.response = &d->response;
	TAILQ_INSERT_TAIL(&deliveries, d, link);
	return (true);
}

/* To read all of a long one, and to vet it, would be too much for one turn. */
static bool
read_ahead(struct delivery *d)
{
	return (d->answer.len > LONG && answer_read_ahead(&d->answer, d->read++,
	    TAILQ_FIRST(&d->waiting)->wants_grants));
}

static void
on_deliver(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once;
	struct delivery *d = TAILQ_FIRST(&deliveries);

	(void)fd;
	(void)what;
	(void)arg;
	if (d == NULL)
		return;		/* all have left */
	loop_clock();
	if (!read_ahead(d))
		deliver_some(&d->waiting, &d->answer, DELIVER_MAX);
	TAILQ_REMOVE(&deliveries, d, link);
	/* All deliveries take turns. */
	if (TAILQ_EMPTY(&d->waiting))
		delivery_free(d);
	else
		TAILQ_INSERT_TAIL(&deliveries, d, link);
	if (!TAILQ_EMPTY(&deliveries))
		event_add(deliver_more, &at_once);
}

void
deliver_init(const struct waiter_events *e)
{
	deliver_events = e;
	deliver_more = evtimer_new(loop.base, on_deliver, NULL);
	if (deliver_more == NULL)
		fatalx("no memory");
}

void
deliver(struct waiters *waiting, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	struct waiter *w = TAILQ_LAST(waiting, waiters);
	struct answer a;

	answer_begin(&a, msg, len, r, w == TAILQ_FIRST(waiting) ? NULL :
	    w->request->quota);
	/* To read it was enough for this one. */
	if (len > LONG && deliver_later(waiting, &a))
		return;
	deliver_some(waiting, &a, DELIVER_MAX);
	if (!TAILQ_EMPTY(waiting) && deliver_later(waiting, &a))
		return;
	/* Now or never: one that costs little goes to all. */
	if (!TAILQ_EMPTY(waiting))
		deliver_some(waiting, &a, UINT_MAX);
	answer_end(&a);
	deliver_fail(waiting);
}
