/*
 * Queries and answers over UDP: a batch of datagrams a system call, in both
 * directions.
 *
 * Those that have come are taken for only so long in a turn of the loop (D21).
 * What is left of a batch then waits for the next turn, and so do sockets, which
 * take turns: a batch of one, and then one of the next.
 */
#include "front_udp.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "../dns/message.h"
#include "addrtext.h"
#include "counters.h"
#include "log.h"
#include "loop.h"
#include "msg.h"
#include "quota.h"
#include "rate.h"
#include "settings.h"

#define BATCH		64	/* datagrams in one system call */
#define LOOK_EVERY	8	/* datagrams: then look at the clock */
#define SHORT_MAX	512	/* octets; also after a longer one */
#define CONTROL_SIZE	CMSG_SPACE(sizeof(struct in6_pktinfo))

struct udp_listener {
	STAILQ_ENTRY(udp_listener) link;	/* if ready */
	int		fd;
	unsigned int	number;
	bool		wildcard;	/* bound to 0.0.0.0 or :: */
	bool		ready;		/* to be read from, in its turn */
	struct event	*event;
};
STAILQ_HEAD(udp_listeners, udp_listener);

union udp_control {
	struct cmsghdr	hdr;		/* for the alignment */
	uint8_t		space[CONTROL_SIZE];
};

/* One datagram of a batch: what the kernel fills in, or reads. */
struct udp_datagram {
	struct iovec	iov;
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	} peer;
	union udp_control	control;
};

static struct udp_listener udp_listeners[MSG_BINDS_MAX];
static asker_receive *udp_receive;

/* Pages of the buffers that no long message has touched cost nothing. */
static uint8_t udp_in_bytes[BATCH][DNS_MESSAGE_MAX];
static struct udp_datagram udp_in[BATCH];
static struct mmsghdr udp_in_hdrs[BATCH];
static unsigned int udp_in_count, udp_in_at;	/* taken: those before at */
static const struct udp_listener *udp_in_from;
static struct udp_listeners udp_ready = STAILQ_HEAD_INITIALIZER(udp_ready);
static struct event *udp_next_turn;
static struct loop_share udp_share;

static uint8_t udp_out_bytes[BATCH][DNS_EDNS_SIZE];
static struct udp_datagram udp_out[BATCH];
static struct mmsghdr udp_out_hdrs[BATCH];
static unsigned int udp_out_count;
static int udp_out_fd = -1;

/* --- in --- */

/* Note which of our addresses was asked, if that is not the only one. */
static void
front_udp_read_local(struct msghdr *hdr, const struct udp_listener *l,
    struct asker *from)
{
	struct cmsghdr *c;

	from->local_family = 0;
	if (!l->wildcard)
		return;
	for (c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&from->local.in, CMSG_DATA(c),
			    sizeof(from->local.in));
			from->local_family = ADDR_V4;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&from->local.in6, CMSG_DATA(c),
			    sizeof(from->local.in6));
			from->local_family = ADDR_V6;
		}
	}
}

static void
front_udp_take(const struct udp_listener *l, unsigned int i)
{
	struct msghdr *hdr = &udp_in_hdrs[i].msg_hdr;
	struct asker from;
	struct addr addr;

	if (hdr->msg_flags & MSG_TRUNC ||
	    addr_from_sockaddr(&udp_in[i].peer.sa, &addr, NULL) == -1)
		return;
	if (!quota_serves(&addr)) {
		counters.outside++;
		return;
	}
	if (!quota_is_here(&addr))
		return;
	if (settings.config.client_rate > 0 && !rate_take(&addr)) {
		rate_exceeded(&addr);
		return;
	}
	from.conn = NULL;
	from.tcp = false;
	from.listener = l->number;
	from.peer_len = hdr->msg_namelen;
	memcpy(&from.peer, &udp_in[i].peer, sizeof(from.peer));
	front_udp_read_local(hdr, l, &from);
	udp_receive(udp_in_bytes[i], udp_in_hdrs[i].msg_len, &addr, &from);
}

/* The next batch, of the socket whose turn it is.  False: nothing has come. */
static bool
front_udp_read(void)
{
	struct udp_listener *l;
	unsigned int i;
	int n;

	udp_in_at = udp_in_count = 0;
	if ((l = STAILQ_FIRST(&udp_ready)) == NULL)
		return (false);
	STAILQ_REMOVE_HEAD(&udp_ready, link);
	for (i = 0; i < BATCH; i++) {
		udp_in_hdrs[i].msg_hdr.msg_namelen = sizeof(udp_in[i].peer);
		udp_in_hdrs[i].msg_hdr.msg_controllen = CONTROL_SIZE;
	}
	n = recvmmsg(l->fd, udp_in_hdrs, BATCH, 0, NULL);
	udp_in_from = l;
	udp_in_count = n > 0 ? (unsigned int)n : 0;
	/* A short batch tells that no more is there. */
	l->ready = n == BATCH;
	if (l->ready)
		STAILQ_INSERT_TAIL(&udp_ready, l, link);
	return (true);
}

/* What has come, as long as there is time in this turn. */
static void
front_udp_serve(void)
{
	unsigned int i;

	while (loop_has_time(&udp_share) && (udp_in_at < udp_in_count || front_udp_read())) {
		for (i = 0; i < LOOK_EVERY && udp_in_at < udp_in_count; i++) {
			front_udp_take(udp_in_from, udp_in_at++);
			if (udp_in_hdrs[udp_in_at - 1].msg_len > SHORT_MAX)
				break;
		}
	}
}

