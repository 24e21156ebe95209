/* One TCP connection to an upstream. */
#include "back_conn.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dns/build.h"
#include "counters.h"
#include "ids.h"
#include "loop.h"
#include "settings.h"
#include "upstream.h"

#define IN_SIZE		(2 + DNS_MESSAGE_MAX)
#define OUT_MAX		(256U << 10)	/* octets that wait to be sent */
#define LONG		512	/* octets of a message that is hardly a question */
#define READ_SIZE	8192	/* octets in a turn: others have theirs (D21) */
#define READS_MAX	64	/* of what is broken */

LIST_HEAD(unsent_conns, back_conn);

static const struct back_conn_events *back_conn_events;
static struct unsent_conns back_conn_unsent =
    LIST_HEAD_INITIALIZER(back_conn_unsent);

void
back_conn_init(const struct back_conn_events *events)
{
	back_conn_events = events;
}

static struct tcp_attempts *
back_conn_bucket(struct back_conn *c, uint16_t id)
{
	return (&c->buckets[id % BACK_CONN_BUCKETS]);
}

static struct tcp_attempt *
back_conn_find(struct back_conn *c, uint16_t id)
{
	struct tcp_attempt *t;

	LIST_FOREACH(t, back_conn_bucket(c, id), same_id) {
		if (t->attempt.id == id)
			return (t);
	}
	return (NULL);
}

/* What took no question may be a fault here, that passes. */
static void
back_conn_note_error(struct back_conn *c, int error)
{
	if (c->way == WAY_NONE && attempt_may_pass(error))
		c->way = WAY_UNSENT;
}

/*
 * Send what waits.  Of a server that has closed the connection there may be
 * answers to read before it fails.  It fails, too, if nothing would say when
 * there is room for the rest.
 */
static void
back_conn_send(struct back_conn *c)
{
	ssize_t n;

	while (c->out_len > 0) {
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINPROGRESS) &&
		    event_add(c->writable, NULL) == 0)
			return;
		if (n == -1) {
			back_conn_note_error(c, errno);
			c->broken = true;
			event_active(c->readable, EV_READ, 0);
			return;
		}
		if (c->way == WAY_NONE)
			c->way = WAY_SENT;
		c->out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->out_len);
	}
}

static void
back_conn_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_clock();
	back_conn_send(arg);
}

void
back_conn_flush(void)
{
	struct back_conn *c;

	while ((c = LIST_FIRST(&back_conn_unsent)) != NULL) {
		LIST_REMOVE(c, unsent);
		c->to_send = false;
		back_conn_send(c);
	}
}

/* One answer; it belongs to the attempt with its id, or to none. */
static void
back_conn_answer(struct back_conn *c, const uint8_t *msg, size_t len)
{
	struct tcp_attempt *t = NULL;

	if (len >= 2)
		t = back_conn_find(c, (uint16_t)(msg[0] << 8 | msg[1]));
	if (t == NULL)
		counters.junk++;
	else if (attempt_arrived(&t->attempt, msg, len)) {
		c->way = WAY_ANSWERED;
		c->answered++;
		back_conn_events->answered(c);
	}
}

/*
 * The whole messages in c->in.  An answer may begin another attempt here, which only
 * adds to c->out.
 */
static void
back_conn_take_messages(struct back_conn *c)
{
	size_t at = 0, len;

	while (c->in_len - at >= 2) {
		len = (size_t)(c->in[at] << 8 | c->in[at + 1]);
		if (c->in_len - at - 2 < len)
			break;
		back_conn_answer(c, c->in + at + 2, len);
		at += 2 + len;
	}
	/* Octets alone are no sign of life: a message might never end. */
	if (at > 0)
		c->asked = c->ntries > 0 ? loop.now : 0;
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
}

static void
back_conn_readable(evutil_socket_t fd, short what, void *arg)
{
	struct back_conn *c = arg;
	unsigned int i;
	size_t room;
	ssize_t n;

	(void)what;
	loop_clock();
	for (i = 0; i < READS_MAX; i++) {
		room = IN_SIZE - c->in_len;
		if (room > READ_SIZE)
			room = READ_SIZE;
		n = recv(fd, c->in + c->in_len, room, 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR) &&
		    !c->broken)
			return;
		if (n <= 0) {
			/* Of a broken one the error was noted before. */
			if (n == -1 && !c->broken)
				back_conn_note_error(c, errno);
			back_conn_events->broken(c);
			return;
		}
		c->in_len += (size_t)n;
		back_conn_take_messages(c);
		if (!back_conn_events->read(c))
			return;
		/* If that was not all, or was the end, there is another event. */
		if (!c->broken)
			return;
	}
}

