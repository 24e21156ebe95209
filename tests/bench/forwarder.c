/*
 * The bare forwarder: what a DNS proxy cannot cost less than, if it asks with
 * a random ID from a new random port each time.  A socket of the pool gets its
 * port from the kernel: it is disconnected and connected anew for each query.
 * With a third argument each answer is granted before it is passed on.
 *
 * It checks nothing but the ID, knows no policy and no TCP.
 */
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "netgrant.h"
#include "query.h"

#define BATCH	NETGRANT_BATCH
#define POOL	1024

/* A query in flight has a socket of its own. */
struct pending {
	int		fd;
	uint16_t	id;		/* ours */
	uint8_t		client_id[2];
	struct sockaddr_in client;
};

static struct pending pool[POOL];
static struct pending *idle[POOL];
static unsigned int nidle;

static struct sockaddr_in upstream = { .sin_family = AF_INET };
static int epoll_fd, listen_fd;
static bool grants;

static struct mmsghdr msgs[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in peers[BATCH];
static uint8_t bufs[BATCH][DNS_MESSAGE_MAX];

/* Random bytes, fetched from the kernel many at a time. */
static uint16_t
random_id(void)
{
	static uint16_t ids[128];
	static size_t left;

	if (left == 0) {
		if (getrandom(ids, sizeof(ids), 0) != sizeof(ids))
			err(1, "getrandom");
		left = sizeof(ids) / sizeof(ids[0]);
	}
	return (ids[--left]);
}

static struct sockaddr_in
address(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_port = htons(53);
	if (inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", text);
	return (sin);
}

static void
watch(int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static int
open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd == -1)
		err(1, "socket");
	return (fd);
}

static void
open_all(const char *bind_address)
{
	struct sockaddr_in sin = address(bind_address);
	int i, size = 4 << 20;

	if ((epoll_fd = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	listen_fd = open_socket();
	setsockopt(listen_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(listen_fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %s", bind_address);
	watch(listen_fd, NULL);
	for (i = 0; i < POOL; i++) {
		pool[i].fd = open_socket();
		watch(pool[i].fd, &pool[i]);
		idle[nidle++] = &pool[i];
	}
}

static void
forward(uint8_t *msg, size_t len, const struct sockaddr_in *client)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct pending *p;

	if (len < DNS_HEADER || nidle == 0)
		return;
	p = idle[--nidle];
	p->client = *client;
	p->id = random_id();
	memcpy(p->client_id, msg, 2);
	memcpy(msg, &p->id, 2);
	if (connect(p->fd, &none, sizeof(none)) == -1 ||
	    connect(p->fd, (struct sockaddr *)&upstream, sizeof(upstream)) ==
	    -1 || send(p->fd, msg, len, 0) == -1)
		idle[nidle++] = p;
}

static void
from_clients(void)
{
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bufs[i], DNS_MESSAGE_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i],
		    .msg_namelen = sizeof(peers[i]), .msg_iov = &iov[i],
		    .msg_iovlen = 1 };
	}
	n = recvmmsg(listen_fd, msgs, BATCH, 0, NULL);
	for (i = 0; i < n; i++)
		forward(bufs[i], msgs[i].msg_len, &peers[i]);
}

/* Put the answer of a pending query into place i of the batch. */
static bool
from_upstream(struct pending *p, unsigned int i)
{
	ssize_t n = recv(p->fd, bufs[i], DNS_MESSAGE_MAX, 0);

	if (n < DNS_HEADER || memcmp(bufs[i], &p->id, 2) != 0)
		return (false);
	memcpy(bufs[i], p->client_id, 2);
	peers[i] = p->client;
	iov[i] = (struct iovec){ bufs[i], (size_t)n };
	msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i],
	    .msg_namelen = sizeof(peers[i]), .msg_iov = &iov[i],
	    .msg_iovlen = 1 };
	idle[nidle++] = p;
	return (true);
}

static void
to_clients(unsigned int n)
{
	struct netgrant grant[BATCH];
	unsigned int i;
	int done;

	if (n == 0)
		return;
	for (i = 0; grants && i < n; i++) {
		grant[i].client = peers[i].sin_addr.s_addr;
		/* The one record's address is at the end. */
		memcpy(&grant[i].dst, bufs[i] + iov[i].iov_len - 4, 4);
	}
	if (grants)
		netgrant_add(grant, n);
	for (i = 0; i < n; i += (unsigned int)done) {
		done = sendmmsg(listen_fd, msgs + i, n - i, 0);
		if (done == -1)
			done = 1;
	}
}

int
main(int argc, char *argv[])
{
	struct epoll_event events[BATCH];
	unsigned int answers;
	bool queries;
	int i, n;

	if (argc != 3 && argc != 4)
		errx(2, "usage: forwarder BIND UPSTREAM [ipset|nftables]");
	upstream = address(argv[2]);
	if ((grants = argc == 4))
		netgrant_open(argv[3]);
	open_all(argv[1]);
	for (;;) {
		n = epoll_wait(epoll_fd, events, BATCH, -1);
		queries = false;
		answers = 0;
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				queries = true;
			else if (from_upstream(events[i].data.ptr, answers))
				answers++;
		}
		to_clients(answers);
		if (queries)
			from_clients();
	}
}
