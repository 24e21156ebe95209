/* Sockets in the two networks of a flood, and frames of DNS over TCP. */
#include "flood_io.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT		53
#define LIES		64	/* one frame in so many has a wrong length */

long long
flood_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (ts.tv_sec * 1000LL + ts.tv_nsec / 1000000);
}

static struct sockaddr_in
endpoint(const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(PORT) };

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(1, "%s", address);
	return (sin);
}

void
flood_enter(const char *netns)
{
	int fd;

	if ((fd = open(netns, O_RDONLY | O_CLOEXEC)) == -1 ||
	    setns(fd, CLONE_NEWNET) == -1)
		err(1, "%s", netns);
	close(fd);
}

static int
new_socket(int type)
{
	int fd;

	if ((fd = socket(AF_INET, type | SOCK_NONBLOCK, 0)) == -1)
		err(1, "socket");
	return (fd);
}

int
flood_bound(const char *address, int type)
{
	struct sockaddr_in sin = endpoint(address);
	int fd = new_socket(type), on = 1;

	/* Accepted connections inherit TCP_NODELAY. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY,
	    &on, sizeof(on)) == -1) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	return (fd);
}

int
flood_connected(const char *address, int type)
{
	struct sockaddr_in sin = endpoint(address);
	int fd = new_socket(type), on = 1;

	if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY,
	    &on, sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EINPROGRESS)
		err(1, "connect");
	return (fd);
}

void
flood_set_u16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
stream_close(struct stream *s)
{
	close(s->fd);
	s->fd = -1;
	s->have = 0;
}

bool
stream_read(struct stream *s, void (*take)(struct stream *, uint8_t *, size_t))
{
	size_t want;
	ssize_t n;

	for (;;) {
		want = s->have < 2 ? 2 :
		    2 + ((size_t)s->frame[0] << 8 | s->frame[1]);
		if (s->have >= 2 && s->have == want) {
			s->have = 0;
			take(s, s->frame + 2, want - 2);
			if (s->fd == -1)
				return (false);
			continue;
		}
		n = read(s->fd, s->frame + s->have, want - s->have);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (true);
		if (n <= 0)
			return (false);
		s->have += (size_t)n;
	}
}

/* All of data, if the connection does not end or stand still before. */
static bool
write_all(int fd, const uint8_t *data, size_t len, void (*meanwhile)(void))
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	long long end = flood_now() + FLOOD_DEADLINE;
	ssize_t n;

	while (len > 0) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return (false);
		if (flood_now() >= end)
			errx(1, "dnsfw does not read");
		if (meanwhile != NULL)
			meanwhile();
		poll(&pfd, 1, 10);
	}
	return (true);
}

bool
stream_write(int fd, const uint8_t *msg, size_t len, bool may_lie,
    void (*meanwhile)(void))
{
	uint8_t frame[2 + MUTATE_MAX];
	bool lie = may_lie && mutate_below(LIES) == 0;

	flood_set_u16(frame, lie ? mutate_below(MUTATE_MAX) : len);
	memcpy(frame + 2, msg, len);
	return (write_all(fd, frame, len + 2, meanwhile) && !lie);
}
