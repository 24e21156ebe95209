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
#include "back_tcp.h"

#include <event2/event.h>
#include <stdlib.h>

#include "back_conn.h"
#include "clock.h"
#include "ids.h"
#include "log.h"
#include "loop.h"
#include "settings.h"
#include "upstream.h"

/* Of an upstream's connections, how many of a kind there are at most. */
#define COMMON_MAX	8	/* where each takes only so many questions */
#define LEFT_MAX	8
#define SUSPECTS_MAX	3

#define WAITING_MAX	BACK_CONN_TRIES
#define IDLE_TIME	(10 * CLOCK_SECOND)
#define IDLE_SUSPECT	CLOCK_SECOND
#define STALL_TIME	CLOCK_SECOND	/* without a message: it hangs */
#define PROBE_TIME	(5 * CLOCK_SECOND)

_Static_assert(COMMON_MAX + LEFT_MAX + SUSPECTS_MAX <= BACK_TCP_PER_UPSTREAM,
    "descriptors for all");

struct tcp_upstream {
	struct back_conns	conns;
	unsigned int	ncommon, nleft;
	TAILQ_HEAD(, tcp_attempt) waiting;	/* for a connection */
	unsigned int	nwaiting;
	uint32_t	limit;		/* questions on one; 0: none is known */
	uint64_t	probe_at;	/* when to try more */
	uint64_t	answered_at;
};

static struct tcp_upstream tcp_upstreams[MSG_UPSTREAMS_MAX];
static struct back_conns back_tcp_telling =
    TAILQ_HEAD_INITIALIZER(back_tcp_telling);
static struct event *back_tcp_more;
static struct loop_share back_tcp_share;

static void
go_on_in_next_turn(void)
{
	static const struct timeval at_once;

	/* If that fails, a tick does it. */
	(void)event_add(back_tcp_more, &at_once);
}

/* --- which connection --- */

/* How many questions a new one takes. */
static uint32_t
room_of_next(struct tcp_upstream *u)
{
	if (u->limit == 0)
		return (BACK_CONN_NO_LIMIT);
	if (loop.now < u->probe_at)
		return (u->limit);
	u->probe_at = loop.now + PROBE_TIME;
	return (u->limit > BACK_CONN_TRIES ? BACK_CONN_NO_LIMIT : 2 * u->limit);
}

static struct back_conn *
back_tcp_open(size_t upstream, unsigned int kind)
{
	struct tcp_upstream *u = &tcp_upstreams[upstream];
	struct back_conn *c;

	if ((c = back_conn_open(upstream)) == NULL)
		return (NULL);
	c->kind = kind;
	if (kind == BACK_CONN_COMMON) {
		c->room = room_of_next(u);
		u->ncommon++;
	}
	TAILQ_INSERT_TAIL(&u->conns, c, link);
	return (c);
}

/*
 * The connection for a question, or NULL.  Suspects part company at random.
 * *wait: there are as many as there may be, and one will have room.
 */
static struct back_conn *
conn_for(size_t upstream, bool suspect, bool *wait)
{
	unsigned int kind = suspect ? BACK_CONN_SUSPECTS +
	    ids_next() % SUSPECTS_MAX : BACK_CONN_COMMON;
	struct tcp_upstream *u = &tcp_upstreams[upstream];
	struct back_conn *c;

	*wait = false;
	TAILQ_FOREACH(c, &u->conns, link) {
		if (c->kind == kind && c->room > 0)
			return (c);
	}
	if (kind == BACK_CONN_COMMON && u->ncommon >= COMMON_MAX) {
		*wait = true;
		return (NULL);
	}
	return (back_tcp_open(upstream, kind));
}

static void
wait_for_conn(struct tcp_upstream *u, struct tcp_attempt *t)
{
	TAILQ_INSERT_TAIL(&u->waiting, t, waiting);
	u->nwaiting++;
}

static void
wait_no_more(struct tcp_upstream *u, struct tcp_attempt *t)
{
	TAILQ_REMOVE(&u->waiting, t, waiting);
	u->nwaiting--;
}

struct attempt *
back_tcp_send(size_t upstream, uint8_t *msg, size_t len, bool suspect)
{
	struct tcp_upstream *u = &tcp_upstreams[upstream];
	struct back_conn *c;
	struct tcp_attempt *t;
	bool wait;

	/* Where few share a connection all of them part company. */
	c = conn_for(upstream, suspect && u->limit == 0, &wait);
	if (c == NULL && (!wait || u->nwaiting >= WAITING_MAX))
		return (NULL);
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->upstream = upstream;
	t->since = loop.now;
	t->msg = msg;
	t->len = len;
	if (c == NULL)
		wait_for_conn(u, t);
	else if (!back_conn_take(c, t)) {
		free(t);
		return (NULL);
	}
	loop_need_tick();
	return (&t->attempt);
}

