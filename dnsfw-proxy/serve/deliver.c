/* One answer to all who wait for it, a few in each turn of the loop. */
#include "deliver.h"

#include <event2/event.h>
#include <limits.h>
#include <string.h>

#include "clock.h"
#include "kept.h"
#include "log.h"
#include "loop.h"

#define DELIVER_MAX	16	/* queries that one answer ends in a turn */
/* The same, for answers that take long; one of them may take longer. */
#define DELIVER_TIME	(CLOCK_SECOND / 2000)

/* An answer that more queries have waited for than one turn has time for. */
struct delivery {
	STAILQ_ENTRY(delivery) link;
	struct waiters	waiting;
	struct quota	*quota;		/* of the last one of them */
	size_t		size;		/* octets of this */
	struct answer	answer;		/* of the two below */
	struct dns_response response;
	uint8_t		msg[];
};

static STAILQ_HEAD(, delivery) deliveries = STAILQ_HEAD_INITIALIZER(deliveries);
static struct event *deliver_more;
static const struct waiter_events *deliver_events;

/* To so many of those who wait, as long as there is time, but to one at least. */
static void
deliver_some(struct waiters *waiting, struct answer *a, unsigned int max)
{
	uint64_t end = loop.now + DELIVER_TIME;
	struct waiter *w;
	unsigned int i;

	for (i = 0; i < max; i++) {
		if ((w = TAILQ_FIRST(waiting)) == NULL ||
		    (i > 0 && clock_now() >= end))
			return;
		TAILQ_REMOVE(waiting, w, link);
		deliver_events->answered(w, a);
	}
}

/*
 * To the others in the next turns, so that nobody else waits for them all; with
 * what was read of the answer so far.  False: there is no room for that.
 */
static bool
deliver_later(struct waiters *waiting, const struct answer *a)
{
	static const struct timeval at_once;
	struct quota *quota = TAILQ_LAST(waiting, waiters)->request->quota;
	size_t size = sizeof(struct delivery) + a->len;
	struct delivery *d;

	if ((d = kept_alloc(quota, size)) == NULL)
		return (false);
	if (event_add(deliver_more, &at_once) == -1) {
		kept_free(quota, d, size);
		return (false);
	}
	d->quota = quota;
	d->size = size;
	TAILQ_INIT(&d->waiting);
	TAILQ_CONCAT(&d->waiting, waiting, link);
	d->answer = *a;
	d->answer.msg = memcpy(d->msg, a->msg, a->len);
	d->response = *a->response;
	d->answer.response = &d->response;
	STAILQ_INSERT_TAIL(&deliveries, d, link);
	return (true);
}

static void
on_deliver(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once;
	struct delivery *d = STAILQ_FIRST(&deliveries);

	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	STAILQ_REMOVE_HEAD(&deliveries, link);
	deliver_some(&d->waiting, &d->answer, DELIVER_MAX);
	/* All deliveries take turns. */
	if (TAILQ_EMPTY(&d->waiting)) {
		answer_end(&d->answer);
		kept_free(d->quota, d, d->size);
	} else
		STAILQ_INSERT_TAIL(&deliveries, d, link);
	if (!STAILQ_EMPTY(&deliveries))
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
	deliver_some(waiting, &a, DELIVER_MAX);
	if (!TAILQ_EMPTY(waiting) && deliver_later(waiting, &a))
		return;
	/* Now or never: one that costs little goes to all. */
	if (!TAILQ_EMPTY(waiting))
		deliver_some(waiting, &a, UINT_MAX);
	answer_end(&a);
	while ((w = TAILQ_FIRST(waiting)) != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		deliver_events->failed(w, EDE_OTHER, "no memory for the answer");
	}
}
