/*
 * Clients over TCP.
 *
 * A connection reads only while its client takes its answers, so that what is
 * kept for it stays small.  It ends when nothing has happened for --timeout: no
 * whole message came and no octet of an answer was taken, while no answer is
 * awaited either.
 *
 * Messages are taken in slices, from one connection after the other, for only so
 * long in a turn of the loop: what some of them bring delays nobody's answers
 * over UDP by more than that (D21).  Who has more waits in a queue.
 */
#include "front_tcp.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dns/message.h"
#include "clock.h"
#include "counters.h"
#include "log.h"
#include "loop.h"
#include "msg.h"
#include "quota.h"
#include "settings.h"

#define IN_FIRST	514		/* octets; grows as octets come */
#define IN_MAX		(2 + DNS_MESSAGE_MAX)
#define OUT_STOP	65536		/* unsent octets: read no more */
#define QUERIES_MAX	256		/* unanswered: read no more */
#define OUT_TOTAL_MAX	(64U << 20)	/* unsent octets of all clients */
#define ACCEPTS_MAX	64		/* in a turn */
#define SLICE_MESSAGES	16		/* of one connection, and then the next */
#define SLICE_OCTETS	2048		/* the same; one message may be longer */
#define TURN_TIME	(CLOCK_SECOND / 2000)	/* for all slices of a turn */

struct tcp_conn {
	TAILQ_ENTRY(tcp_conn) link;	/* by deadline */
	TAILQ_ENTRY(tcp_conn) by_turn;	/* if waits: in the queue */
	int		fd;
	struct addr	addr;
	struct quota	*client;
	struct event	*readable, *writable;
	struct askers queries;	/* unanswered */
	unsigned int	nqueries;
	uint64_t	deadline;
	bool		waits;		/* a whole message is there */
	bool		eof;		/* the client sends no more */
	bool		busy;		/* in a function that may not free it */
	bool		broken;		/* to be closed */
	uint8_t		*in;		/* the begin of a message */
	size_t		in_len, in_size;
	uint8_t		*out;		/* unsent; from out_at on */
	size_t		out_at, out_len, out_size;
};
TAILQ_HEAD(conns, tcp_conn);

static asker_receive *receive;
static struct event *accepting[MSG_BINDS_MAX];
static struct conns conns = TAILQ_HEAD_INITIALIZER(conns);
static struct conns queue = TAILQ_HEAD_INITIALIZER(queue);
static struct event *next_turn;		/* something waits in the queue */
static uint64_t spent;			/* of TURN_TIME */
static uint32_t nconns;
static size_t out_total;
static bool paused;			/* no descriptor: accept no more */

/* Something has happened: the time begins anew. */
static void
touch(struct tcp_conn *c)
{
	c->deadline = loop.now + settings.timeout;
	TAILQ_REMOVE(&conns, c, link);
	TAILQ_INSERT_TAIL(&conns, c, link);
}

/* Its memory; the descriptor and the client's place are the caller's. */
static void
free_conn(struct tcp_conn *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	free(c->in);
	free(c->out);
	free(c);
}

static void
close_conn(struct tcp_conn *c)
{
	struct asker *q;

	if (c->busy) {
		c->broken = true;
		return;
	}
	/* Their answers will go nowhere. */
	while ((q = LIST_FIRST(&c->queries)) != NULL)
		front_tcp_detach(q);
	if (c->waits)
		TAILQ_REMOVE(&queue, c, by_turn);
	TAILQ_REMOVE(&conns, c, link);
	nconns--;
	out_total -= c->out_len;
	close(c->fd);
	quota_leave(c->client);
	free_conn(c);
}

void
front_tcp_attach(struct asker *q)
{
	struct tcp_conn *c = q->conn;

	LIST_INSERT_HEAD(&c->queries, q, of_conn);
	c->nqueries++;
}

void
front_tcp_detach(struct asker *q)
{
	LIST_REMOVE(q, of_conn);
	q->conn->nqueries--;
	q->conn = NULL;
}

static bool
may_read(const struct tcp_conn *c)
{
	return (!c->eof && !c->waits && c->out_len < OUT_STOP &&
	    c->nqueries < QUERIES_MAX && c->in_len < c->in_size);
}

/* --- out --- */