void
back_tcp_end(struct attempt *attempt)
{
	struct tcp_attempt *t = (struct tcp_attempt *)attempt;

	if (t->conn != NULL)
		back_conn_release(t);
	else
		wait_no_more(&tcp_upstreams[t->upstream], t);
	free(t);
}

/* Those that wait, as far as there is room now. */
static void
serve_waiting(struct tcp_upstream *u)
{
	struct back_conn *c;
	struct tcp_attempt *t;
	bool wait;

	while ((t = TAILQ_FIRST(&u->waiting)) != NULL) {
		if (!loop_has_time(&back_tcp_share)) {
			go_on_in_next_turn();
			return;
		}
		c = conn_for(t->upstream, false, &wait);
		if (c == NULL && wait)
			return;
		if (c == NULL) {
			attempt_failed(&t->attempt, WAY_UNSENT);
			continue;
		}
		wait_no_more(u, t);
		if (!back_conn_take(c, t)) {
			wait_for_conn(u, t);
			return;
		}
	}
}

/* --- what becomes of it --- */

/* No question goes on it any more. */
static void
back_tcp_retire(struct back_conn *c, unsigned int kind)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	if (c->kind == BACK_CONN_COMMON)
		u->ncommon--;
	if (c->kind == BACK_CONN_LEFT)
		u->nleft--;
	if (kind == BACK_CONN_LEFT)
		u->nleft++;
	c->kind = kind;
}

static void
tell(struct back_conn *c)
{
	if (!c->tells)
		TAILQ_INSERT_TAIL(&back_tcp_telling, c, telling);
	c->tells = true;
	c->told = 0;
}

static void
tell_no_more(struct back_conn *c)
{
	if (c->tells)
		TAILQ_REMOVE(&back_tcp_telling, c, telling);
	c->tells = false;
}

static void
tell_bucket(struct back_conn *c)
{
	struct tcp_attempts *bucket = &c->buckets[c->told++];
	struct tcp_attempt *t;

	if (!c->over) {
		LIST_FOREACH(t, bucket, same_id)
			attempt_left(&t->attempt);
		return;
	}
	/* Each may begin another attempt, perhaps on a new connection. */
	while ((t = LIST_FIRST(bucket)) != NULL)
		attempt_failed(&t->attempt, c->way);
}

/*
 * Tell those whose connection is left or over, thousands perhaps, as long as there
 * is time in this turn.
 */
static void
tell_some(void)
{
	struct back_conn *c;

	while ((c = TAILQ_FIRST(&back_tcp_telling)) != NULL) {
		while (c->told < BACK_CONN_BUCKETS &&
		    (LIST_EMPTY(&c->buckets[c->told]) ||
		    loop_has_time(&back_tcp_share)))
			tell_bucket(c);
		if (c->told < BACK_CONN_BUCKETS) {
			go_on_in_next_turn();
			return;
		}
		tell_no_more(c);
		if (c->over)
			back_conn_close(c);
	}
}

static void
back_tcp_close(struct back_conn *c)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	tell_no_more(c);
	back_tcp_retire(c, BACK_CONN_SUSPECTS);
	TAILQ_REMOVE(&u->conns, c, link);
	back_conn_close(c);
}

/* It has answered some, and then no more. */
static void
learn_limit(const struct back_conn *c)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	if (c->kind != BACK_CONN_COMMON || c->answered == 0 || c->ntries == 0)
		return;
	if (u->limit == 0 || c->answered < u->limit)
		u->limit = c->answered;
	u->probe_at = loop.now + PROBE_TIME;
}

/* All tries on it fail. */
static void
back_tcp_broken(struct back_conn *c)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	if (c->kind == BACK_CONN_LEFT)
		c->way = WAY_LEFT;
	learn_limit(c);
	/*
	 * Once, however many waited.  That of suspects breaks for their sake,
	 * and so may others, while there are answers.
	 */
	if ((c->way == WAY_NONE || c->way == WAY_SENT) && c->kind == BACK_CONN_COMMON &&
	    loop.now - u->answered_at >= STALL_TIME)
		upstream_silent(c->upstream);
	back_tcp_retire(c, BACK_CONN_SUSPECTS);
	TAILQ_REMOVE(&u->conns, c, link);
	back_conn_shut(c);
	tell(c);
	tell_some();
	serve_waiting(u);
}

