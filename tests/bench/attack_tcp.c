/*
 * Many connections.  Each has some messages under way, and another one for
 * every answer; one that dnsfw closes is made again after a while.
 *
 *	stairs, labels	worst_query()
 *	chain, crowd	questions for an upstream's worst_chain(), each its
 *			own; or CROWD times the same
 *	empty		frames without a message
 *	halves		a message of 64 KiB without its last octet
 *	hoard		questions for large answers, which are not read
 */
#include "attack.h"

#include <sys/epoll.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worst.h"

#define EVENTS		64
#define CROWD		32
#define FRAME_MAX	(2 + WORST_MAX)
#define AGAIN		(SECOND / 10)	/* before it is connected again */

struct conn {
	int		fd;		/* -1: none */
	uint64_t	again;		/* when it will be connected */
	size_t		sent;		/* of the frame */
	uint8_t		own[2 + DNS_QUERY_LEN];	/* the frame, if not common */
	uint8_t		head[2];	/* of the answer that comes */
	size_t		have;		/* of the head */
	size_t		left;		/* of the answer */
	uint32_t	under_way;
	uint32_t	asked;
	uint64_t	times[CROWD];	/* when they were sent; a ring */
};

static const struct kind {
	const char	*name;
	char		letter;		/* of the name; 0: common frame */
	uint32_t	window;		/* messages under way */
	bool		deaf;
} kinds[] = {
	{ "stairs", 0, 2, false },
	{ "labels", 0, 2, false },
	{ "chain", 'c', 1, false },
	{ "crowd", 'w', CROWD, false },
	{ "empty", 0, 1, false },
	{ "halves", 0, 1, false },
	{ "hoard", 'b', CROWD, true },
	{ NULL, 0, 0, false }
};

static const struct kind *kind;
static uint8_t common[FRAME_MAX];
static size_t common_len;	/* that is sent */
static uint32_t names;
static int epoll_fd;

static void
make_common(void)
{
	size_t len;

	if (strcmp(kind->name, "empty") == 0) {
		common_len = sizeof(common) / 2 * 2;
		return;
	}
	len = worst_query(common + 2, strcmp(kind->name, "labels") == 0 ?
	    WORST_LABELS : WORST_STAIRS);
	common[0] = (uint8_t)(len >> 8);
	common[1] = (uint8_t)len;
	common_len = 2 + len;
	if (strcmp(kind->name, "halves") == 0)
		common_len--;
}

/* The next message of the connection; the names of a crowd are the same. */
static void
make_own(struct conn *c)
{
	uint32_t name = names;

	if (kind->window == 1 || c->asked % kind->window == kind->window - 1)
		names++;
	c->own[0] = 0;
	c->own[1] = DNS_QUERY_LEN;
	attack_query(c->own + 2, kind->letter, (uint16_t)c->asked, name);
}

static void
watch(struct conn *c, bool more)
{
	struct epoll_event ev = { .data.ptr = c,
	    .events = EPOLLRDHUP | (more ? EPOLLOUT : 0) };

	if (!kind->deaf)
		ev.events |= EPOLLIN;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
open_conn(const struct attack *a, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = c };
	int small = 2048;

	memset(c, 0, sizeof(*c));
	c->fd = attack_socket(a, SOCK_STREAM);
	if (kind->deaf)		/* so that little is in the kernel */
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small,
		    sizeof(small));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
close_conn(struct attack *a, struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	c->again = attack_now() + AGAIN;
	a->closed++;
}

/* May the next message begin?  A crowd waits until all are answered. */
static bool
may_send(const struct conn *c)
{
	if (c->sent > 0)
		return (true);
	if (kind->window == CROWD && !kind->deaf)
		return (c->under_way == c->asked % CROWD);
	return (c->under_way < kind->window);
}

/* False: it is closed. */
static bool
send_some(struct attack *a, struct conn *c)
{
	size_t len = kind->letter != 0 ? sizeof(c->own) : common_len;
	const uint8_t *frame = kind->letter != 0 ? c->own : common;
	ssize_t n;

	while (may_send(c)) {
		if (c->sent == 0 && kind->letter != 0)
			make_own(c);
		n = send(c->fd, frame + c->sent, len - c->sent, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (true);
		if (n == -1)
			return (false);
		a->octets_out += (size_t)n;
		if ((c->sent += (size_t)n) < len)
			continue;
		c->sent = 0;
		a->sent++;
		c->times[c->asked++ % CROWD] = attack_now();
		if (strcmp(kind->name, "empty") == 0)
			return (true);
		c->under_way++;
	}
	watch(c, false);
	return (true);
}

static void
count_answer(struct attack *a, struct conn *c)
{
	uint64_t sent = c->times[(c->asked - c->under_way) % CROWD];

	a->answered++;
	histogram_add(&a->latency, attack_now() - sent);
	if (c->under_way > 0)
		c->under_way--;
	c->have = 0;
	watch(c, true);
}

static void
take(struct attack *a, struct conn *c, const uint8_t *p, size_t len)
{
	size_t n;

	while (len > 0) {
		if (c->have < 2) {
			c->head[c->have++] = *p++;
			len--;
			c->left = (size_t)c->head[0] << 8 | c->head[1];
			continue;
		}
		n = len < c->left ? len : c->left;
		a->octets_in += n;
		p += n;
		len -= n;
		c->left -= n;
		if (c->left == 0)
			count_answer(a, c);
	}
}

static bool
receive_some(struct attack *a, struct conn *c)
{
	static uint8_t buf[65536];
	ssize_t n;

	while ((n = recv(c->fd, buf, sizeof(buf), 0)) > 0)
		take(a, c, buf, (size_t)n);
	return (n == -1 && (errno == EAGAIN || errno == EINTR));
}

static void
serve(struct attack *a, const struct epoll_event *ev)
{
	struct conn *c = ev->data.ptr;

	if ((ev->events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0 ||
	    ((ev->events & EPOLLIN) != 0 && !receive_some(a, c)) ||
	    ((ev->events & EPOLLOUT) != 0 && !send_some(a, c)))
		close_conn(a, c);
}

static void
open_missing(const struct attack *a, struct conn *all)
{
	uint64_t now = attack_now();
	uint32_t i;

	for (i = 0; i < a->number; i++)
		if (all[i].fd == -1 && now >= all[i].again)
			open_conn(a, &all[i]);
}

static const struct kind *
kind_of(const char *name)
{
	const struct kind *k;

	for (k = kinds; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return (k);
	return (NULL);
}

bool
attack_tcp(struct attack *a)
{
	struct epoll_event events[EVENTS];
	struct conn *all;
	uint32_t i;
	int k, n;

	if ((kind = kind_of(a->kind)) == NULL)
		return (false);
	if (kind->letter == 0)
		make_common();
	names = (uint32_t)attack_now();
	if ((all = calloc(a->number, sizeof(*all))) == NULL ||
	    (epoll_fd = epoll_create1(0)) == -1)
		err(1, "connections");
	for (i = 0; i < a->number; i++)
		all[i].fd = -1;
	while (attack_goes_on(a)) {
		open_missing(a, all);
		n = epoll_wait(epoll_fd, events, EVENTS, 50);
		for (k = 0; k < n && attack_goes_on(a); k++)
			serve(a, &events[k]);
	}
	free(all);
	return (true);
}
