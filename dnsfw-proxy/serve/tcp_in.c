/*
 * Queries over TCP.
 *
 * One slice after the other is read and taken, for only so long in a turn of the
 * loop: what some clients send delays nobody's answers by more than that (D21).
 * Who has more waits for its next turn.
 *
 * What has been read goes up from one buffer for all connections.  Only what is
 * left is kept: the begin of a message, or messages that wait.
 */
#include "tcp_in.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/message.h"
#include "log.h"
#include "loop.h"
#include "rate.h"
#include "settings.h"

#define READ_SIZE	4096		/* octets at a time */
#define IN_FIRST	512		/* octets kept; grows as octets come */
#define IN_MAX		(2 + DNS_MESSAGE_MAX)
#define OUT_STOP	65536		/* unsent octets: read no more */
#define QUERIES_MAX	256		/* unanswered: read no more */
#define SLICE_MESSAGES	16		/* of one connection, and then the next */
#define SLICE_OCTETS	2048		/* the same; one message may be longer */
#define SHORT_MAX	512		/* octets; above it a query is unusual */

static asker_receive *tcp_in_receive;
static struct event *tcp_in_next_turn;
static struct loop_share tcp_in_share;
static uint8_t tcp_in_buffer[READ_SIZE];

/* May the client ask more? */
static bool
tcp_in_may_ask(const struct tcp_conn *c)
{
	return (!c->broken && c->nqueries < QUERIES_MAX &&
	    c->out_len < OUT_STOP);
}

/* Octets of the message with its length; 0: that is not there yet. */
static size_t
tcp_in_claimed(const uint8_t *in, size_t len)
{
	return (len < 2 ? 0 : 2 + (size_t)(in[0] << 8 | in[1]));
}

/* The same, or 0: the message is not whole. */
static size_t
tcp_in_whole(const uint8_t *in, size_t len)
{
	size_t n = tcp_in_claimed(in, len);

	return (n <= len ? n : 0);
}

bool
tcp_in_has_message(const struct tcp_conn *c)
{
	return (tcp_in_may_ask(c) && tcp_in_whole(c->in, c->in_len) > 0);
}

static bool
tcp_in_may_read(const struct tcp_conn *c)
{
	return (c->unread && !c->eof && tcp_in_may_ask(c) &&
	    tcp_in_whole(c->in, c->in_len) == 0);
}

/*
 * Take a message.  What is too short for a header is none of DNS, so who sends
 * it cannot be followed any further; and what is no query is no activity, or
 * it would keep the connection for ever without an answer.
 */
static void
tcp_in_take(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	struct asker from = { .conn = c, .tcp = true };

	if (len < DNS_HEADER_SIZE) {
		c->broken = true;
		return;
	}
	if (!(msg[2] << 8 & DNS_QR) && c->out_len == 0)
		tcp_conn_touch(c);
	if (len > SHORT_MAX)
		loop_was_long(&tcp_in_share);
	tcp_in_receive(msg, len, &c->addr, &from);
}

/*
 * May its next message be taken now?  If not, it is delayed, and with it what is
 * behind it: nothing more is read.
 */
static bool
tcp_in_has_token(struct tcp_conn *c)
{
	if (settings.config.client_rate == 0 || c->token ||
	    rate_take(&c->addr)) {
		c->token = false;
		return (true);
	}
	rate_exceeded(&c->addr);
	tcp_conn_delay(c);
	return (false);
}

/* A few of the whole messages; returns how many octets they have. */
static size_t
tcp_in_take_slice(struct tcp_conn *c, const uint8_t *in, size_t len)
{
	size_t n, at = 0;
	unsigned int i;

	c->busy = true;
	for (i = 0; i < SLICE_MESSAGES && at < SLICE_OCTETS &&
	    tcp_in_may_ask(c); i++) {
		if ((n = tcp_in_whole(in + at, len - at)) == 0 ||
		    !tcp_in_has_token(c))
			break;
		tcp_in_take(c, in + at + 2, n - 2);
		at += n;
	}
	c->busy = false;
	return (at);
}

/* Let c->in have so many octets.  False: no memory. */
static bool
tcp_in_resize(struct tcp_conn *c, size_t size)
{
	uint8_t *in;

	if (!tcp_conn_take_octets(c, size - c->in_size)) {
		tcp_conn_overload();
		return (false);
	}
	if ((in = realloc(c->in, size)) == NULL) {
		tcp_conn_overload();
		tcp_conn_give_octets(c, size - c->in_size);
		return (false);
	}
	c->in = in;
	c->in_size = size;
	return (true);
}

