/*
 * The units of keep/kernel/ on the real kernel, in a network namespace of the
 * test's own: this process has no capability, and a child, which has it, does
 * what the helper does with each order.  Descriptors are not the keeper's numbers
 * here, as the test's own are among them.
 *
 * The unit is linked with --wrap for getsockname, poll, recv, send, setsockopt.
 */
#ifndef KERNEL_REAL_H
#define KERNEL_REAL_H

#include <criterion/criterion.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "helper/act.h"
#include "helper/io.h"
#include "keep/kernel/ask.h"
#include "keep/kernel/backend.h"
#include "keep/kernel/patience.h"
#include "keepconf.h"
#include "netns.h"
#include "stamp/make.h"

#define REAL_BUFFER	(1 << 20)

static int real_fds[KEEP_FD_EVENTS + 1];
static int real_helper_end, real_own;
static struct stamps *real_stamps;	/* shared with the child */
static struct bounds real_bounds;
static bool real_is_powerless;		/* the child, too */

int	__wrap_getsockname(int, struct sockaddr *, socklen_t *);
int	__wrap_poll(struct pollfd *, nfds_t, int);
ssize_t	__wrap_recv(int, void *, size_t, int);
ssize_t	__wrap_send(int, const void *, size_t, int);
int	__wrap_setsockopt(int, int, int, const void *, socklen_t);
int	__real_getsockname(int, struct sockaddr *, socklen_t *);
int	__real_poll(struct pollfd *, nfds_t, int);
ssize_t	__real_recv(int, void *, size_t, int);
ssize_t	__real_send(int, const void *, size_t, int);
int	__real_setsockopt(int, int, int, const void *, socklen_t);

/* The child has the helper's numbers. */
static bool real_is_helper;

static inline int
real_fd(int fd)
{
	return (!real_is_helper && fd >= KEEP_FD_HELPER &&
	    fd <= KEEP_FD_EVENTS && real_fds[fd] != 0 ? real_fds[fd] : fd);
}

int
__wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	return (__real_getsockname(real_fd(fd), sa, len));
}

int
__wrap_poll(struct pollfd *pfds, nfds_t n, int timeout)
{
	struct pollfd real[8];
	nfds_t i;

	cr_assert_leq(n, 8);
	for (i = 0; i < n; i++)
		real[i] = (struct pollfd){ .fd = real_fd(pfds[i].fd),
		    .events = pfds[i].events };
	return (__real_poll(real, n, timeout));
}

ssize_t
__wrap_recv(int fd, void *buf, size_t size, int flags)
{
	return (__real_recv(real_fd(fd), buf, size, flags));
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	return (__real_send(real_fd(fd), buf, len, flags));
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value,
    socklen_t len)
{
	return (__real_setsockopt(real_fd(fd), level, name, value, len));
}

static inline int
real_socket(unsigned int groups)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = groups };
	int on = 1, size = REAL_BUFFER, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_NETFILTER);
	cr_assert(fd > KEEP_FD_EVENTS);
	cr_assert_eq(bind(fd, (struct sockaddr *)&nl, sizeof(nl)), 0);
	cr_assert_eq(__real_setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on,
	    sizeof(on)), 0);
	cr_assert_eq(__real_setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)), 0);
	cr_assert_eq(__real_setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
	    sizeof(size)), 0);
	return (fd);
}

/* Everything is within the policy. */
static inline void
real_bound_all(void)
{
	struct order_bound b = { .type = ORDER_BOUND };
	static const uint8_t all[] = { 0, ADDR_V4, ADDR_V6 };
	size_t i;

	for (i = 0; i < sizeof(all); i++) {
		b.family = all[i];
		cr_assert(bounds_add(&real_bounds, &b));
	}
	cr_assert(bounds_commit(&real_bounds, sizeof(all)));
}

