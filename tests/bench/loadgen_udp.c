/*
 * The load over UDP: one socket that speaks for all clients (IP_PKTINFO), a
 * window of queries in flight, and batches in both directions.
 */
#include "loadgen.h"

#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define BATCH		64U
#define IDS		65536U
#define POLL_MAX	(SECOND / 10)

/* A query in flight; its index is the ID. */
struct slot {
	bool		used;
	struct ask	ask;
	uint64_t	sent;
};

static struct slot slots[IDS];
static uint16_t next_id, oldest_id;
static uint32_t outstanding;

union control {
	struct cmsghdr	align;
	char		space[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static struct batch {
	struct mmsghdr	msgs[BATCH];
	struct iovec	iov[BATCH];
	union control	control[BATCH];
	uint8_t		buf[BATCH][DNS_MESSAGE_MAX];
} in, out;

static void
batch_prepare(struct batch *b, struct sockaddr_in *name, size_t len)
{
	struct msghdr *m;
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		m = &b->msgs[i].msg_hdr;
		b->iov[i] = (struct iovec){ b->buf[i], len };
		m->msg_iov = &b->iov[i];
		m->msg_iovlen = 1;
		m->msg_name = name;
		m->msg_namelen = name != NULL ? sizeof(*name) : 0;
		m->msg_control = b->control[i].space;
		m->msg_controllen = sizeof(b->control[i].space);
	}
}

static int
open_socket(void)
{
	int fd, on = 1, size = 8 << 20, df = IP_PMTUDISC_DO;

	if ((fd = socket(AF_INET, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) == -1 ||
	    /* A packet that is not fragmented needs no identification. */
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &df,
	    sizeof(df)) == -1)
		err(1, "setsockopt");
	return (fd);
}

/* The source address of a message that is sent. */
static void
put_source(struct msghdr *m, uint32_t address)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(address) };
	struct cmsghdr *c = m->msg_control;

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* The address that a message was sent to, or 0. */
static uint32_t
destination(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct in_pktinfo info;

	if (c == NULL || c->cmsg_type != IP_PKTINFO)
		return (0);
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	return (ntohl(info.ipi_addr.s_addr));
}

/* How many queries may leave now. */
static uint64_t
allowance(const struct load *l, uint64_t now)
{
	uint64_t n = l->window - outstanding, due;

	if (!load_goes_on(l, now))
		return (0);
	if (n > l->count - l->sent)
		n = l->count - l->sent;
	if (l->rate != 0) {
		due = (now - l->start) * l->rate / SECOND + 1;
		due = due > l->sent ? due - l->sent : 0;
		if (n > due)
			n = due;
	}
	return (n < BATCH ? n : BATCH);
}

static bool
send_some(struct load *l, int fd)
{
	uint64_t now = load_now();
	unsigned int i, n = (unsigned int)allowance(l, now);
	struct slot *s;

	for (i = 0; i < n; i++) {
		while (slots[next_id].used)
			next_id++;
		s = &slots[next_id];
		*s = (struct slot){ true, plan_next(&l->plan), now };
		query_build(out.buf[i], next_id++, s->ask.number);
		put_source(&out.msgs[i].msg_hdr, s->ask.client);
	}
	for (i = 0; i < n;) {
		int done = sendmmsg(fd, out.msgs + i, n - i, 0);

		if (done == -1)
			err(1, "sendmmsg");
		i += (unsigned int)done;
	}
	outstanding += n;
	l->sent += n;
	return (n != 0);
}

static void
take(struct load *l, struct mmsghdr *m, const uint8_t *msg, uint64_t now)
{
	struct slot *s;

	if (m->msg_len < DNS_HEADER) {
		l->strays++;
		return;
	}
	s = &slots[query_id(msg)];
	if (!s->used || destination(&m->msg_hdr) != s->ask.client) {
		l->strays++;
		return;
	}
	load_answer(l, &s->ask, s->sent, now, msg, m->msg_len);
	s->used = false;
	outstanding--;
}

static bool
receive_some(struct load *l, int fd)
{
	uint64_t now;
	int i, n;

	/* What the kernel changed in them last time. */
	for (i = 0; i < (int)BATCH; i++)
		in.msgs[i].msg_hdr.msg_controllen =
		    sizeof(in.control[i].space);
	n = recvmmsg(fd, in.msgs, BATCH, MSG_DONTWAIT, NULL);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			err(1, "recvmmsg");
		return (false);
	}
	now = load_now();
	for (i = 0; i < n; i++)
		take(l, &in.msgs[i], in.buf[i], now);
	return (true);
}

/* Give up what is overdue.  IDs are given out in turn. */
static void
expire(struct load *l, uint64_t now)
{
	while (outstanding > 0) {
		if (!slots[oldest_id].used) {
			oldest_id++;
			continue;
		}
		if (now - slots[oldest_id].sent < LOST_AFTER)
			return;
		slots[oldest_id].used = false;
		outstanding--;
		l->lost++;
	}
}

static void
wait_for_work(const struct load *l, int fd, uint64_t now)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t ns = POLL_MAX, due;
	struct timespec ts;

	if (l->rate != 0 && load_goes_on(l, now) && outstanding < l->window) {
		due = l->start + l->sent * SECOND / l->rate;
		ns = due > now ? due - now : 0;
	}
	ts = (struct timespec){ (time_t)(ns / SECOND), (long)(ns % SECOND) };
	if (ppoll(&pfd, 1, &ts, NULL) == -1 && errno != EINTR)
		err(1, "ppoll");
}

void
load_udp(struct load *l)
{
	int fd = open_socket();
	uint64_t now = load_now();
	bool busy;

	batch_prepare(&in, NULL, DNS_MESSAGE_MAX);
	batch_prepare(&out, &l->server, DNS_QUERY_LEN);
	while (outstanding > 0 || load_goes_on(l, now)) {
		busy = send_some(l, fd);
		busy = receive_some(l, fd) || busy;
		now = load_now();
		expire(l, now);
		if (!busy)
			wait_for_work(l, fd, now);
	}
}
