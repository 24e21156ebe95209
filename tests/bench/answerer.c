/*
 * The upstream of the benchmark: answers over UDP and TCP as fast as it can,
 * always the same for the same question (query.h).  With a file it writes
 * there the source port and the ID of each query over UDP, 16 bits each in
 * network order, as they came.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "query.h"

#define BATCH		64
#define EVENTS		64
#define BUFFER		8192U	/* queries on a connection at a time */

/* A TCP connection. */
struct connection {
	int		fd;
	uint32_t	have;
	uint8_t		buf[BUFFER];
};

static int epoll_fd, udp_fd, tcp_fd;
static FILE *capture;
static volatile sig_atomic_t ending;

static struct mmsghdr msgs[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in peers[BATCH];
static uint8_t bufs[BATCH][DNS_MESSAGE_MAX];

static void
watch(int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static int
open_socket(const char *address, int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd, size = 8 << 20, on = 1, df = IP_PMTUDISC_DO;

	sin.sin_port = htons(53);
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", address);
	if ((fd = socket(AF_INET, type | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* A packet that is not fragmented needs no identification. */
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof(df));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %s", address);
	if (type == SOCK_STREAM && listen(fd, 1024) == -1)
		err(1, "listen");
	return (fd);
}

static void
on_signal(int sig)
{
	ending = sig;
}

static void
record(const struct sockaddr_in *peer, const uint8_t *msg, size_t len)
{
	if (capture == NULL || len < DNS_HEADER)
		return;
	if (fwrite(&peer->sin_port, sizeof(peer->sin_port), 1, capture) != 1 ||
	    fwrite(msg, 2, 1, capture) != 1)
		err(1, "capture");
}

static void
serve_udp(void)
{
	int i, n, sent, done, keep = 0;
	size_t len;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bufs[i], DNS_MESSAGE_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i],
		    .msg_namelen = sizeof(peers[i]), .msg_iov = &iov[i],
		    .msg_iovlen = 1 };
	}
	n = recvmmsg(udp_fd, msgs, BATCH, 0, NULL);
	for (i = 0; i < n; i++) {
		record(&peers[i], bufs[i], msgs[i].msg_len);
		len = query_respond(bufs[i], msgs[i].msg_len);
		if (len == 0)
			continue;
		iov[i].iov_len = len;
		msgs[keep++].msg_hdr = msgs[i].msg_hdr;
	}
	/* A port that is closed by now fails its message; the rest follows. */
	for (sent = 0; sent < keep; sent += done) {
		done = sendmmsg(udp_fd, msgs + sent, (unsigned int)(keep -
		    sent), 0);
		if (done == -1)
			done = 1;
	}
}

static void
accept_one(void)
{
	struct connection *c;
	int fd, on = 1;

	if ((fd = accept4(tcp_fd, NULL, NULL, SOCK_NONBLOCK)) == -1)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((c = malloc(sizeof(*c))) == NULL)
		err(1, "connection");
	c->fd = fd;
	c->have = 0;
	watch(fd, c);
}

/* Answer the whole queries of the buffer with one write; false: close. */
static bool
answer_stream(struct connection *c)
{
	uint8_t out[2 * BUFFER], *msg;
	size_t pos = 0, used = 0, len;

	while (c->have - pos >= 2) {
		len = (size_t)c->buf[pos] << 8 | c->buf[pos + 1];
		if (len < DNS_HEADER || len > DNS_MESSAGE_MAX)
			return (false);
		if (c->have - pos - 2 < len)
			break;
		/* An answer is at most 16 bytes longer than its query. */
		msg = out + used + 2;
		memcpy(msg, c->buf + pos + 2, len);
		pos += 2 + len;
		if ((len = query_respond(msg, len)) == 0)
			return (false);
		msg[-2] = (uint8_t)(len >> 8);
		msg[-1] = (uint8_t)len;
		used += 2 + len;
	}
	c->have -= (uint32_t)pos;
	memmove(c->buf, c->buf + pos, c->have);
	return (used == 0 || write(c->fd, out, used) == (ssize_t)used);
}

static void
serve_tcp(struct connection *c)
{
	ssize_t n;

	n = read(c->fd, c->buf + c->have, BUFFER - c->have);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0) {
		c->have += (uint32_t)n;
		if (answer_stream(c))
			return;
	}
	close(c->fd);
	free(c);
}

int
main(int argc, char *argv[])
{
	struct epoll_event events[EVENTS];
	int i, n;

	if (argc != 2 && argc != 3)
		errx(2, "usage: answerer ADDRESS [FILE]");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	if (argc == 3 && (capture = fopen(argv[2], "w")) == NULL)
		err(1, "%s", argv[2]);
	if ((epoll_fd = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	udp_fd = open_socket(argv[1], SOCK_DGRAM);
	tcp_fd = open_socket(argv[1], SOCK_STREAM);
	watch(udp_fd, &udp_fd);
	watch(tcp_fd, &tcp_fd);
	while (!ending) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == &udp_fd)
				serve_udp();
			else if (events[i].data.ptr == &tcp_fd)
				accept_one();
			else
				serve_tcp(events[i].data.ptr);
		}
	}
	if (capture != NULL && fclose(capture) != 0)
		err(1, "capture");
	return (0);
}