/* As main.c of the helper, without its confinement. */
static inline void __attribute__((noreturn))
real_serve(void)
{
	struct order_ready ready = { .type = ORDER_READY,
	    .version = ORDER_VERSION };
	static uint8_t record[ORDER_SIZE_MAX];
	static struct act act;
	ssize_t n;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	real_is_helper = true;
	real_fds[KEEP_FD_EVENTS] = real_own;	/* HELPER_FD_OWN */
	real_fds[KEEP_FD_HELPER] = real_helper_end;
	for (i = KEEP_FD_HELPER; i <= KEEP_FD_EVENTS; i++) {
		if (real_fds[i] != 0 && dup2(real_fds[i], i) == -1)
			_exit(1);
	}
	(void)io_tell(&ready, sizeof(ready), 0);
	act.stamps = real_stamps;
	while ((n = recv(HELPER_FD_KEEPER, record, sizeof(record), 0)) > 0) {
		if (act_fill(&act, &real_bounds, record, (size_t)n) !=
		    ORDER_OK)
			_exit(ORDER_END_RECORD);
		if (act.nrefused > 0)
			(void)io_tell(act.refused, act.nrefused *
			    sizeof(act.refused[0]), 0);
		if (act.len > 0 && !io_kernel(act.fd, act.out, act.len)) {
			act_undo(&act);
			(void)io_tell(act.refused, act.nrefused *
			    sizeof(act.refused[0]), 0);
		}
	}
	_exit(0);
}

/* Commands that a test runs get all back by exec, as root. */
static inline void
real_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	cr_assert_eq(syscall(SYS_capset, &header, none), 0);
}

/* Also when the configuration has changed since, as if dnsfw had been restarted. */
static inline void
real_make(const struct backend *backend, const struct backend_config *c)
{
	struct stamps_wish wish = { .ipset = backend == &backend_ipset,
	    .flows = true, .kill = true, .table_family = c->table_family,
	    .table = c->table, .chain = c->chain,
	    .max_grants = c->max_grants };

	memset(real_stamps, 0, sizeof(*real_stamps));
	real_stamps->limits.left_max = UINT32_MAX;
	real_stamps->limits.local = 1;
	stamps_make(&wish, real_stamps);
}

static inline void
real_meanwhile(void)
{
}

/* From here on the helper does not answer, and is not waited for as at a start. */
static inline void
real_stop(pid_t helper)
{
	patience_end();
	kill(helper, SIGSTOP);
}

static inline void
real_continue(pid_t helper)
{
	kill(helper, SIGCONT);
	patience_begin(real_meanwhile);
}

/*
 * The namespace must be there, and this process in it.  Opens the backend; the
 * configuration must stay.  The child ends with this process.  However slow the
 * machine is, its answers are waited for.
 */
static inline pid_t
real_open(const struct backend *backend, const struct backend_config *c)
{
	int pair[2], i;
	pid_t pid;

	/* The numbers of the helper's are free for its child to take. */
	for (i = 0; i < 16; i++)
		(void)fcntl(0, F_DUPFD_CLOEXEC, KEEP_FD_HELPER);
	hash_init();
	real_stamps = mmap(NULL, sizeof(*real_stamps), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(real_stamps, MAP_FAILED);
	real_make(backend, c);
	real_bound_all();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair), 0);
	real_helper_end = pair[1];
	real_own = real_socket(0);
	real_fds[KEEP_FD_HELPER] = pair[0];
	for (i = KEEP_FD_ACT; i <= KEEP_FD_FLOWS; i++)
		real_fds[i] = real_socket(0);
	real_fds[KEEP_FD_EVENTS] = real_socket(1U << (NFNLGRP_NFTABLES - 1));
	if (real_is_powerless)
		real_drop_capabilities();
	pid = fork();
	cr_assert_neq(pid, -1);
	if (pid == 0)
		real_serve();
	close(pair[1]);
	real_drop_capabilities();
	ask_open();
	backend->open(c);
	patience_begin(real_meanwhile);
	return (pid);
}

#endif
