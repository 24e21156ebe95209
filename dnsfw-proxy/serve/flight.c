/* Places for requests: a fixed pool. */
#include "flight.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "quota.h"
#include "settings.h"

TAILQ_HEAD(queries, query);

static struct query *flight_pool;
static uint32_t flight_fresh;		/* never used ones begin here */
static struct queries flight_unused = TAILQ_HEAD_INITIALIZER(flight_unused);
static struct queries by_arrival = TAILQ_HEAD_INITIALIZER(by_arrival);
static struct stock flight_places;

void
flight_init(void)
{
	flight_pool = calloc(settings.config.max_connections,
	    sizeof(*flight_pool));
	if (flight_pool == NULL)
		fatalx("no memory for --max-connections");
	stock_init(&flight_places);
}

static struct query *
flight_victim(void)
{
	struct stock_item *i = stock_oldest(&flight_places);

	return ((struct query *)(void *)((char *)i -
	    offsetof(struct query, place)));
}

struct query *
flight_begin(const struct request *r, struct query **victim)
{
	struct quota *quota;
	struct query *q;

	*victim = NULL;
	/* Who is at its share is refused first. */
	if ((quota = quota_enter(&r->client)) == NULL)
		return (NULL);
	if ((q = TAILQ_FIRST(&flight_unused)) != NULL)
		TAILQ_REMOVE(&flight_unused, q, link);
	else if (flight_fresh < settings.config.max_connections)
		q = &flight_pool[flight_fresh++];
	else {
		quota_leave(quota);
		*victim = flight_victim();
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&by_arrival, q, link);
	stock_take(&flight_places, &quota->requests, &q->place, 1);
	q->request = *r;
	q->request.quota = quota;
	q->request.msg = q->head;
	q->request.len = r->dns.has_question ? r->dns.question_end :
	    DNS_HEADER_SIZE;
	memcpy(q->head, r->msg, q->request.len);
	q->waiter.exchange = NULL;
	q->waiter.request = &q->request;
	q->verdict.request = &q->request;
	q->verdict.held = NULL;
	return (q);
}

void
flight_end(struct query *q)
{
	stock_give(&flight_places, &q->place);
	quota_leave(q->request.quota);
	TAILQ_REMOVE(&by_arrival, q, link);
	/* The last one first: its memory is warm. */
	TAILQ_INSERT_HEAD(&flight_unused, q, link);
}

struct query *
flight_first(void)
{
	return (TAILQ_FIRST(&by_arrival));
}

struct query *
flight_next(const struct query *q)
{
	return (TAILQ_NEXT(q, link));
}