static void
back_tcp_answered(struct back_conn *c)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	u->answered_at = loop.now;
	if (u->limit == 0 || c->answered <= u->limit)
		return;
	u->limit = 0;
	if (c->kind == BACK_CONN_COMMON)
		c->room = BACK_CONN_NO_LIMIT;
}

/* It has nothing to do any more. */
static bool
is_spent(const struct back_conn *c)
{
	return (c->ntries == 0 && (c->room == 0 || c->kind == BACK_CONN_LEFT));
}

static bool
back_tcp_read(struct back_conn *c)
{
	struct tcp_upstream *u = &tcp_upstreams[c->upstream];
	bool spent = is_spent(c);

	if (spent)
		back_tcp_close(c);
	serve_waiting(u);
	return (!spent);
}

/*
 * Nothing has come for a while, though answers do come, on it before, or on
 * others.
 */
static bool
is_stalled(const struct back_conn *c)
{
	const struct tcp_upstream *u = &tcp_upstreams[c->upstream];

	return (c->kind != BACK_CONN_LEFT && u->nleft < LEFT_MAX &&
	    c->asked != 0 && loop.now - c->asked >= STALL_TIME &&
	    (c->answered > 0 || u->answered_at > c->opened));
}

/*
 * What waits on it is asked on another connection as well.  Its answer may
 * still come on this one.
 */
static void
back_tcp_leave(struct back_conn *c)
{
	learn_limit(c);
	back_tcp_retire(c, BACK_CONN_LEFT);
	tell(c);
	tell_some();
}

static void
tick_conn(struct back_conn *c)
{
	uint64_t idle = c->kind == BACK_CONN_COMMON ? IDLE_TIME : IDLE_SUSPECT;

	/* It hangs, though all who asked may have given up meanwhile. */
	if (c->asked != 0 && loop.now - c->asked >= settings.timeout)
		back_tcp_broken(c);
	else if (is_spent(c) ||
	    (c->ntries == 0 && loop.now - c->used >= idle))
		back_tcp_close(c);
	else if (is_stalled(c))
		back_tcp_leave(c);
}

/* See above: the newest connection takes all that waits. */
static void
doubt_limit(struct tcp_upstream *u)
{
	const struct tcp_attempt *t = TAILQ_FIRST(&u->waiting);
	struct back_conn *c;

	if (t == NULL || loop.now - t->since < STALL_TIME ||
	    loop.now - u->answered_at < STALL_TIME)
		return;
	u->limit = 0;
	TAILQ_FOREACH_REVERSE(c, &u->conns, back_conns, link) {
		if (c->kind == BACK_CONN_COMMON) {
			c->room = BACK_CONN_NO_LIMIT;
			break;
		}
	}
}

bool
back_tcp_tick(void)
{
	struct back_conn *c, *next;
	bool open = false;
	size_t i;

	tell_some();
	for (i = 0; i < upstream_count(); i++) {
		/* One that is opened meanwhile comes behind the others. */
		for (c = TAILQ_FIRST(&tcp_upstreams[i].conns); c != NULL; c = next) {
			next = TAILQ_NEXT(c, link);
			tick_conn(c);
		}
		doubt_limit(&tcp_upstreams[i]);
		serve_waiting(&tcp_upstreams[i]);
		open |= !TAILQ_EMPTY(&tcp_upstreams[i].conns);
	}
	return (open);
}

void
back_tcp_flush(void)
{
	back_conn_flush();
}

static void
back_tcp_on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	size_t i;

	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	tell_some();
	for (i = 0; i < upstream_count(); i++)
		serve_waiting(&tcp_upstreams[i]);
}

/* --- start --- */

void
back_tcp_init(void)
{
	static const struct back_conn_events events = {
	    .broken = back_tcp_broken, .read = back_tcp_read,
	    .answered = back_tcp_answered };
	size_t i;

	back_conn_init(&events);
	back_tcp_more = evtimer_new(loop.base, back_tcp_on_next_turn, NULL);
	if (back_tcp_more == NULL)
		fatalx("event_new");
	for (i = 0; i < upstream_count(); i++) {
		TAILQ_INIT(&tcp_upstreams[i].conns);
		TAILQ_INIT(&tcp_upstreams[i].waiting);
	}
}
