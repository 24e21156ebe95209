/* A client's TCP connections: their lists, and what they keep. */
#include "tcp_conn.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "counters.h"
#include "log.h"
#include "loop.h"
#include "quota.h"
#include "rank.h"
#include "settings.h"
#include "stock.h"

#define OVERLOAD_PERIOD	60	/* seconds between log lines */
#define DELAY	(CLOCK_SECOND / 20)	/* less than a tick: each finds all */

/* A client that has connections. */
struct tcp_client {
	TAILQ_ENTRY(tcp_client) by_turn;	/* if one of them waits */
	struct quota	*quota;
	struct stock_share conns;
	uint32_t	nidle;
	struct rank_entry by_idle;
	struct tcp_conns waiting;
	struct tcp_conns idle;			/* the longest idle first */
	struct tcp_conns holding;		/* octets, for longest first */
};
TAILQ_HEAD(tcp_clients, tcp_client);

static struct tcp_conns tcp_conns = TAILQ_HEAD_INITIALIZER(tcp_conns);
static struct tcp_clients tcp_turns = TAILQ_HEAD_INITIALIZER(tcp_turns);
static struct tcp_conns tcp_delayed = TAILQ_HEAD_INITIALIZER(tcp_delayed);
static struct rank tcp_by_idle;
static struct stock tcp_all;
static struct log_limit tcp_overload_limit;

void
tcp_conn_init(void)
{
	rank_init(&tcp_by_idle);
	stock_init(&tcp_all);
}

void
tcp_conn_overload(void)
{
	uint64_t count;

	counters.overload++;
	if (log_allowed(&tcp_overload_limit, loop.now, OVERLOAD_PERIOD, &count))
		log_warn("%llu TCP connection%s closed: --max-connections, or "
		    "one client's share of it or of memory, is in use",
		    (unsigned long long)count, log_s(count));
}

/* --- begin and end --- */

static struct tcp_client *
tcp_client_of(struct quota *quota)
{
	struct tcp_client *client = quota->tcp;

	if (client != NULL || (client = calloc(1, sizeof(*client))) == NULL)
		return (client);
	client->quota = quota;
	TAILQ_INIT(&client->waiting);
	TAILQ_INIT(&client->idle);
	TAILQ_INIT(&client->holding);
	quota->tcp = client;
	return (client);
}

static void
tcp_client_unused(struct tcp_client *client)
{
	if (client->conns.amount > 0)
		return;
	client->quota->tcp = NULL;
	free(client);
}

static void
tcp_conn_free(struct tcp_conn *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	free(c);
}

struct tcp_conn *
tcp_conn_new(int fd, const struct addr *addr, struct quota *quota,
    tcp_conn_event *readable, tcp_conn_event *writable)
{
	struct tcp_client *client;
	struct tcp_conn *c;

	if ((client = tcp_client_of(quota)) == NULL)
		return (NULL);
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		tcp_client_unused(client);
		return (NULL);
	}
	c->client = client;
	c->fd = fd;
	c->addr = *addr;
	LIST_INIT(&c->queries);
	STAILQ_INIT(&c->out);
	/*
	 * By edges: thousands that wait for their turn are not found again in
	 * each one, and the kernel is not told who waits.
	 */
	c->readable = event_new(loop.base, fd,
	    EV_READ | EV_PERSIST | EV_ET, readable, c);
	c->writable = event_new(loop.base, fd, EV_WRITE | EV_ET, writable, c);
	if (c->readable == NULL || c->writable == NULL ||
	    event_add(c->readable, NULL) == -1) {
		tcp_conn_free(c);
		tcp_client_unused(client);
		return (NULL);
	}
	c->deadline = loop.now + settings.timeout;
	TAILQ_INSERT_TAIL(&tcp_conns, c, by_deadline);
	stock_take(&tcp_all, &client->conns, &c->place, 1);
	tcp_conn_settle(c);
	loop_need_tick();
	return (c);
}

/* Its unsent answers go nowhere. */
static void
tcp_conn_forget_answers(struct tcp_conn *c)
{
	struct tcp_chunk *chunk;

	while ((chunk = STAILQ_FIRST(&c->out)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->out, link);
		tcp_conn_give_octets(c, sizeof(*chunk) + chunk->size);
		free(chunk);
	}
	c->out_len = 0;
}

static void
tcp_conn_stop_waiting(struct tcp_conn *c)
{
	struct tcp_client *client = c->client;

	TAILQ_REMOVE(&client->waiting, c, by_turn);
	c->waits = false;
	if (TAILQ_EMPTY(&client->waiting))
		TAILQ_REMOVE(&tcp_turns, client, by_turn);
}

static void
tcp_conn_set_idle(struct tcp_conn *c, bool idle)
{
	struct tcp_client *client = c->client;

	if (c->idle == idle)
		return;
	c->idle = idle;
	if (idle) {
		TAILQ_INSERT_TAIL(&client->idle, c, by_idle);
		client->nidle++;
	} else {
		TAILQ_REMOVE(&client->idle, c, by_idle);
		client->nidle--;
	}
	rank_set(&tcp_by_idle, &client->by_idle, client->nidle);
}

