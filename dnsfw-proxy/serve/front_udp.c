/*
 * Queries and answers over UDP: a batch of datagrams a system call, in both
 * directions.
 */
#include "front_udp.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "../dns/message.h"
#include "log.h"
#include "loop.h"
#include "msg.h"
#include "quota.h"
#include "settings.h"

#define BATCH		64	/* datagrams in one system call */
#define BATCHES_MAX	4	/* of one socket in a turn */
#define CONTROL_SIZE	CMSG_SPACE(sizeof(struct in6_pktinfo))

struct listener {
	int		fd;
	unsigned int	number;
	bool		wildcard;	/* bound to 0.0.0.0 or :: */
	struct event	*event;
};

union control {
	struct cmsghdr	hdr;		/* for the alignment */
	uint8_t		space[CONTROL_SIZE];
};

/* One datagram of a batch: what the kernel fills in, or reads. */
struct datagram {
	struct iovec	iov;
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	} peer;
	union control	control;
};

static struct listener listeners[MSG_BINDS_MAX];
static asker_receive *receive;

/* Pages of the buffers that no long message has touched cost nothing. */
static uint8_t in_bytes[BATCH][DNS_MESSAGE_MAX];
static struct datagram in[BATCH];
static struct mmsghdr in_hdrs[BATCH];

static uint8_t out_bytes[BATCH][DNS_EDNS_SIZE];
static struct datagram out[BATCH];
static struct mmsghdr out_hdrs[BATCH];
static unsigned int out_count;
static int out_fd = -1;

/* --- in --- */

/* Note which of our addresses was asked, if that is not the only one. */
static void
read_local(struct msghdr *hdr, const struct listener *l, struct asker *from)
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
take_datagram(const struct listener *l, unsigned int i)
{
	struct msghdr *hdr = &in_hdrs[i].msg_hdr;
	struct asker from;
	struct addr addr;

	if (hdr->msg_flags & MSG_TRUNC ||
	    addr_from_sockaddr(&in[i].peer.sa, &addr, NULL) == -1 ||
	    !quota_serves(&addr))
		return;
	from.conn = NULL;
	from.tcp = false;
	from.listener = l->number;
	from.peer_len = hdr->msg_namelen;
	memcpy(&from.peer, &in[i].peer, sizeof(from.peer));
	read_local(hdr, l, &from);
	receive(in_bytes[i], in_hdrs[i].msg_len, &addr, &from);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	const struct listener *l = arg;
	unsigned int i, batch;
	int n;

	(void)what;
	loop_clock();
	for (batch = 0; batch < BATCHES_MAX; batch++) {
		for (i = 0; i < BATCH; i++) {
			in_hdrs[i].msg_hdr.msg_namelen = sizeof(in[i].peer);
			in_hdrs[i].msg_hdr.msg_controllen = CONTROL_SIZE;
		}
		n = recvmmsg(fd, in_hdrs, BATCH, 0, NULL);
		for (i = 0; n > 0 && i < (unsigned int)n; i++)
			take_datagram(l, i);
		if (n < BATCH)
			return;
	}
}

static bool
is_wildcard(int fd)
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
prepare(struct mmsghdr *hdr, struct datagram *d, void *bytes, size_t size)
{
	d->iov.iov_base = bytes;
	d->iov.iov_len = size;
	hdr->msg_hdr.msg_iov = &d->iov;
	hdr->msg_hdr.msg_iovlen = 1;
	hdr->msg_hdr.msg_name = &d->peer;
	hdr->msg_hdr.msg_control = &d->control;
}

void
front_udp_init(asker_receive *up)
{
	struct listener *l;
	unsigned int i;

	receive = up;
	for (i = 0; i < BATCH; i++) {
		prepare(&in_hdrs[i], &in[i], in_bytes[i], sizeof(in_bytes[i]));
		prepare(&out_hdrs[i], &out[i], out_bytes[i], 0);
	}
	for (i = 0; i < settings.config.nbinds; i++) {
		l = &listeners[i];
		l->fd = MSG_FD_LISTEN + 2 * (int)i;
		l->number = i;
		l->wildcard = is_wildcard(l->fd);
		l->event = event_new(loop.base, l->fd, EV_READ | EV_PERSIST,
		    on_readable, l);
		if (l->event == NULL)
			fatalx("event_new");
	}
}

void
front_udp_start(void)
{
	unsigned int i;

	for (i = 0; i < settings.config.nbinds; i++) {
		if (event_add(listeners[i].event, NULL) == -1)
			fatalx("event_add");
	}
}

/* --- out --- */

static void
write_control(struct msghdr *hdr, int level, int type, const void *info,
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
write_local(struct msghdr *hdr, const struct asker *to)
{
	struct in6_pktinfo in6 = to->local.in6;
	struct in_pktinfo in4 = to->local.in;

	hdr->msg_controllen = 0;
	/* The route decides on the interface, unless it is part of the address. */
	if (to->local_family == ADDR_V4) {
		in4.ipi_ifindex = 0;
		write_control(hdr, IPPROTO_IP, IP_PKTINFO, &in4, sizeof(in4));
	} else if (to->local_family == ADDR_V6) {
		if (!IN6_IS_ADDR_LINKLOCAL(&in6.ipi6_addr))
			in6.ipi6_ifindex = 0;
		write_control(hdr, IPPROTO_IPV6, IPV6_PKTINFO, &in6,
		    sizeof(in6));
	}
}

void
front_udp_send(const struct asker *to, const uint8_t *msg, size_t len)
{
	int fd = listeners[to->listener].fd;
	struct datagram *d;

	if (len > DNS_EDNS_SIZE)	/* see dns_udp_limit() */
		fatalx("an answer of %zu octets over UDP", len);
	if (out_count == BATCH || (out_count > 0 && fd != out_fd))
		front_udp_flush();
	out_fd = fd;
	d = &out[out_count];
	d->iov.iov_len = len;
	memcpy(out_bytes[out_count], msg, len);
	memcpy(&d->peer, &to->peer, sizeof(d->peer));
	out_hdrs[out_count].msg_hdr.msg_namelen = to->peer_len;
	write_local(&out_hdrs[out_count].msg_hdr, to);
	out_count++;
}

void
front_udp_flush(void)
{
	unsigned int at = 0;
	int n;

	while (at < out_count) {
		n = sendmmsg(out_fd, out_hdrs + at, out_count - at,
		    MSG_NOSIGNAL);
		/*
		 * One that cannot be sent (no route, no room) is lost, as
		 * datagrams are; those behind it are not.
		 */
		if (n == -1 && errno == EINTR)
			continue;
		at += n > 0 ? (unsigned int)n : 1;
	}
	out_count = 0;
}
