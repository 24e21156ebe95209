/* One answer to all who wait for it, a few in each turn of the loop. */
#include "deliver.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "loop.h"

#define DELIVER_MAX	16	/* queries that one answer ends in a turn */
/* The same, for answers that take long; one of them may take longer. */
#define DELIVER_TIME	(CLOCK_SECOND / 2000)

/* An answer that more queries have waited for than one turn has time for. */
struct delivery {
	STAILQ_ENTRY(delivery) link;
	struct waiters	waiting;
	struct dns_response response;
	size_t		len;
	uint8_t		msg[];
};

static STAILQ_HEAD(, delivery) deliveries = STAILQ_HEAD_INITIALIZER(deliveries);
static struct event *deliver_more;
static const struct waiter_events *events;

/* To some of those who wait, but to one at least. */
static void
deliver_some(struct waiters *waiting, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	uint64_t end = loop.now + DELIVER_TIME;
	struct waiter *w;
	unsigned int i;

	for (i = 0; i < DELIVER_MAX; i++) {
		if ((w = TAILQ_FIRST(waiting)) == NULL ||
		    (i > 0 && clock_now() >= end))
			return;
		TAILQ_REMOVE(waiting, w, link);
		events->answered(w, msg, len, r);
	}
}

/* To the others in the next turns, so that nobody else waits for them all. */
static void
deliver_later(struct waiters *waiting, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	static const struct timeval at_once;
	struct delivery *d;

	if ((d = malloc(sizeof(*d) + len)) == NULL)
		fatalx("no memory");
	TAILQ_INIT(&d->waiting);
	TAILQ_CONCAT(&d->waiting, waiting, link);
	d->response = *r;
	d->len = len;
	memcpy(d->msg, msg, len);
	STAILQ_INSERT_TAIL(&deliveries, d, link);
	event_add(deliver_more, &at_once);
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
	deliver_some(&d->waiting, d->msg, d->len, &d->response);
	/* All deliveries take turns. */
	if (TAILQ_EMPTY(&d->waiting))
		free(d);
	else
		STAILQ_INSERT_TAIL(&deliveries, d, link);
	if (!STAILQ_EMPTY(&deliveries))
		event_add(deliver_more, &at_once);
}

void
deliver_init(const struct waiter_events *e)
{
	events = e;
	deliver_more = evtimer_new(loop.base, on_deliver, NULL);
	if (deliver_more == NULL)
		fatalx("no memory");
}

void
deliver(struct waiters *waiting, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	deliver_some(waiting, msg, len, r);
	if (!TAILQ_EMPTY(waiting))
		deliver_later(waiting, msg, len, r);
}
