/* One SOCK_SEQPACKET record in or out. */
#include "chan.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>

union control {
	struct cmsghdr	hdr;	/* for the alignment */
	char		space[CMSG_SPACE(sizeof(int))];
};

/* What an error of a system call on the channel means. */
static int
chan_errno(void)
{
	if (errno == EAGAIN)
		return (CHAN_AGAIN);
	return (errno == EPIPE || errno == ECONNRESET ? CHAN_EOF : CHAN_ERROR);
}

ssize_t
chan_send(int chan, const void *buf, size_t len, int fd)
{
	union control control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
	    .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(int));
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
	}
	do {
		n = sendmsg(chan, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return (n != -1 ? n : chan_errno());
}

/* The one descriptor that came along, or -1. */
static int
passed_fd(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return (-1);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return (fd);
}

ssize_t
chan_recv(int chan, void *buf, int *fd, int wait)
{
	union control control;
	struct iovec iov = { .iov_base = buf, .iov_len = MSG_SIZE_MAX };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	/* Without control space the kernel installs no passed descriptor. */
	if (fd != NULL) {
		*fd = -1;
		msg.msg_control = control.space;
		/* Not CMSG_SPACE, whose padding has room for a second one. */
		msg.msg_controllen = CMSG_LEN(sizeof(int));
	}
	do {
		n = recvmsg(chan, &msg, MSG_CMSG_CLOEXEC |
		    (wait ? 0 : MSG_DONTWAIT));
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (chan_errno());
	if (fd != NULL)
		*fd = passed_fd(&msg);
	/*
	 * An empty record reads like the end; a peer that sends one is to be
	 * ended anyhow, so both are the end.
	 */
	if (n == 0)
		return (CHAN_EOF);
	return (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? CHAN_BAD : n);
}
