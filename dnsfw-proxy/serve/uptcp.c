/*
 * Questions over TCP: one connection to each upstream carries many.  It is made
 * when there is something to ask, and closed when it was idle for a while.
 *
 * Some servers answer only the first question of a connection, or only so many,
 * and then close it, or nothing more comes.  How many that are is seen, and
 * from then on no connection gets more; there are several then, and questions
 * wait for one.  Now and then one gets twice as many, to see whether that still
 * holds: it may have been a slow answer, or a restart.  And if nothing comes
 * while questions wait, all that were asked may be for slow names, which one
 * client can bring about: then the limit is forgotten.
 *
 * Some questions make a server close the connection, each time, and all others
 * suffer.  What has seen too many connections break goes over UDP then, or, if
 * a client over TCP waits for it, is spread over a few more connections, until
 * it is answered or out of tries.
 */
#include "upstream.h"

#include <stdlib.h>

#include "clock.h"
#include "ids.h"
#include "log.h"
#include "upconn.h"
#include "worker.h"

/* Of an upstream's connections, how many of a kind there are at most. */
#define COMMON_MAX	8	/* where each takes only so many questions */
#define LEFT_MAX	8
#define SUSPECTS_MAX	3

#define WAITING_MAX	UPCONN_TRIES
#define IDLE_TIME	(10 * CLOCK_SECOND)
#define IDLE_SUSPECT	CLOCK_SECOND
#define STALL_TIME	CLOCK_SECOND	/* without a message: it hangs */
#define PROBE_TIME	(5 * CLOCK_SECOND)

_Static_assert(COMMON_MAX + LEFT_MAX + SUSPECTS_MAX <= UPTCP_PER_UPSTREAM,
    "descriptors for all");

struct pool {
	struct upconns	conns;
	unsigned int	ncommon, nleft;
	TAILQ_HEAD(, ttry) waiting;	/* for a connection */
	unsigned int	nwaiting;
	uint32_t	limit;		/* questions on one; 0: none is known */
	uint64_t	probe_at;	/* when to try more */
	uint64_t	answered_at;
};

static struct pool pools[MSG_UPSTREAMS_MAX];

void
uptcp_init(void)
{
	size_t i;

	for (i = 0; i < upstream_count(); i++) {
		TAILQ_INIT(&pools[i].conns);
		TAILQ_INIT(&pools[i].waiting);
	}
}

/* --- which connection --- */

/* How many questions a new one takes. */
static uint32_t
room_of_next(struct pool *p)
{
	if (p->limit == 0)
		return (UPCONN_NO_LIMIT);
	if (worker.now < p->probe_at)
		return (p->limit);
	p->probe_at = worker.now + PROBE_TIME;
	return (p->limit > UPCONN_TRIES ? UPCONN_NO_LIMIT : 2 * p->limit);
}

static struct upconn *
open_conn(size_t upstream, unsigned int kind)
{
	struct pool *p = &pools[upstream];
	struct upconn *c;

	if ((c = upconn_open(upstream)) == NULL)
		return (NULL);
	c->kind = kind;
	if (kind == UPCONN_COMMON) {
		c->room = room_of_next(p);
		p->ncommon++;
	}
	TAILQ_INSERT_TAIL(&p->conns, c, link);
	return (c);
}

/*
 * The connection for a question, or NULL.  Suspects part company at random.
 * *wait: there are as many as there may be, and one will have room.
 */
static struct upconn *
conn_for(size_t upstream, bool suspect, bool *wait)
{
	unsigned int kind = suspect ? UPCONN_SUSPECTS +
	    ids_next() % SUSPECTS_MAX : UPCONN_COMMON;
	struct pool *p = &pools[upstream];
	struct upconn *c;

	*wait = false;
	TAILQ_FOREACH(c, &p->conns, link) {
		if (c->kind == kind && c->room > 0)
			return (c);
	}
	if (kind == UPCONN_COMMON && p->ncommon >= COMMON_MAX) {
		*wait = p->nwaiting < WAITING_MAX;
		return (NULL);
	}
	return (open_conn(upstream, kind));
}

static void
wait_for_conn(struct pool *p, struct ttry *t)
{
	TAILQ_INSERT_TAIL(&p->waiting, t, waiting);
	p->nwaiting++;
}

static void
wait_no_more(struct pool *p, struct ttry *t)
{
	TAILQ_REMOVE(&p->waiting, t, waiting);
	p->nwaiting--;
}