void
tcp_conn_close(struct tcp_conn *c)
{
	struct quota *quota = c->client->quota;
	struct asker *q;
	int fd;

	tcp_conn_forget_answers(c);
	if (c->busy) {
		c->broken = true;
		return;
	}
	while ((q = LIST_FIRST(&c->queries)) != NULL) {
		LIST_REMOVE(q, of_conn);
		q->conn = NULL;
	}
	if (c->waits)
		tcp_conn_stop_waiting(c);
	if (c->delayed)
		TAILQ_REMOVE(&tcp_delayed, c, by_delay);
	if (c->seen_later)
		LIST_REMOVE(c, to_see);
	tcp_conn_set_idle(c, false);
	TAILQ_REMOVE(&tcp_conns, c, by_deadline);
	free(c->in);
	tcp_conn_give_octets(c, c->in_size);
	stock_give(&tcp_all, &c->place);
	tcp_client_unused(c->client);
	/* The events first: the loop must not meet a closed descriptor. */
	fd = c->fd;
	tcp_conn_free(c);
	close(fd);
	quota_leave(quota);
}

uint32_t
tcp_conn_count(void)
{
	return (tcp_all.amount);
}

/* --- deadlines and turns --- */

void
tcp_conn_touch(struct tcp_conn *c)
{
	c->deadline = loop.now + settings.timeout;
	TAILQ_REMOVE(&tcp_conns, c, by_deadline);
	TAILQ_INSERT_TAIL(&tcp_conns, c, by_deadline);
}

struct tcp_conn *
tcp_conn_due(void)
{
	return (TAILQ_FIRST(&tcp_conns));
}

void
tcp_conn_wait(struct tcp_conn *c)
{
	struct tcp_client *client = c->client;

	if (c->waits)
		return;
	if (TAILQ_EMPTY(&client->waiting))
		TAILQ_INSERT_TAIL(&tcp_turns, client, by_turn);
	TAILQ_INSERT_TAIL(&client->waiting, c, by_turn);
	c->waits = true;
	tcp_conn_settle(c);
}

struct tcp_conn *
tcp_conn_next(void)
{
	struct tcp_client *client = TAILQ_FIRST(&tcp_turns);
	struct tcp_conn *c;

	if (client == NULL)
		return (NULL);
	c = TAILQ_FIRST(&client->waiting);
	TAILQ_REMOVE(&tcp_turns, client, by_turn);
	TAILQ_INSERT_TAIL(&tcp_turns, client, by_turn);
	tcp_conn_stop_waiting(c);
	return (c);
}

bool
tcp_conn_waits(void)
{
	return (!TAILQ_EMPTY(&tcp_turns));
}

void
tcp_conn_delay(struct tcp_conn *c)
{
	if (c->delayed)
		TAILQ_REMOVE(&tcp_delayed, c, by_delay);
	else
		c->since = loop.now;
	TAILQ_INSERT_TAIL(&tcp_delayed, c, by_delay);
	c->delayed = true;
	c->look_at = loop.now + DELAY;
}

void
tcp_conn_resume(struct tcp_conn *c)
{
	TAILQ_REMOVE(&tcp_delayed, c, by_delay);
	c->delayed = false;
	c->token = true;
	tcp_conn_wait(c);
}

struct tcp_conn *
tcp_conn_delayed(void)
{
	struct tcp_conn *c = TAILQ_FIRST(&tcp_delayed);

	return (c != NULL && c->look_at <= loop.now ? c : NULL);
}

/* --- shares --- */

void
tcp_conn_settle(struct tcp_conn *c)
{
	tcp_conn_set_idle(c, c->nqueries == 0 && c->out_len == 0 && !c->waits &&
	    !c->delayed);
}

bool
tcp_conn_evict(void)
{
	struct rank_entry *e = rank_top(&tcp_by_idle);
	struct tcp_client *client;

	if (e == NULL)
		return (false);
	client = (struct tcp_client *)(void *)((char *)e -
	    offsetof(struct tcp_client, by_idle));
	tcp_conn_close(TAILQ_FIRST(&client->idle));
	return (true);
}

void
tcp_conn_evict_busy(void)
{
	struct stock_item *oldest = stock_oldest(&tcp_all);

	tcp_conn_overload();
	tcp_conn_close((struct tcp_conn *)(void *)((char *)oldest -
	    offsetof(struct tcp_conn, place)));
}

/* The one to be closed for octets that c wants, or NULL. */
static struct tcp_conn *
tcp_conn_victim(const struct tcp_conn *c, enum quota_octets why)
{
	struct quota *who = c->client->quota;
	struct tcp_conn *victim;

	if (why == QUOTA_ALL_USED)
		who = quota_most_octets();
	victim = TAILQ_FIRST(&who->tcp->holding);
	/* There is only one: what it says is being read. */
	return (victim->busy && victim != c ? TAILQ_NEXT(victim, by_octets) :
	    victim);
}

bool
tcp_conn_take_octets(struct tcp_conn *c, size_t octets)
{
	struct tcp_conn *victim;
	enum quota_octets why;

	while ((why = quota_take_octets(c->client->quota, octets)) !=
	    QUOTA_TAKEN) {
		victim = tcp_conn_victim(c, why);
		if (victim == c || victim == NULL)
			return (false);
		tcp_conn_overload();
		tcp_conn_close(victim);
	}
	if (c->octets == 0)
		TAILQ_INSERT_TAIL(&c->client->holding, c, by_octets);
	c->octets += (uint32_t)octets;
	return (true);
}

void
tcp_conn_give_octets(struct tcp_conn *c, size_t octets)
{
	if (octets == 0)
		return;
	c->octets -= (uint32_t)octets;
	quota_give_octets(c->client->quota, octets);
	if (c->octets == 0)
		TAILQ_REMOVE(&c->client->holding, c, by_octets);
}
