/* Records over a socketpair: what is whole comes in, nothing else. */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "chan.h"

static uint8_t in[MSG_SIZE_MAX];
static uint8_t out[2 * MSG_SIZE_MAX];
static int pair[2];

static void
setup(void)
{
	size_t i;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1);
}

TestSuite(chan, .init = setup);

/* How many descriptors this process has. */
static size_t
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return (n);
}

/* A record with n times the same descriptor. */
static void
send_descriptors(const void *buf, size_t len, int fd, size_t n)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.space };
	size_t i;

	memset(&control, 0, sizeof(control));
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
	for (i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.hdr) + i * sizeof(int), &fd,
		    sizeof(int));
	cr_assert_eq(sendmsg(pair[0], &msg, 0), (ssize_t)len);
}

Test(chan, record_of_every_size)
{
	size_t len;

	for (len = 1; len <= MSG_SIZE_MAX; len++) {
		memset(in, 0, sizeof(in));
		cr_assert_eq(chan_send(pair[0], out, len, -1), (ssize_t)len);
		cr_assert_eq(chan_recv(pair[1], in, NULL, 0), (ssize_t)len);
		cr_assert_eq(memcmp(in, out, len), 0, "%zu bytes", len);
	}
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_AGAIN);
}

Test(chan, records_keep_their_borders_and_order)
{
	uint8_t i;

	for (i = 1; i <= 5; i++)
		cr_assert_eq(chan_send(pair[0], out + i, i, -1), i);
	for (i = 1; i <= 5; i++) {
		cr_assert_eq(chan_recv(pair[1], in, NULL, 1), i);
		cr_assert_eq(in[0], out[i]);
	}
}

Test(chan, P7_longer_than_any_message_is_bad)
{
	int fd;

	cr_assert_eq(chan_send(pair[0], out, MSG_SIZE_MAX + 1, -1),
	    (ssize_t)MSG_SIZE_MAX + 1);
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_BAD);
	cr_assert_eq(chan_send(pair[0], out, sizeof(out), -1),
	    (ssize_t)sizeof(out));
	cr_assert_eq(chan_recv(pair[1], in, &fd, 0), CHAN_BAD);
	cr_assert_eq(fd, -1);
	/* The rest of it is not the next record. */
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_AGAIN);
}

Test(chan, empty_record_is_the_end)
{
	int fd;

	cr_assert_eq(send(pair[0], "", 0, 0), 0);
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_EOF);
	cr_assert_eq(send(pair[0], "", 0, 0), 0);
	cr_assert_eq(chan_recv(pair[1], in, &fd, 0), CHAN_EOF);
	cr_assert_eq(fd, -1);
}

Test(chan, peer_that_is_gone_is_the_end)
{
	cr_assert_eq(chan_send(pair[0], out, 3, -1), 3);
	close(pair[0]);
	/* What it said before is still heard. */
	cr_assert_eq(chan_recv(pair[1], in, NULL, 1), 3);
	cr_assert_eq(chan_recv(pair[1], in, NULL, 1), CHAN_EOF);
	/* No SIGPIPE either. */
	cr_assert_eq(chan_send(pair[1], out, 3, -1), CHAN_EOF);
}

/* The kernel says ECONNRESET if the peer had not read everything. */
Test(chan, peer_that_is_gone_unread_is_the_end)
{
	cr_assert_eq(chan_send(pair[0], out, 3, -1), 3);
	close(pair[1]);
	cr_assert_eq(chan_recv(pair[0], in, NULL, 0), CHAN_EOF);
}

Test(chan, errors_are_errors)
{
	cr_assert_eq(chan_recv(-1, in, NULL, 0), CHAN_ERROR);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(chan_send(-1, out, 1, -1), CHAN_ERROR);
	cr_assert_eq(errno, EBADF);
	/* A descriptor that is none. */
	cr_assert_eq(chan_send(pair[0], out, 1, 9999), CHAN_ERROR);
	cr_assert_eq(errno, EBADF);
}

Test(chan, descriptor_goes_along)
{
	struct stat a, b;
	int fd;

	cr_assert_eq(chan_send(pair[0], out, 5, pair[0]), 5);
	cr_assert_eq(chan_recv(pair[1], in, &fd, 0), 5);
	cr_assert_geq(fd, 0);
	cr_assert_neq(fd, pair[0]);
	cr_assert_eq(fstat(fd, &a), 0);
	cr_assert_eq(fstat(pair[0], &b), 0);
	cr_assert(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* The next record has none. */
	cr_assert_eq(chan_send(pair[0], out, 5, -1), 5);
	cr_assert_eq(chan_recv(pair[1], in, &fd, 0), 5);
	cr_assert_eq(fd, -1);
}

Test(chan, P7_descriptor_where_none_belongs)
{
	size_t before = descriptors();

	cr_assert_eq(chan_send(pair[0], out, 5, pair[0]), 5);
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_BAD);
	cr_assert_eq(descriptors(), before, "one was installed");
}

/* Where one may come, more than one may not, and none may stay behind. */
Test(chan, P7_several_descriptors)
{
	size_t before = descriptors(), n;
	int fd;

	for (n = 2; n <= 8; n++) {
		send_descriptors(out, 5, pair[0], n);
		cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_BAD,
		    "%zu descriptors", n);
		cr_assert_eq(descriptors(), before, "%zu descriptors", n);
		send_descriptors(out, 5, pair[0], n);
		cr_assert_eq(chan_recv(pair[1], in, &fd, 0), CHAN_BAD,
		    "%zu descriptors", n);
		if (fd != -1)
			close(fd);
		cr_assert_eq(descriptors(), before, "%zu descriptors", n);
	}
}

Test(chan, full_channel_says_again_and_loses_nothing)
{
	size_t sent, got;
	ssize_t n;

	for (sent = 0; sent < 1000000; sent++) {
		memcpy(out, &sent, sizeof(sent));
		n = chan_send(pair[0], out, 64, -1);
		if (n != 64)
			break;
	}
	cr_assert_eq(n, CHAN_AGAIN);
	cr_assert_gt(sent, 0);
	/* One that is read makes room in the end. */
	for (got = 0; chan_send(pair[0], out, 64, -1) != 64; got++) {
		cr_assert_eq(chan_recv(pair[1], in, NULL, 0), 64);
		cr_assert_eq(memcmp(in, &got, sizeof(got)), 0);
	}
	for (; got <= sent; got++) {
		cr_assert_eq(chan_recv(pair[1], in, NULL, 0), 64);
		cr_assert_eq(memcmp(in, &got, sizeof(got)), 0,
		    "record %zu is another", got);
	}
	cr_assert_eq(chan_recv(pair[1], in, NULL, 0), CHAN_AGAIN);
}

static void
send_from_handler(int sig)
{
	(void)sig;
	(void)send(pair[0], "abc", 3, 0);
}

/* The record comes while a signal interrupts the wait for it. */
Test(chan, signal_does_not_end_the_wait, .timeout = 10)
{
	struct sigaction sa = { .sa_handler = send_from_handler };
	struct itimerval it = { .it_value.tv_usec = 10000 };

	cr_assert_eq(sigaction(SIGALRM, &sa, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
	cr_assert_eq(chan_recv(pair[1], in, NULL, 1), 3);
	cr_assert_eq(memcmp(in, "abc", 3), 0);
}