struct try *
uptcp_send(size_t upstream, uint8_t *msg, size_t len, bool suspect)
{
	struct pool *p = &pools[upstream];
	struct upconn *c;
	struct ttry *t;
	bool wait;

	/* Where few share a connection all of them part company. */
	c = conn_for(upstream, suspect && p->limit == 0, &wait);
	if ((c == NULL && !wait) || (t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->upstream = upstream;
	t->since = worker.now;
	t->msg = msg;
	t->len = len;
	if (c == NULL)
		wait_for_conn(p, t);
	else if (!upconn_take(c, t)) {
		free(t);
		return (NULL);
	}
	worker_need_tick();
	return (&t->try);
}

void
uptcp_end(struct try *try)
{
	struct ttry *t = (struct ttry *)try;

	if (t->conn != NULL)
		upconn_release(t);
	else
		wait_no_more(&pools[t->upstream], t);
	free(t);
}

/* Those that wait, as far as there is room now. */
static void
serve_waiting(struct pool *p)
{
	struct upconn *c;
	struct ttry *t;
	bool wait;

	while ((t = TAILQ_FIRST(&p->waiting)) != NULL) {
		c = conn_for(t->upstream, false, &wait);
		if (c == NULL && wait)
			return;
		if (c == NULL) {
			exchange_try_failed(&t->try, WAY_UNSENT);
			continue;
		}
		wait_no_more(p, t);
		if (!upconn_take(c, t)) {
			wait_for_conn(p, t);
			return;
		}
	}
}

/* --- what becomes of it --- */

/* No question goes on it any more. */
static void
retire(struct upconn *c, unsigned int kind)
{
	struct pool *p = &pools[c->upstream];

	if (c->kind == UPCONN_COMMON)
		p->ncommon--;
	if (c->kind == UPCONN_LEFT)
		p->nleft--;
	if (kind == UPCONN_LEFT)
		p->nleft++;
	c->kind = kind;
}

static void
close_conn(struct upconn *c)
{
	struct pool *p = &pools[c->upstream];

	retire(c, UPCONN_SUSPECTS);
	TAILQ_REMOVE(&p->conns, c, link);
	upconn_close(c);
}

/* It has answered some, and then no more. */
static void
learn_limit(const struct upconn *c)
{
	struct pool *p = &pools[c->upstream];

	if (c->kind != UPCONN_COMMON || c->answered == 0 || c->ntries == 0)
		return;
	if (p->limit == 0 || c->answered < p->limit)
		p->limit = c->answered;
	p->probe_at = worker.now + PROBE_TIME;
}

/* All tries on it fail. */
void
uptcp_broken(struct upconn *c)
{
	struct pool *p = &pools[c->upstream];
	enum way way = c->kind == UPCONN_LEFT ? WAY_LEFT : c->way;
	struct ttries tries;
	struct ttry *t;

	learn_limit(c);
	/*
	 * Once, however many waited.  That of suspects breaks for their sake,
	 * and so may others, while there are answers.
	 */
	if ((way == WAY_NONE || way == WAY_SENT) && c->kind == UPCONN_COMMON &&
	    worker.now - p->answered_at >= STALL_TIME)
		upstream_silent(c->upstream);
	retire(c, UPCONN_SUSPECTS);
	TAILQ_REMOVE(&p->conns, c, link);
	upconn_empty(c, &tries);
	/* Each may begin another try, perhaps on a new connection. */
	while ((t = LIST_FIRST(&tries)) != NULL)
		exchange_try_failed(&t->try, way);
	upconn_close(c);
	serve_waiting(p);
}

void
uptcp_answered(struct upconn *c)
{
	struct pool *p = &pools[c->upstream];

	p->answered_at = worker.now;
	if (p->limit == 0 || c->answered <= p->limit)
		return;
	p->limit = 0;
	if (c->kind == UPCONN_COMMON)
		c->room = UPCONN_NO_LIMIT;
}

/* It has nothing to do any more. */
static bool
is_spent(const struct upconn *c)
{
	return (c->ntries == 0 && (c->room == 0 || c->kind == UPCONN_LEFT));
}

bool
uptcp_read(struct upconn *c)
{
	struct pool *p = &pools[c->upstream];
	bool spent = is_spent(c);

	if (spent)
		close_conn(c);
	serve_waiting(p);
	return (!spent);
}

/*
 * Nothing has come for a while, though answers do come, on it before, or on
 * others.
 */
static bool
is_stalled(const struct upconn *c)
{
	const struct pool *p = &pools[c->upstream];

	return (c->kind != UPCONN_LEFT && p->nleft < LEFT_MAX &&
	    c->asked != 0 && worker.now - c->asked >= STALL_TIME &&
	    (c->answered > 0 || p->answered_at > c->opened));
}

/*
 * What waits on it is asked on another connection as well.  Its answer may
 * still come on this one.
 */
static void
leave(struct upconn *c)
{
	struct ttry *t;
	size_t b;

	learn_limit(c);
	retire(c, UPCONN_LEFT);
	for (b = 0; b < UPCONN_BUCKETS; b++) {
		LIST_FOREACH(t, &c->buckets[b], same_id)
			exchange_try_left(&t->try);
	}
}

static void
tick_conn(struct upconn *c)
{
	uint64_t idle = c->kind == UPCONN_COMMON ? IDLE_TIME : IDLE_SUSPECT;

	/* It hangs, though all who asked may have given up meanwhile. */
	if (c->asked != 0 && worker.now - c->asked >= worker.timeout)
		uptcp_broken(c);
	else if (is_spent(c) ||
	    (c->ntries == 0 && worker.now - c->used >= idle))
		close_conn(c);
	else if (is_stalled(c))
		leave(c);
}

/* See above: the newest connection takes all that waits. */
static void
doubt_limit(struct pool *p)
{
	const struct ttry *t = TAILQ_FIRST(&p->waiting);
	struct upconn *c;

	if (t == NULL || worker.now - t->since < STALL_TIME ||
	    worker.now - p->answered_at < STALL_TIME)
		return;
	p->limit = 0;
	TAILQ_FOREACH_REVERSE(c, &p->conns, upconns, link) {
		if (c->kind == UPCONN_COMMON) {
			c->room = UPCONN_NO_LIMIT;
			break;
		}
	}
}

bool
uptcp_tick(void)
{
	struct upconn *c, *next;
	bool open = false;
	size_t i;

	for (i = 0; i < upstream_count(); i++) {
		/* One that is opened meanwhile comes behind the others. */
		for (c = TAILQ_FIRST(&pools[i].conns); c != NULL; c = next) {
			next = TAILQ_NEXT(c, link);
			tick_conn(c);
		}
		doubt_limit(&pools[i]);
		serve_waiting(&pools[i]);
		open |= !TAILQ_EMPTY(&pools[i].conns);
	}
	return (open);
}
