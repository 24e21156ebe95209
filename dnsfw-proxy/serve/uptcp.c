/*
 * Questions over TCP: one connection to each upstream carries many, answered
 * in any order, told apart by random ids (RFC 7766).  It is made when there is
 * something to ask, and closed when it was idle for a while.
 *
 * Some questions make a server close the connection, each time, and all others
 * suffer.  What has seen too many connections break goes over UDP then, or, if
 * a client over TCP waits for it, is spread over a few more connections, until
 * it is answered or out of tries.
 */
#include "upstream.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dns/build.h"
#include "clock.h"
#include "ids.h"
#include "log.h"
#include "worker.h"

#define IN_SIZE		(2 + DNS_MESSAGE_MAX)
#define OUT_MAX		(4 << 20)	/* octets that wait to be sent */
#define LONG		512	/* octets of a message that is hardly a question */
#define TRIES_MAX	16384	/* under way: ids stay hard to guess */
#define BUCKETS		1024
#define IDLE_TIME	(10 * CLOCK_SECOND)
#define IDLE_SUSPECT	CLOCK_SECOND
#define READS_MAX	8	/* in a turn */

struct ttry {
	struct try	try;		/* first: a try is converted back */
	struct upconn	*conn;
	LIST_ENTRY(ttry) same_id;
};
LIST_HEAD(ttries, ttry);

struct upconn {
	int		fd;		/* -1: none */
	size_t		upstream;
	uint64_t	idle_time;
	struct event	*readable, *writable;
	struct ttries	buckets[BUCKETS];	/* by id */
	unsigned int	ntries;
	enum way	way;
	bool		broken;		/* fails when all that came is read */
	uint64_t	asked;		/* since when it owes any answer, or 0 */
	uint64_t	used;		/* when a try ended last */
	uint8_t		*out;
	size_t		out_len, out_size;
	uint8_t		*in;
	size_t		in_len;
};

/* The first of an upstream is for all, the others are for suspects. */
static struct upconn *conns[MSG_UPSTREAMS_MAX][UPTCP_PER_UPSTREAM];

static struct upconn *
upconn_new(size_t upstream, uint64_t idle_time)
{
	struct upconn *c;
	size_t b;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->in = malloc(IN_SIZE)) == NULL)
		fatalx("no memory");
	c->fd = -1;
	c->upstream = upstream;
	c->idle_time = idle_time;
	for (b = 0; b < BUCKETS; b++)
		LIST_INIT(&c->buckets[b]);
	return (c);
}

void
uptcp_init(void)
{
	size_t i, j;

	for (i = 0; i < upstream_count(); i++) {
		conns[i][0] = upconn_new(i, IDLE_TIME);
		for (j = 1; j < UPTCP_PER_UPSTREAM; j++)
			conns[i][j] = upconn_new(i, IDLE_SUSPECT);
	}
}

/* The connection for a question.  Suspects part company at random. */
static struct upconn *
conn_for(size_t upstream, bool suspect)
{
	return (conns[upstream][suspect ?
	    1 + ids_next() % (UPTCP_PER_UPSTREAM - 1) : 0]);
}

static struct ttries *
bucket_of(struct upconn *c, uint16_t id)
{
	return (&c->buckets[id % BUCKETS]);
}

static struct ttry *
find(struct upconn *c, uint16_t id)
{
	struct ttry *t;

	LIST_FOREACH(t, bucket_of(c, id), same_id) {
		if (t->try.id == id)
			return (t);
	}
	return (NULL);
}

static void
close_conn(struct upconn *c)
{
	event_free(c->readable);
	event_free(c->writable);
	close(c->fd);
	c->fd = -1;
	c->in_len = c->out_len = 0;
}

/* The connection is broken: so are all tries on it. */
static void
fail_conn(struct upconn *c)
{
	struct ttries broken = LIST_HEAD_INITIALIZER(broken);
	enum way way = c->way;
	struct ttry *t;
	size_t b;

	close_conn(c);
	/* Once, however many waited.  That of suspects breaks for their sake. */
	if (way != WAY_ANSWERED && c == conns[c->upstream][0])
		upstream_silent(c->upstream);
	for (b = 0; b < BUCKETS; b++) {
		while ((t = LIST_FIRST(&c->buckets[b])) != NULL) {
			LIST_REMOVE(t, same_id);
			LIST_INSERT_HEAD(&broken, t, same_id);
		}
	}
	/* Each may begin another try, perhaps on a new connection of c. */
	while ((t = LIST_FIRST(&broken)) != NULL)
		exchange_try_failed(&t->try, way);
}

/*
 * Send what waits.  Of a server that has closed the connection there may be
 * answers to read before it fails.
 */
static void
flush(struct upconn *c)
{
	ssize_t n;

	while (c->out_len > 0) {
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINPROGRESS)) {
			event_add(c->writable, NULL);
			return;
		}
		if (n == -1) {
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
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	worker_clock();
	flush(arg);
}

