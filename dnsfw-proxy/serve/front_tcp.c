/*
 * Clients over TCP: they come, and leave.
 *
 * A connection reads only while its client takes its answers, so that what is
 * kept for it stays small.  It ends when nothing has happened for --timeout: no
 * whole query was taken, or, while octets of answers wait, none of them was; and no
 * answer is awaited either.
 */
#include "front_tcp.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "addrtext.h"
#include "counters.h"
#include "log.h"
#include "loop.h"
#include "msg.h"
#include "quota.h"
#include "settings.h"
#include "tcp_conn.h"
#include "tcp_in.h"
#include "tcp_out.h"

/* Of one socket in a turn; above the first ones there must be time for it. */
#define ACCEPTS_MIN	8
#define ACCEPTS_MAX	16

static struct event *front_tcp_accepting[MSG_BINDS_MAX];
static struct loop_share front_tcp_share;	/* to accept */
static bool front_tcp_paused;		/* no descriptor: accept no more */

void
front_tcp_attach(struct asker *q)
{
	struct tcp_conn *c = q->conn;

	LIST_INSERT_HEAD(&c->queries, q, of_conn);
	c->nqueries++;
	tcp_conn_settle(c);
}

void
front_tcp_detach(struct asker *q)
{
	struct tcp_conn *c = q->conn;

	LIST_REMOVE(q, of_conn);
	q->conn = NULL;
	c->nqueries--;
	/* It may ask one more. */
	tcp_out_see_later(c);
}

void
front_tcp_send(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	tcp_out_put(c, msg, len);
}

void
front_tcp_flush(void)
{
	struct tcp_conn *c;

	while ((c = tcp_out_next()) != NULL) {
		if (!c->blocked)
			tcp_out_flush(c);
		tcp_in_go_on(c);
	}
	tcp_in_renew();
}

static void
front_tcp_writable(int fd, short what, void *arg)
{
	struct tcp_conn *c = arg;

	(void)fd;
	(void)what;
	loop_clock();
	tcp_out_flush(c);
	tcp_in_go_on(c);
}

/* Until the next tick: meanwhile the loop would only find the same again. */
static void
front_tcp_pause(void)
{
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++)
		event_del(front_tcp_accepting[i]);
	front_tcp_paused = true;
	loop_need_tick();
}

/* A place for a connection of this client; NULL: it has its share. */
static struct quota *
front_tcp_place(const struct addr *addr)
{
	struct quota *quota = quota_enter(addr);

	/* Who is at its share is refused, and takes nobody's place (D22). */
	if (quota != NULL &&
	    tcp_conn_count() >= settings.config.max_connections &&
	    !tcp_conn_evict())
		tcp_conn_evict_busy();
	return (quota);
}

static void
front_tcp_take(int fd, const struct sockaddr *sa)
{
	struct quota *quota;
	struct addr addr;

	if (addr_from_sockaddr(sa, &addr, NULL) == -1 ||
	    !quota_is_here(&addr)) {
		close(fd);
		return;
	}
	if (!quota_serves(&addr)) {
		counters.outside++;
		close(fd);
		return;
	}
	quota = front_tcp_place(&addr);
	if (quota == NULL || tcp_conn_new(fd, &addr, quota, tcp_in_readable,
	    front_tcp_writable) == NULL) {
		tcp_conn_overload();
		if (quota != NULL)
			quota_leave(quota);
		close(fd);
	}
}

static void
front_tcp_on_connection(int fd, short what, void *arg)
{
	struct sockaddr_storage ss;
	unsigned int i;
	socklen_t len;
	int conn;

	(void)what;
	(void)arg;
	loop_clock();
	for (i = 0; i < ACCEPTS_MAX && (loop_has_time(&front_tcp_share) ||
	    i < ACCEPTS_MIN); i++) {
		len = sizeof(ss);
		conn = accept4(fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn == -1 && (errno == EMFILE || errno == ENFILE) &&
		    !tcp_conn_evict())
			front_tcp_pause();
		if (conn == -1)
			return;
		front_tcp_take(conn, (struct sockaddr *)&ss);
	}
}

void
front_tcp_init(asker_receive *receive)
{
	unsigned int i;

	tcp_conn_init();
	tcp_in_init(receive);
	for (i = 0; i < settings.config.nbinds; i++) {
		front_tcp_accepting[i] = event_new(loop.base,
		    MSG_FD_LISTEN + 2 * (int)i + 1, EV_READ | EV_PERSIST,
		    front_tcp_on_connection, NULL);
		if (front_tcp_accepting[i] == NULL)
			fatalx("event_new");
	}
}

/* False: no memory, for one of them at least. */
static bool
front_tcp_accept(void)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++)
		all &= event_add(front_tcp_accepting[i], NULL) == 0;
	return (all);
}

void
front_tcp_start(void)
{
	if (!front_tcp_accept())
		fatalx("event_add");
}

/*
 * An answer that is awaited has a deadline of its own; a half message or an answer
 * that is not taken has this one.  A whole message that waits here is not the
 * client's fault; but if it is delayed it is, and nobody may be there any more.
 */
static bool
front_tcp_may_stay(const struct tcp_conn *c)
{
	return ((tcp_in_has_message(c) && !c->delayed) ||
	    (c->nqueries > 0 && c->in_len == 0 && c->out_len == 0));
}

bool
front_tcp_tick(void)
{
	struct tcp_conn *c;

	if (front_tcp_paused)
		front_tcp_paused = !front_tcp_accept();
	while ((c = tcp_conn_due()) != NULL && c->deadline <= loop.now &&
	    !loop_tick_over()) {
		if (front_tcp_may_stay(c))
			tcp_conn_touch(c);
		else
			tcp_conn_close(c);
	}
	tcp_in_tick();
	return (front_tcp_paused || tcp_conn_due() != NULL);
}
