/*
 * Questions over UDP.
 *
 * Each attempt has a connected socket for itself, with a port that the kernel
 * chooses at random at each connect (all of ip_local_port_range), and a random
 * id.  A socket whose attempt has ended is disconnected, which gives its port back
 * and ends what may still arrive for it, and used again: its event stays in
 * place, so a query costs five system calls: connect, send and recv, and connect
 * and recv to disconnect it and to see that nothing is left in it.
 *
 * An ICMP error reaches a socket by its port, which may be guessed: then it is
 * forged.  But it quotes what it is about, and most hosts quote enough for the
 * id.  Who has both right could as well have forged the answer, and is believed:
 * the attempt has failed.  If not, others are asked, but an answer still counts.
 *
 * The loop only says which sockets have something: once, so each is read until
 * it is empty, or waits in a list for its turn.  At the end of a turn what has
 * come is read from some sockets, then taken, for only so long (D21), and what is
 * asked is sent: the kernel's code and ours, each of which fills the processor's
 * caches, do not take turns at every message.
 */
#include "back_udp.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "../dns/build.h"
#include "counters.h"
#include "ids.h"
#include "log.h"
#include "loop.h"
#include "settings.h"
#include "upstream.h"

#define DATAGRAMS_MAX	32	/* of one socket, before others have theirs */
#define IDLE_MAX	1024	/* sockets that are kept for later */
#define ARRIVALS_MAX	32	/* datagrams that are read before one is taken */

struct usock {
	struct attempt	attempt;		/* first: an attempt is converted back */
	LIST_ENTRY(usock) idle;
	TAILQ_ENTRY(usock) unsent;
	TAILQ_ENTRY(usock) by_turn;		/* if ready */
	bool		ready;		/* to be read */
	struct event	*event;
	int		fd;
	sa_family_t	family;
	uint8_t		*msg;		/* to be sent, the exchange's; or NULL */
	size_t		len;
	struct arrival	*arrival;	/* read, but not taken; or NULL */
};
LIST_HEAD(usocks, usock);

/* A datagram that was read. */
struct arrival {
	struct usock	*usock;		/* NULL: the attempt has ended meanwhile */
	size_t		len;
	uint8_t		msg[DNS_MESSAGE_MAX];
};

static struct usocks idle4, idle6;
static unsigned int nsocks, nidle;
static TAILQ_HEAD(, usock) unsent = TAILQ_HEAD_INITIALIZER(unsent);
static TAILQ_HEAD(, usock) ready = TAILQ_HEAD_INITIALIZER(ready);
static struct event *next_turn;
static struct loop_share take_share;		/* for what has come */
/* Pages of it that no long message has touched cost nothing. */
static struct arrival arrivals[ARRIVALS_MAX];
static unsigned int narrivals;

static struct usocks *
usock_idle_list(sa_family_t family)
{
	return (family == AF_INET ? &idle4 : &idle6);
}

static bool
usock_disconnect(struct usock *u)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return (connect(u->fd, &nobody, sizeof(nobody)) == 0);
}

static void
usock_make_ready(struct usock *u)
{
	if (u->ready)
		return;
	TAILQ_INSERT_TAIL(&ready, u, by_turn);
	u->ready = true;
}

static void
usock_make_unready(struct usock *u)
{
	if (!u->ready)
		return;
	TAILQ_REMOVE(&ready, u, by_turn);
	u->ready = false;
}

static void
usock_free(struct usock *u)
{
	event_free(u->event);
	close(u->fd);
	free(u);
	nsocks--;
}

/* The message that an error is about, as far as that quotes it. */
static ssize_t
usock_quote(const struct usock *u, uint8_t *msg, size_t size)
{
	return (recv(u->fd, msg, size, MSG_ERRQUEUE));
}

/* There was an error where a datagram was to be read: is it about the attempt? */
static void
usock_take_error(struct usock *u, int error, struct arrival *a)
{
	ssize_t n = usock_quote(u, a->msg, sizeof(a->msg));

	if (n >= 2 && (a->msg[0] << 8 | a->msg[1]) == u->attempt.id) {
		/* What does not get there now is no sign of silence. */
		if (attempt_may_pass(error)) {
			attempt_failed(&u->attempt, WAY_UNSENT);
			return;
		}
		upstream_silent(u->attempt.upstream);
		attempt_failed(&u->attempt, WAY_NONE);
	} else if (error != EAGAIN && error != EINTR) {
		counters.junk++;
		/* Behind it there may be the answer. */
		usock_make_ready(u);
		attempt_doubted(&u->attempt);
	}
}

/* Read the next datagram.  False: there is none, or the attempt has failed. */
static bool
usock_receive(struct usock *u, struct arrival *a)
{
	ssize_t n = recv(u->fd, a->msg, sizeof(a->msg), 0);

	if (n == -1) {
		usock_take_error(u, errno, a);
		return (false);
	}
	a->len = (size_t)n;
	return (true);
}

/* Until one is the answer: what is not may be forged, with others behind it. */
static void
usock_take_arrival(struct usock *u, struct arrival *a)
{
	unsigned int i;

	for (i = 1; !attempt_arrived(&u->attempt, a->msg, a->len); i++) {
		if (i == DATAGRAMS_MAX) {
			usock_make_ready(u);
			return;
		}
		if (!usock_receive(u, a))
			return;
	}
}