/* A connected socket, or one that is about to be; or -1. */
static int
back_conn_socket(size_t upstream)
{
	const struct sockaddr_storage *ss;
	const unsigned int dead = settings.config.timeout * 1000 / 2;
	const int one = 1;
	socklen_t len;
	int fd;

	ss = upstream_sockaddr(upstream, &len);
	fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return (-1);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A path that takes nothing ends in time to ask on another connection. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead,
	    sizeof(dead));
	if (connect(fd, (const struct sockaddr *)ss, len) == -1 &&
	    errno != EINPROGRESS) {
		close(fd);
		return (-1);
	}
	return (fd);
}

void
back_conn_shut(struct back_conn *c)
{
	if (c->to_send)
		LIST_REMOVE(c, unsent);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->fd != -1)
		close(c->fd);
	free(c->out);
	free(c->in);
	c->to_send = false;
	c->readable = c->writable = NULL;
	c->fd = -1;
	c->out = c->in = NULL;
	c->over = true;
}

void
back_conn_close(struct back_conn *c)
{
	if (!c->over)
		back_conn_shut(c);
	free(c);
}

struct back_conn *
back_conn_open(size_t upstream)
{
	struct back_conn *c;
	size_t b;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	for (b = 0; b < BACK_CONN_BUCKETS; b++)
		LIST_INIT(&c->buckets[b]);
	c->upstream = upstream;
	c->way = WAY_NONE;
	c->room = BACK_CONN_NO_LIMIT;
	c->opened = c->used = loop.now;
	c->in = malloc(IN_SIZE);
	c->fd = back_conn_socket(upstream);
	if (c->in != NULL && c->fd != -1) {
		c->readable = event_new(loop.base, c->fd,
		    EV_READ | EV_PERSIST, back_conn_readable, c);
		c->writable = event_new(loop.base, c->fd, EV_WRITE,
		    back_conn_writable, c);
	}
	/* The kernel has a limit, too (max_user_watches). */
	if (c->readable == NULL || c->writable == NULL ||
	    event_add(c->readable, NULL) == -1 ||
	    event_add(c->writable, NULL) == -1) {
		back_conn_close(c);
		return (NULL);
	}
	return (c);
}

/*
 * Append a message with its length; false: too much waits already.  Long ones,
 * which a client may have made up, leave half of the room to all others.
 */
static bool
back_conn_append(struct back_conn *c, const uint8_t *msg, size_t len)
{
	size_t need = c->out_len + 2 + len, size;
	uint8_t *more;

	if (need > (len > LONG ? OUT_MAX / 2 : OUT_MAX))
		return (false);
	if (need > c->out_size) {
		for (size = 4096; size < need; size *= 2)
			;
		if ((more = realloc(c->out, size)) == NULL)
			return (false);
		c->out = more;
		c->out_size = size;
	}
	c->out[c->out_len] = (uint8_t)(len >> 8);
	c->out[c->out_len + 1] = (uint8_t)len;
	memcpy(c->out + c->out_len + 2, msg, len);
	c->out_len = need;
	return (true);
}

bool
back_conn_take(struct back_conn *c, struct tcp_attempt *t)
{
	const bool first = c->out_len == 0;

	if (c->ntries >= BACK_CONN_TRIES || c->room == 0)
		return (false);
	/* An id that none on this connection has. */
	do
		t->attempt.id = ids_next();
	while (back_conn_find(c, t->attempt.id) != NULL);
	dns_set_id(t->msg, t->attempt.id);
	if (!back_conn_append(c, t->msg, t->len))
		return (false);
	/* What comes together goes together.  Behind a rest it is sent with that. */
	if (first && !c->to_send) {
		LIST_INSERT_HEAD(&back_conn_unsent, c, unsent);
		c->to_send = true;
	}
	t->conn = c;
	LIST_INSERT_HEAD(back_conn_bucket(c, t->attempt.id), t, same_id);
	c->ntries++;
	if (c->room != BACK_CONN_NO_LIMIT)
		c->room--;
	if (c->asked == 0)
		c->asked = loop.now;
	return (true);
}

void
back_conn_release(struct tcp_attempt *t)
{
	LIST_REMOVE(t, same_id);
	t->conn->ntries--;
	t->conn->used = loop.now;
}
