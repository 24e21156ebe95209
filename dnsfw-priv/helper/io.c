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
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	*flags = m.msg_flags;
	return (n);
}

bool
io_tell(const void *record, size_t len, int flags)
{
	return (send(HELPER_FD_KEEPER, record, len, flags | MSG_NOSIGNAL) != -1);
}

bool
io_kernel(int fd, const void *messages, size_t len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return (sendto(fd, messages, len, MSG_NOSIGNAL, (const struct sockaddr *)&kernel,
	    sizeof(kernel)) != -1);
}

bool
io_index(const struct stamps *s, unsigned int kind, uint16_t *index)
{
	const struct stamp *ask = &s->at[STAMP_INDEX][kind];
	const struct stamp *want = &s->at[STAMP_INDEX_REPLY][kind];
	const size_t at = want->holes[HOLE_INDEX], seq = offsetof(struct nlmsghdr, nlmsg_seq);
	uint8_t in[STAMPS_BYTES];
	bool found = false;
	ssize_t len;
	int flags;

	if (ask->len > STAMPS_BYTES || !io_kernel(HELPER_FD_OWN, ask->bytes, ask->len))
		return (false);
	/* It is there already; the rest is its acknowledgement. */
	while ((len = io_take(HELPER_FD_OWN, in, sizeof(in), &flags)) > 0) {
		/* All must be as it is stamped, but for seq, port id and the index. */
		if (len != want->len || at < NLMSG_HDRLEN || at + sizeof(*index) > (size_t)len ||
		    memcmp(in, want->bytes, seq) != 0 ||
		    memcmp(in + NLMSG_HDRLEN, want->bytes + NLMSG_HDRLEN, at - NLMSG_HDRLEN) != 0)
			continue;
		memcpy(index, in + at, sizeof(*index));
		*index = be16toh(*index);
		found = true;
	}
	return (found);
}