/* Send what waits.  False: the client is gone. */
static bool
flush(struct tcp_conn *c)
{
	ssize_t n;

	while (c->out_len > 0) {
		n = send(c->fd, c->out + c->out_at, c->out_len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			event_add(c->writable, NULL);
			return (true);
		}
		if (n == -1)
			return (false);
		c->out_at += (size_t)n;
		c->out_len -= (size_t)n;
		out_total -= (size_t)n;
		touch(c);
	}
	/* Nothing waits, so nothing is kept. */
	free(c->out);
	c->out = NULL;
	c->out_at = c->out_size = 0;
	return (true);
}

static bool
make_room(struct tcp_conn *c, size_t need)
{
	size_t size;
	uint8_t *more;

	if (c->out_at > 0) {
		memmove(c->out, c->out + c->out_at, c->out_len);
		c->out_at = 0;
	}
	if (c->out_size - c->out_len >= need)
		return (true);
	for (size = 1024; size < c->out_len + need; size *= 2)
		;
	if ((more = realloc(c->out, size)) == NULL)
		return (false);
	c->out = more;
	c->out_size = size;
	return (true);
}

void
front_tcp_send(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	uint8_t *to;

	if (out_total + len > OUT_TOTAL_MAX || !make_room(c, 2 + len)) {
		counters.overload++;
		close_conn(c);
		return;
	}
	to = c->out + c->out_len;
	to[0] = (uint8_t)(len >> 8);
	to[1] = (uint8_t)len;
	memcpy(to + 2, msg, len);
	c->out_len += 2 + len;
	out_total += 2 + len;
	touch(c);
	/* Sent when the loop says so: answers that come together go together. */
	event_add(c->writable, NULL);
}

/* --- in --- */

/* May the client ask more, and has it? */
static bool
has_message(const struct tcp_conn *c, size_t at)
{
	return (!c->broken && c->nqueries < QUERIES_MAX &&
	    c->out_len < OUT_STOP && c->in_len - at >= 2 &&
	    c->in_len - at >= 2 + (size_t)(c->in[at] << 8 | c->in[at + 1]));
}

/* c->in has room for more, unless it is full of messages.  False: no memory. */
static bool
make_in_room(struct tcp_conn *c)
{
	size_t size = c->in_size;
	uint8_t *in;

	/* A claimed length is believed only as far as octets have come. */
	if (c->in_len == size)
		size = size * 2 < IN_MAX ? size * 2 : IN_MAX;
	else if (c->in_len == 0)
		size = IN_FIRST;
	if (size == c->in_size)
		return (true);
	if ((in = realloc(c->in, size)) == NULL)
		return (false);
	c->in = in;
	c->in_size = size;
	return (true);
}

/* A few of the whole messages that have come. */
static void
take_slice(struct tcp_conn *c)
{
	struct asker from = { .conn = c, .tcp = true };
	size_t at = 0, len;
	unsigned int i;

	c->busy = true;
	for (i = 0; i < SLICE_MESSAGES && at < SLICE_OCTETS &&
	    has_message(c, at); i++) {
		len = 2 + (size_t)(c->in[at] << 8 | c->in[at + 1]);
		receive(c->in + at + 2, len - 2, &c->addr, &from);
		at += len;
		touch(c);
	}
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
	c->busy = false;
}

/* Wait for a slice, read on, or end if all is said. */
static void
go_on(struct tcp_conn *c)
{
	if (!c->waits && has_message(c, 0)) {
		TAILQ_INSERT_TAIL(&queue, c, by_turn);
		c->waits = true;
	}
	if (!c->waits && !make_in_room(c))
		c->broken = true;
	if (c->broken ||
	    (c->eof && !c->waits && c->nqueries == 0 && c->out_len == 0))
		close_conn(c);
	else if (may_read(c))
		event_add(c->readable, NULL);
	else
		event_del(c->readable);
}

/* A slice for each connection that waits, as long as there is time. */
static void
serve_queue(void)
{
	uint64_t now, begin = loop.now;
	struct tcp_conn *c;

	while (spent < TURN_TIME && (c = TAILQ_FIRST(&queue)) != NULL) {
		TAILQ_REMOVE(&queue, c, by_turn);
		c->waits = false;
		take_slice(c);
		go_on(c);
		now = clock_now();
		spent += now - begin;
		begin = now;
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_conn *c = arg;

	(void)fd;
	(void)what;
	loop_clock();
	if (!flush(c))
		c->broken = true;
	go_on(c);
	serve_queue();
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_conn *c = arg;
	ssize_t n;

	(void)what;
	loop_clock();
	n = recv(fd, c->in + c->in_len, c->in_size - c->in_len, 0);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	else if (n == 0)
		c->eof = true;
	else if (n > 0)
		c->in_len += (size_t)n;
	go_on(c);
	serve_queue();
}

static void
on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	serve_queue();
}

