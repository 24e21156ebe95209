/*
 * Questions over UDP.
 *
 * Each try has a connected socket for itself, with a port that the kernel
 * chooses at random at each connect (all of ip_local_port_range), and a random
 * id.  A socket whose try has ended is disconnected, which gives its port back
 * and ends what may still arrive for it, and used again: its event stays in
 * place, so a query costs no system call but connect, send and recv.
 */
#include "upstream.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dns/build.h"
#include "ids.h"
#include "log.h"
#include "worker.h"

#define DATAGRAMS_MAX	32	/* that are read of one socket in a turn */
#define IDLE_MAX	1024	/* sockets that are kept for later */

struct usock {
	struct try	try;		/* first: a try is converted back */
	SLIST_ENTRY(usock) idle;
	struct event	*event;
	int		fd;
	sa_family_t	family;
};
SLIST_HEAD(usocks, usock);

static struct usocks idle4, idle6;
static unsigned int nsocks, nidle;

static struct usocks *
idle_list(sa_family_t family)
{
	return (family == AF_INET ? &idle4 : &idle6);
}

void
upudp_init(void)
{
	SLIST_INIT(&idle4);
	SLIST_INIT(&idle6);
}

static void
disconnect(struct usock *u)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	if (connect(u->fd, &nobody, sizeof(nobody)) == -1)
		fatal("cannot disconnect a UDP socket");
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t msg[DNS_MESSAGE_MAX];
	struct usock *u = arg;
	unsigned int i;
	ssize_t n;

	(void)what;
	worker_clock();
	for (i = 0; i < DATAGRAMS_MAX; i++) {
		n = recv(fd, msg, sizeof(msg), 0);
		if (u->try.exchange == NULL) {
			/* Idle: the rest of what came before the end. */
			if (n == -1)
				return;
			counters.junk++;
			continue;
		}
		if (n == -1) {
			if (errno != EAGAIN && errno != EINTR)
				exchange_try_failed(&u->try, WAY_NONE);
			return;
		}
		if (exchange_answer(&u->try, msg, (size_t)n))
			return;
	}
}

static struct usock *
usock_new(sa_family_t family)
{
	struct usock *u;

	/* The other descriptors are for clients. */
	if (nsocks >= UPUDP_PER_REQUEST * worker.config.max_connections ||
	    (u = calloc(1, sizeof(*u))) == NULL)
		return (NULL);
	u->family = family;
	u->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd == -1) {
		free(u);
		return (NULL);
	}
	u->event = event_new(worker.base, u->fd, EV_READ | EV_PERSIST,
	    on_readable, u);
	if (u->event == NULL || event_add(u->event, NULL) == -1) {
		/* The kernel has a limit, too (max_user_watches). */
		if (u->event != NULL)
			event_free(u->event);
		close(u->fd);
		free(u);
		return (NULL);
	}
	nsocks++;
	return (u);
}

/*
 * Keep the socket for another try, unless there are enough, or something is in
 * it: what came for this try's port, a forgery perhaps, or an error, would meet
 * the next one's question.
 */
static void
usock_give_back(struct usock *u)
{
	uint8_t octet;

	disconnect(u);
	if (nidle < IDLE_MAX && recv(u->fd, &octet, sizeof(octet), 0) == -1 &&
	    errno == EAGAIN) {
		SLIST_INSERT_HEAD(idle_list(u->family), u, idle);
		nidle++;
		return;
	}
	event_free(u->event);
	close(u->fd);
	free(u);
	nsocks--;
}

static struct usock *
usock_take(sa_family_t family)
{
	struct usocks *idle = idle_list(family);
	struct usock *u = SLIST_FIRST(idle);

	if (u == NULL)
		return (usock_new(family));
	SLIST_REMOVE_HEAD(idle, idle);
	nidle--;
	return (u);
}

struct try *
upudp_send(size_t upstream, uint8_t *msg, size_t len)
{
	const struct sockaddr_storage *ss;
	struct usock *u;
	socklen_t sslen;

	ss = upstream_sockaddr(upstream, &sslen);
	if ((u = usock_take(ss->ss_family)) == NULL)
		return (NULL);
	u->try.id = ids_next();
	dns_set_id(msg, u->try.id);
	if (connect(u->fd, (const struct sockaddr *)ss, sslen) == -1 ||
	    send(u->fd, msg, len, 0) == -1) {
		usock_give_back(u);
		return (NULL);
	}
	return (&u->try);
}

void
upudp_end(struct try *t)
{
	t->exchange = NULL;
	usock_give_back((struct usock *)t);
}