/*
 * Keep what is left, in c->in or behind it in memory.  A claimed length is
 * believed only as far as octets have come.
 */
static void
tcp_in_keep(struct tcp_conn *c, const uint8_t *left, size_t len)
{
	size_t size = IN_FIRST;

	c->in_len = 0;
	if (len == 0 && c->in_size > 0) {
		free(c->in);
		tcp_conn_give_octets(c, c->in_size);
		c->in = NULL;
		c->in_size = 0;
	}
	if (len == 0 || c->broken)
		return;
	while (size <= len)
		size *= 2;
	if (c->in_size == 0 && !tcp_in_resize(c, size)) {
		c->broken = true;
		return;
	}
	memmove(c->in, left, len);
	c->in_len = len;
}

/*
 * One read into buf, which is not full.  Returns how many octets have come.  A
 * short one does not tell that nothing is left: the end, a reset or an urgent
 * mark may be behind it, of which no other edge tells.
 */
static size_t
tcp_in_read(struct tcp_conn *c, uint8_t *buf, size_t room)
{
	ssize_t n;

	n = recv(c->fd, buf, room < READ_SIZE ? room : READ_SIZE, 0);
	c->unread = n > 0;
	if (n == 0)
		c->eof = true;
	else if (n == -1 && errno != EAGAIN)
		c->broken = true;
	return (n > 0 ? (size_t)n : 0);
}

/* Read, if no whole message is there; and take a slice. */
static void
tcp_in_serve_one(struct tcp_conn *c)
{
	uint8_t *in = c->in;
	size_t size, at, len = c->in_len;

	if (tcp_in_may_read(c) && in == NULL) {
		in = tcp_in_buffer;
		len = tcp_in_read(c, in, READ_SIZE);
	} else if (tcp_in_may_read(c)) {
		size = c->in_size * 2 < IN_MAX ? c->in_size * 2 : IN_MAX;
		if (len == c->in_size && !tcp_in_resize(c, size)) {
			c->broken = true;
			return;
		}
		in = c->in;
		len += tcp_in_read(c, in + len, c->in_size - len);
	}
	at = tcp_in_take_slice(c, in, len);
	/* A long message is long while it comes, too. */
	if (tcp_in_claimed(in + at, len - at) > 2 + SHORT_MAX)
		loop_was_long(&tcp_in_share);
	tcp_in_keep(c, in + at, len - at);
}

void
tcp_in_go_on(struct tcp_conn *c)
{
	if (c->broken || (c->eof && !tcp_in_has_message(c) &&
	    c->nqueries == 0 && c->out_len == 0)) {
		tcp_conn_close(c);
		return;
	}
	if (!c->delayed && (tcp_in_has_message(c) || tcp_in_may_read(c)))
		tcp_conn_wait(c);
	tcp_conn_settle(c);
}

void
tcp_in_serve(void)
{
	struct tcp_conn *c;

	while (loop_has_time(&tcp_in_share) && (c = tcp_conn_next()) != NULL) {
		tcp_in_serve_one(c);
		tcp_in_go_on(c);
	}
}

void
tcp_in_readable(int fd, short what, void *arg)
{
	struct tcp_conn *c = arg;

	(void)fd;
	(void)what;
	loop_clock();
	c->unread = true;
	if (!tcp_in_may_read(c))
		return;
	tcp_conn_wait(c);
	tcp_in_serve();
}

static void
tcp_in_on_next_turn(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	tcp_in_serve();
}

void
tcp_in_init(asker_receive *receive)
{
	tcp_in_receive = receive;
	tcp_in_next_turn = evtimer_new(loop.base, tcp_in_on_next_turn, NULL);
	if (tcp_in_next_turn == NULL)
		fatalx("event_new");
}

void
tcp_in_tick(void)
{
	struct tcp_conn *c;

	while ((c = tcp_conn_delayed()) != NULL && !loop_tick_over()) {
		if (rate_take_waiting(&c->addr, c->since))
			tcp_conn_resume(c);
		else
			tcp_conn_delay(c);
	}
}

void
tcp_in_renew(void)
{
	if (tcp_conn_waits())
		event_active(tcp_in_next_turn, EV_TIMEOUT, 0);
}