/* One answer; it belongs to the try with its id, or to none. */
static void
answer(struct upconn *c, const uint8_t *msg, size_t len)
{
	struct ttry *t = NULL;

	if (len >= 2)
		t = find(c, (uint16_t)(msg[0] << 8 | msg[1]));
	if (t == NULL)
		counters.junk++;
	else if (exchange_answer(&t->try, msg, len))
		c->way = WAY_ANSWERED;
}

/*
 * The whole messages in c->in.  An answer begins no try with this upstream, so
 * c->in stays as it is meanwhile.
 */
static void
take_messages(struct upconn *c)
{
	size_t at = 0, len;

	while (c->in_len - at >= 2) {
		len = (size_t)(c->in[at] << 8 | c->in[at + 1]);
		if (c->in_len - at - 2 < len)
			break;
		answer(c, c->in + at + 2, len);
		at += 2 + len;
	}
	/* Octets alone are no sign of life: a message might never end. */
	if (at > 0)
		c->asked = c->ntries > 0 ? worker.now : 0;
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct upconn *c = arg;
	unsigned int i;
	ssize_t n;

	(void)what;
	worker_clock();
	for (i = 0; i < READS_MAX; i++) {
		n = recv(fd, c->in + c->in_len, IN_SIZE - c->in_len, 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR) &&
		    !c->broken)
			return;
		if (n <= 0) {
			fail_conn(c);
			return;
		}
		c->in_len += (size_t)n;
		take_messages(c);
	}
}

static bool
open_conn(struct upconn *c)
{
	const struct sockaddr_storage *ss;
	const unsigned int dead = worker.config.timeout * 1000 / 2;
	const int one = 1;
	socklen_t len;

	ss = upstream_sockaddr(c->upstream, &len);
	c->fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return (false);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A path that takes nothing ends in time to ask on another connection. */
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead,
	    sizeof(dead));
	if (connect(c->fd, (const struct sockaddr *)ss, len) == -1 &&
	    errno != EINPROGRESS) {
		close(c->fd);
		c->fd = -1;
		return (false);
	}
	c->asked = 0;
	c->way = WAY_NONE;
	c->broken = false;
	c->readable = event_new(worker.base, c->fd, EV_READ | EV_PERSIST,
	    on_readable, c);
	c->writable = event_new(worker.base, c->fd, EV_WRITE, on_writable, c);
	if (c->readable == NULL || c->writable == NULL)
		fatalx("event_new");
	if (event_add(c->readable, NULL) == -1 ||
	    event_add(c->writable, NULL) == -1) {
		/* The kernel has a limit, too (max_user_watches). */
		close_conn(c);
		return (false);
	}
	return (true);
}

/*
 * Append a message with its length; false: too much waits already.  Long ones,
 * which a client may have made up, leave half of the room to all others.
 */
static bool
append(struct upconn *c, const uint8_t *msg, size_t len)
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

/* A try with an id that none on this connection has. */
static struct ttry *
ttry_new(struct upconn *c)
{
	struct ttry *t;

	if (c->ntries >= TRIES_MAX || (t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	do
		t->try.id = ids_next();
	while (find(c, t->try.id) != NULL);
	t->conn = c;
	LIST_INSERT_HEAD(bucket_of(c, t->try.id), t, same_id);
	c->ntries++;
	if (c->asked == 0)
		c->asked = worker.now;
	return (t);
}

struct try *
uptcp_send(size_t upstream, uint8_t *msg, size_t len, bool suspect)
{
	struct upconn *c = conn_for(upstream, suspect);
	bool waiting = c->out_len > 0;
	struct ttry *t;

	if (c->fd == -1 && !open_conn(c))
		return (NULL);
	if ((t = ttry_new(c)) == NULL)
		return (NULL);
	dns_set_id(msg, t->try.id);
	if (!append(c, msg, len)) {
		uptcp_end(&t->try);
		return (NULL);
	}
	/* Sent when the socket is writable: what comes together goes together. */
	if (!waiting)
		event_add(c->writable, NULL);
	worker_need_tick();
	return (&t->try);
}

void
uptcp_end(struct try *try)
{
	struct ttry *t = (struct ttry *)try;
	struct upconn *c = t->conn;

	LIST_REMOVE(t, same_id);
	free(t);
	c->ntries--;
	c->used = worker.now;
}

/* False: it is closed. */
static bool
tick_conn(struct upconn *c)
{
	if (c->fd == -1)
		return (false);
	/* It hangs, though all who asked may have given up meanwhile. */
	if (c->asked != 0 && worker.now - c->asked >= worker.timeout)
		fail_conn(c);
	else if (c->ntries == 0 && worker.now - c->used >= c->idle_time)
		close_conn(c);
	return (c->fd != -1);
}

bool
uptcp_tick(void)
{
	bool open = false;
	size_t i, j;

	for (i = 0; i < upstream_count(); i++) {
		for (j = 0; j < UPTCP_PER_UPSTREAM; j++)
			open |= tick_conn(conns[i][j]);
	}
	return (open);
}
