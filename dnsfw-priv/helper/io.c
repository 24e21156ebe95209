/* All that the helper asks of the kernel while it serves, but time. */
#include "io.h"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <endian.h>
#include <string.h>

ssize_t
io_take(int fd, void *buf, size_t size, int *flags)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	n = recvmsg(fd, &m, MSG_DONTWAIT);
	*flags = m.msg_flags;
	return (n);
}

int
io_tell(const void *record, size_t len, int flags)
{
	return (send(HELPER_FD_KEEPER, record, len, flags | MSG_NOSIGNAL) ==
	    -1 ? -1 : 0);
}

int
io_kernel(int fd, const void *messages, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return (sendto(fd, messages, len, MSG_NOSIGNAL,
	    (const struct sockaddr *)&kernel, sizeof(kernel)) == -1 ? -1 : 0);
}

/* Is it what STAMP_INDEX_REPLY says, but for seq, port id and the index? */
static bool
is_reply(const struct stamp *want, const uint8_t *got, size_t len)
{
	const size_t seq = offsetof(struct nlmsghdr, nlmsg_seq);
	const size_t body = sizeof(struct nlmsghdr);
	const size_t index = want->holes[HOLE_INDEX];

	return (len == want->len && index > body && index < len &&
	    memcmp(got, want->bytes, seq) == 0 &&
	    memcmp(got + body, want->bytes + body, index - body) == 0);
}

bool
io_index(const struct stamps *s, unsigned int kind, uint16_t *index)
{
	const struct stamp *ask = &s->at[STAMP_INDEX][kind];
	const struct stamp *want = &s->at[STAMP_INDEX_REPLY][kind];
	uint8_t in[STAMPS_BYTES];
	bool found = false;
	ssize_t len;
	int flags;

	if (ask->len == 0 || io_kernel(HELPER_FD_OWN, ask->bytes,
	    ask->len) == -1)
		return (false);
	/* It is there already, and nothing of before is left. */
	while ((len = io_take(HELPER_FD_OWN, in, sizeof(in), &flags)) > 0) {
		if (!is_reply(want, in, (size_t)len))
			continue;
		memcpy(index, in + want->holes[HOLE_INDEX], sizeof(*index));
		*index = be16toh(*index);
		found = true;
	}
	return (found);
}