void
front_tcp_renew(void)
{
	static const struct timeval at_once;

	spent = 0;
	if (!TAILQ_EMPTY(&queue))
		event_add(next_turn, &at_once);
}

/* --- connections --- */

static struct tcp_conn *
conn_new(int fd, const struct addr *addr, struct quota *client)
{
	struct tcp_conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->in = malloc(IN_FIRST);
	c->in_size = IN_FIRST;
	c->fd = fd;
	c->addr = *addr;
	c->client = client;
	LIST_INIT(&c->queries);
	c->readable = event_new(loop.base, fd, EV_READ | EV_PERSIST,
	    on_readable, c);
	c->writable = event_new(loop.base, fd, EV_WRITE, on_writable, c);
	if (c->in == NULL || c->readable == NULL || c->writable == NULL ||
	    event_add(c->readable, NULL) == -1) {
		free_conn(c);
		return (NULL);
	}
	c->deadline = loop.now + settings.timeout;
	TAILQ_INSERT_TAIL(&conns, c, link);
	nconns++;
	loop_need_tick();
	return (c);
}

/*
 * Make room by closing one that waits for nothing, the longest idle first.
 * False: there is none.
 */
static bool
evict(void)
{
	struct tcp_conn *c;

	TAILQ_FOREACH(c, &conns, link) {
		if (c->nqueries == 0 && c->out_len == 0 && !c->waits) {
			close_conn(c);
			return (true);
		}
	}
	return (false);
}

/* Until the next tick: meanwhile the loop would only find the same again. */
static void
pause_accepting(void)
{
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++)
		event_del(accepting[i]);
	paused = true;
	loop_need_tick();
}

static void
take_connection(int fd, const struct sockaddr *sa)
{
	struct quota *client;
	struct addr addr;

	if (addr_from_sockaddr(sa, &addr, NULL) == -1 ||
	    !quota_serves(&addr)) {
		close(fd);
		return;
	}
	/* Who is at its share is refused, and takes nobody's place (D22). */
	client = quota_enter(&addr);
	if (client != NULL && nconns >= settings.config.max_connections &&
	    !evict()) {
		quota_leave(client);
		client = NULL;
	}
	if (client == NULL || conn_new(fd, &addr, client) == NULL) {
		counters.overload++;
		if (client != NULL)
			quota_leave(client);
		close(fd);
	}
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage ss;
	unsigned int i;
	socklen_t len;
	int conn;

	(void)what;
	(void)arg;
	loop_clock();
	for (i = 0; i < ACCEPTS_MAX; i++) {
		len = sizeof(ss);
		conn = accept4(fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn == -1 && (errno == EMFILE || errno == ENFILE) &&
		    !evict())
			pause_accepting();
		if (conn == -1)
			return;
		take_connection(conn, (struct sockaddr *)&ss);
	}
}

void
front_tcp_init(asker_receive *up)
{
	unsigned int i;

	receive = up;
	next_turn = evtimer_new(loop.base, on_next_turn, NULL);
	if (next_turn == NULL)
		fatalx("event_new");
	for (i = 0; i < settings.config.nbinds; i++) {
		accepting[i] = event_new(loop.base,
		    MSG_FD_LISTEN + 2 * (int)i + 1, EV_READ | EV_PERSIST,
		    on_connection, NULL);
		if (accepting[i] == NULL)
			fatalx("event_new");
	}
}

void
front_tcp_start(void)
{
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++) {
		if (event_add(accepting[i], NULL) == -1)
			fatalx("event_add");
	}
}

bool
front_tcp_tick(void)
{
	struct tcp_conn *c;

	if (paused) {
		paused = false;
		front_tcp_start();
	}
	while ((c = TAILQ_FIRST(&conns)) != NULL && c->deadline <= loop.now) {
		/*
		 * An answer that is awaited has a deadline of its own; a half
		 * message or an answer that is not taken has this one.  A
		 * whole one that waits here is not the client's fault.
		 */
		if (c->waits ||
		    (c->nqueries > 0 && c->in_len == 0 && c->out_len == 0))
			touch(c);
		else
			close_conn(c);
	}
	return (!TAILQ_EMPTY(&conns));
}