/* A datagram of each of some sockets whose turn it is. */
static void
back_udp_read(void)
{
	struct arrival *a;
	struct usock *u;

	while (narrivals < ARRIVALS_MAX && (u = TAILQ_FIRST(&ready)) != NULL) {
		usock_make_unready(u);
		a = &arrivals[narrivals];
		if (!usock_receive(u, a))
			continue;
		a->usock = u;
		u->arrival = a;
		narrivals++;
	}
}

void
back_udp_take(void)
{
	struct usock *u;
	unsigned int i;

	/* Not from within: who is told of one may call this. */
	if (narrivals > 0)
		return;
	while (!TAILQ_EMPTY(&ready) && loop_has_time(&take_share)) {
		loop_clock();
		back_udp_read();
		for (i = 0; i < narrivals; i++) {
			if ((u = arrivals[i].usock) == NULL)
				continue;
			u->arrival = NULL;
			usock_take_arrival(u, &arrivals[i]);
		}
		narrivals = 0;
	}
}

static void
back_udp_readable(evutil_socket_t fd, short what, void *arg)
{
	struct usock *u = arg;

	(void)fd;
	(void)what;
	if (u->attempt.exchange != NULL) {
		usock_make_ready(u);
		return;
	}
	/* Idle, and empty before: it came while the port was given back. */
	counters.junk++;
	LIST_REMOVE(u, idle);
	nidle--;
	usock_free(u);
}

/* The end of the turn was not the end of what has come. */
static void
back_udp_on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
}

void
back_udp_init(void)
{
	LIST_INIT(&idle4);
	LIST_INIT(&idle6);
	next_turn = evtimer_new(loop.base, back_udp_on_next_turn, NULL);
	if (next_turn == NULL)
		fatalx("event_new");
}

/* A socket whose errors say what they are about; or -1. */
static int
usock_open(sa_family_t family)
{
	const int one = 1;
	int fd, level, option;

	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	option = family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
	if (setsockopt(fd, level, option, &one, sizeof(one)) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static struct usock *
usock_new(sa_family_t family)
{
	struct usock *u;

	/* The other descriptors are for clients. */
	if (nsocks >= BACK_UDP_PER_REQUEST * settings.config.max_connections ||
	    (u = calloc(1, sizeof(*u))) == NULL)
		return (NULL);
	u->family = family;
	if ((u->fd = usock_open(family)) == -1) {
		free(u);
		return (NULL);
	}
	u->event = event_new(loop.base, u->fd, EV_READ | EV_PERSIST | EV_ET,
	    back_udp_readable, u);
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
 * Keep the socket for another attempt, unless there are enough, or something is in
 * it: what came for this attempt's port, a forgery perhaps, or an error, would meet
 * the next one's question.  Nothing but a look after the disconnect tells: it may
 * have come between the answer and that.
 */
static void
usock_give_back(struct usock *u)
{
	uint8_t octet;

	if (usock_disconnect(u) && nidle < IDLE_MAX &&
	    recv(u->fd, &octet, sizeof(octet), 0) == -1 && errno == EAGAIN) {
		LIST_INSERT_HEAD(usock_idle_list(u->family), u, idle);
		nidle++;
		return;
	}
	usock_free(u);
}

static struct usock *
usock_take(sa_family_t family)
{
	struct usocks *idle = usock_idle_list(family);
	struct usock *u = LIST_FIRST(idle);

	if (u == NULL)
		return (usock_new(family));
	LIST_REMOVE(u, idle);
	nidle--;
	return (u);
}

struct attempt *
back_udp_send(size_t upstream, uint8_t *msg, size_t len)
{
	const struct sockaddr_storage *ss;
	struct usock *u;
	socklen_t sslen;

	ss = upstream_sockaddr(upstream, &sslen);
	if ((u = usock_take(ss->ss_family)) == NULL)
		return (NULL);
	u->attempt.id = ids_next();
	u->msg = msg;
	u->len = len;
	TAILQ_INSERT_TAIL(&unsent, u, unsent);
	return (&u->attempt);
}

static void
usock_unsent_remove(struct usock *u)
{
	TAILQ_REMOVE(&unsent, u, unsent);
	u->msg = NULL;
}

static void
usock_send(struct usock *u)
{
	const struct sockaddr_storage *ss;
	socklen_t sslen;

	ss = upstream_sockaddr(u->attempt.upstream, &sslen);
	/* Another attempt of the exchange may have its id there. */
	dns_set_id(u->msg, u->attempt.id);
	if (connect(u->fd, (const struct sockaddr *)ss, sslen) == -1 ||
	    send(u->fd, u->msg, u->len, 0) == -1)
		attempt_failed(&u->attempt, WAY_UNSENT);
	else
		usock_unsent_remove(u);
}

void
back_udp_flush(void)
{
	struct usock *u;

	back_udp_take();
	/* What fails is asked again, but only so often (tries.c). */
	while ((u = TAILQ_FIRST(&unsent)) != NULL)
		usock_send(u);
	if (!TAILQ_EMPTY(&ready))
		event_active(next_turn, EV_TIMEOUT, 0);
}

void
back_udp_end(struct attempt *t)
{
	struct usock *u = (struct usock *)t;

	t->exchange = NULL;
	if (u->msg != NULL)
		usock_unsent_remove(u);
	usock_make_unready(u);
	if (u->arrival != NULL) {
		u->arrival->usock = NULL;
		u->arrival = NULL;
	}
	usock_give_back(u);
}
