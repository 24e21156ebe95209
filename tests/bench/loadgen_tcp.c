/*
 * The load over TCP: each connection has some queries in flight, is closed
 * after a number of them, and replaced by one of the next client.
 */
#include "loadgen.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS		64
#define BUFFER		8192U
#define DEPTH_MAX	64U	/* so that all queries fit into BUFFER */
#define FAILED_MAX	1000U	/* connections: then the load ends */
#define FRAME		(2 + DNS_QUERY_LEN)

struct connection {
	int		fd;		/* -1: none */
	uint32_t	asked;
	uint32_t	outstanding;
	uint32_t	have;		/* bytes in buf */
	uint32_t	client;
	uint64_t	opened;
	bool		used[DEPTH_MAX];	/* the index is the ID */
	struct ask	ask[DEPTH_MAX];
	uint64_t	sent[DEPTH_MAX];
	uint8_t		buf[BUFFER];
};

static int epoll_fd;
static uint32_t in_use;			/* connections with a descriptor */

static void
close_connection(struct load *l, struct connection *c, bool failed)
{
	if (failed)
		l->failed++;
	l->lost += c->outstanding;
	close(c->fd);
	c->fd = -1;
	in_use--;
}

static bool
connect_as(const struct load *l, int fd, uint32_t client)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int on = 1;

	from.sin_addr.s_addr = htonl(client);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)) == -1)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1)
		err(1, "bind");
	return (connect(fd, (const struct sockaddr *)&l->server,
	    sizeof(l->server)) == 0 || errno == EINPROGRESS);
}

/* The connection is opened by, and for, the plan's next client. */
static void
open_connection(struct load *l, struct connection *c)
{
	struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };
	struct plan peek = l->plan;

	memset(c, 0, offsetof(struct connection, ask));
	c->client = plan_next(&peek).client;
	c->opened = load_now();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		err(1, "socket");
	in_use++;
	if (!connect_as(l, c->fd, c->client))
		close_connection(l, c, true);
	else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* Send what the depth allows, in one write. */
static bool
ask_more(struct load *l, struct connection *c, uint64_t now)
{
	uint8_t frames[DEPTH_MAX * FRAME];
	uint32_t id, n = 0;

	for (id = 0; id < l->depth && c->asked < l->per_connection &&
	    load_goes_on(l, now); id++) {
		if (c->used[id])
			continue;
		c->used[id] = true;
		c->ask[id] = plan_next(&l->plan);
		/* A new connection's first query has waited for it. */
		c->sent[id] = c->asked < l->depth ? c->opened : now;
		frames[n * FRAME] = 0;
		frames[n * FRAME + 1] = DNS_QUERY_LEN;
		query_build(frames + n * FRAME + 2, (uint16_t)id,
		    c->ask[id].number);
		c->asked++;
		c->outstanding++;
		l->sent++;
		n++;
	}
	/* It fits into the socket's buffer, as the answers were read. */
	return (n == 0 || write(c->fd, frames, n * FRAME) ==
	    (ssize_t)(n * FRAME));
}

static void
take(struct load *l, struct connection *c, const uint8_t *msg, uint32_t len,
    uint64_t now)
{
	uint16_t id = len < DNS_HEADER ? DEPTH_MAX : query_id(msg);

	if (id >= DEPTH_MAX || !c->used[id]) {
		l->strays++;
		return;
	}
	load_answer(l, &c->ask[id], c->sent[id], now, msg, len);
	c->used[id] = false;
	c->outstanding--;
}

/* Take the whole messages of the buffer. */
static void
take_all(struct load *l, struct connection *c, uint64_t now)
{
	uint32_t pos = 0, len;

	while (c->have - pos >= 2) {
		len = (uint32_t)c->buf[pos] << 8 | c->buf[pos + 1];
		if (c->have - pos - 2 < len)
			break;
		take(l, c, c->buf + pos + 2, len, now);
		pos += 2 + len;
	}
	c->have -= pos;
	memmove(c->buf, c->buf + pos, c->have);
}

static void
on_readable(struct load *l, struct connection *c)
{
	uint64_t now;
	ssize_t n;

	n = read(c->fd, c->buf + c->have, BUFFER - c->have);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_connection(l, c, c->outstanding > 0);
		return;
	}
	c->have += (uint32_t)n;
	now = load_now();
	take_all(l, c, now);
	if (!ask_more(l, c, now))
		close_connection(l, c, true);
	else if (c->outstanding == 0)
		close_connection(l, c, false);
}

static void
on_connected(struct load *l, struct connection *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0 || !ask_more(l, c, load_now())) {
		close_connection(l, c, true);
		return;
	}
	if (c->outstanding == 0)
		close_connection(l, c, false);
	else if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* Give up connections on which nothing came for too long. */
static void
expire(struct load *l, struct connection *all, uint32_t n, uint64_t now)
{
	uint64_t last = l->end > l->start ? l->end : l->start;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (all[i].fd != -1 && now - all[i].opened > LOST_AFTER &&
		    now - last > LOST_AFTER)
			close_connection(l, &all[i], true);
}

void
load_tcp(struct load *l)
{
	uint32_t i, n = l->window / l->depth;
	struct epoll_event events[EVENTS];
	struct connection *all;
	uint64_t now = l->start;
	int k, ready;

	if (n == 0 || l->depth > DEPTH_MAX)
		errx(2, "--depth: at most %u and the window", DEPTH_MAX);
	if ((all = calloc(n, sizeof(*all))) == NULL ||
	    (epoll_fd = epoll_create1(0)) == -1)
		err(1, "connections");
	for (i = 0; i < n; i++)
		all[i].fd = -1;
	while (in_use > 0 || (load_goes_on(l, now) && l->failed < FAILED_MAX)) {
		for (i = 0; i < n && load_goes_on(l, now) &&
		    l->failed < FAILED_MAX; i++)
			if (all[i].fd == -1)
				open_connection(l, &all[i]);
		ready = epoll_wait(epoll_fd, events, EVENTS, 100);
		for (k = 0; k < ready; k++) {
			if ((events[k].events & EPOLLOUT) != 0)
				on_connected(l, events[k].data.ptr);
			else
				on_readable(l, events[k].data.ptr);
		}
		now = load_now();
		expire(l, all, n, now);
	}
	free(all);
}