static void
front_udp_readable(int fd, short what, void *arg)
{
	struct udp_listener *l = arg;

	(void)fd;
	(void)what;
	loop_clock();
	if (!l->ready) {
		l->ready = true;
		STAILQ_INSERT_TAIL(&udp_ready, l, link);
	}
	front_udp_serve();
}

static void
front_udp_on_next_turn(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	front_udp_serve();
}

static bool
front_udp_is_wildcard(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a, any;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from_sockaddr((struct sockaddr *)&ss, &a, NULL) == -1)
		fatal("getsockname");
	memset(&any, 0, sizeof(any));
	any.family = a.family;
	return (addr_equal(&a, &any));
}

static void
front_udp_prepare(struct mmsghdr *hdr, struct udp_datagram *d, void *bytes,
    size_t size)
{
	d->iov.iov_base = bytes;
	d->iov.iov_len = size;
	hdr->msg_hdr.msg_iov = &d->iov;
	hdr->msg_hdr.msg_iovlen = 1;
	hdr->msg_hdr.msg_name = &d->peer;
	hdr->msg_hdr.msg_control = &d->control;
}

void
front_udp_init(asker_receive *receive)
{
	struct udp_listener *l;
	unsigned int i;

	udp_receive = receive;
	udp_next_turn = evtimer_new(loop.base, front_udp_on_next_turn, NULL);
	if (udp_next_turn == NULL)
		fatalx("event_new");
	for (i = 0; i < BATCH; i++) {
		front_udp_prepare(&udp_in_hdrs[i], &udp_in[i], udp_in_bytes[i],
		    sizeof(udp_in_bytes[i]));
		front_udp_prepare(&udp_out_hdrs[i], &udp_out[i], udp_out_bytes[i], 0);
	}
	for (i = 0; i < settings.config.nbinds; i++) {
		l = &udp_listeners[i];
		l->fd = MSG_FD_LISTEN + 2 * (int)i;
		l->number = i;
		l->wildcard = front_udp_is_wildcard(l->fd);
		l->event = event_new(loop.base, l->fd, EV_READ | EV_PERSIST,
		    front_udp_readable, l);
		if (l->event == NULL)
			fatalx("event_new");
	}
}

void
front_udp_start(void)
{
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++) {
		if (event_add(udp_listeners[i].event, NULL) == -1)
			fatalx("event_add");
	}
}

/* --- out --- */

static void
front_udp_write_control(struct msghdr *hdr, int level, int type, const void *info,
    size_t len)
{
	struct cmsghdr *c = hdr->msg_control;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
	hdr->msg_controllen = CMSG_SPACE(len);
}

/* The answer leaves from the address that was asked. */
static void
front_udp_write_local(struct msghdr *hdr, const struct asker *to)
{
	struct in6_pktinfo in6 = to->local.in6;
	struct in_pktinfo in4 = to->local.in;

	hdr->msg_controllen = 0;
	/* The route decides on the interface, unless it is part of the address. */
	if (to->local_family == ADDR_V4) {
		in4.ipi_ifindex = 0;
		front_udp_write_control(hdr, IPPROTO_IP, IP_PKTINFO, &in4, sizeof(in4));
	} else if (to->local_family == ADDR_V6) {
		if (!IN6_IS_ADDR_LINKLOCAL(&in6.ipi6_addr))
			in6.ipi6_ifindex = 0;
		front_udp_write_control(hdr, IPPROTO_IPV6, IPV6_PKTINFO, &in6,
		    sizeof(in6));
	}
}

static void
front_udp_send_batch(void)
{
	unsigned int at = 0;
	int n;

	while (at < udp_out_count) {
		n = sendmmsg(udp_out_fd, udp_out_hdrs + at, udp_out_count - at,
		    MSG_NOSIGNAL);
		/*
		 * One that cannot be sent (no route, no room) is lost, as
		 * datagrams are; those behind it are not.
		 */
		if (n == -1 && errno == EINTR)
			continue;
		at += n > 0 ? (unsigned int)n : 1;
	}
	udp_out_count = 0;
}

void
front_udp_send(const struct asker *to, const uint8_t *msg, size_t len)
{
	int fd = udp_listeners[to->listener].fd;
	struct udp_datagram *d;

	if (len > DNS_EDNS_SIZE)	/* see dns_udp_limit() */
		fatalx("an answer of %zu octets over UDP", len);
	if (udp_out_count == BATCH || (udp_out_count > 0 && fd != udp_out_fd))
		front_udp_send_batch();
	udp_out_fd = fd;
	d = &udp_out[udp_out_count];
	d->iov.iov_len = len;
	memcpy(udp_out_bytes[udp_out_count], msg, len);
	memcpy(&d->peer, &to->peer, sizeof(d->peer));
	udp_out_hdrs[udp_out_count].msg_hdr.msg_namelen = to->peer_len;
	front_udp_write_local(&udp_out_hdrs[udp_out_count].msg_hdr, to);
	udp_out_count++;
}

void
front_udp_flush(void)
{
	front_udp_send_batch();
	if (udp_in_at < udp_in_count || !STAILQ_EMPTY(&udp_ready))
		event_active(udp_next_turn, EV_TIMEOUT, 0);
}
