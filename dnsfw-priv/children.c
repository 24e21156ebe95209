/* What comes from the children. */
#include "children.h"

#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "chan.h"
#include "clock.h"
#include "log.h"

#define START_TIMEOUT	60	/* seconds for a child to do its first part */

/* From a closed channel, or STOP, to the exit status. */
#define DEATH_TIMEOUT	(CLOCK_SECOND / 2)

volatile sig_atomic_t children_stop;

void
children_poll(struct pollfd *fds, size_t n, int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000L };
	sigset_t none;
	size_t i;

	for (i = 0; i < n; i++)
		fds[i].revents = 0;
	sigemptyset(&none);
	if (ppoll(fds, n, ms < 0 ? NULL : &ts, &none) == -1 && errno != EINTR)
		fatal("ppoll");
}

/*
 * The exit status of a child that is ending.  Returns false if it does not come
 * in time.
 */
static bool
reap(const struct child *c, uint64_t deadline, siginfo_t *info)
{
	for (;;) {
		memset(info, 0, sizeof(*info));
		if (waitid(P_PID, (id_t)c->pid, info, WEXITED | WNOHANG) == -1)
			fatal("waitid");
		if (info->si_pid == c->pid)
			return (true);
		if (clock_now() >= deadline)
			return (false);
		children_poll(NULL, 0, 10);
	}
}

/* P4: one process dead means all stop. */
static void __attribute__((noreturn))
children_died(const struct child *c)
{
	siginfo_t info;

	if (!reap(c, clock_now() + DEATH_TIMEOUT, &info))
		fatalx("dnsfw-proxy (%s) closed its channel: stopping",
		    c->name);
	if (info.si_code == CLD_EXITED)
		fatalx("dnsfw-proxy (%s) died: exit status %d; stopping",
		    c->name, info.si_status);
	fatalx("dnsfw-proxy (%s) died: killed by signal %d (%s)%s; stopping",
	    c->name, info.si_status, sigabbrev_np(info.si_status),
	    info.si_status == SIGSYS ?
	    ", a system call outside of its allow-list" : "");
}

void
children_malformed(const struct child *c, const char *why)
{
	fatalx("malformed message from dnsfw-proxy (%s): %s; stopping",
	    c->name, why);
}

size_t
children_receive(struct child *c, void *buf, int *fd)
{
	ssize_t n = chan_recv(c->chan, buf, fd, 0);

	switch (n) {
	case CHAN_AGAIN:
		return (0);
	case CHAN_EOF:
		children_died(c);
	case CHAN_BAD:
		children_malformed(c, "truncated, or with a descriptor");
	case CHAN_ERROR:
		fatal("recvmsg from dnsfw-proxy (%s)", c->name);
	default:
		return ((size_t)n);
	}
}

size_t
children_wait(struct child *c, void *buf, int *fd)
{
	uint64_t deadline = clock_now() + START_TIMEOUT * CLOCK_SECOND;
	struct pollfd pfd = { .fd = c->chan, .events = POLLIN };
	size_t n;

	while ((n = children_receive(c, buf, fd)) == 0) {
		if (children_stop != 0)
			fatalx("stopped by signal %d during the start",
			    (int)children_stop);
		if (clock_now() >= deadline)
			fatalx("dnsfw-proxy (%s) is silent", c->name);
		children_poll(&pfd, 1, 1000);
	}
	return (n);
}

void
children_wait_ready(struct child *c)
{
	uint8_t buf[MSG_SIZE_MAX];
	struct msg_ready ready;
	enum msg_err err;
	size_t n;

	n = children_wait(c, buf, NULL);
	if ((err = msg_ready_decode(buf, n, &ready)) != MSG_OK)
		children_malformed(c, msg_strerror(err));
}

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	ssize_t n = chan_send(c->chan, buf, len, fd);

	if (n == CHAN_EOF)
		children_died(c);
	if (n == CHAN_ERROR)
		fatal("sendmsg to dnsfw-proxy (%s)", c->name);
	if (n != (ssize_t)len)
		children_malformed(c, "it does not take its messages");
}

void
children_send_plain(struct child *c, enum msg_type type, int fd)
{
	struct msg_plain msg = { .type = (uint8_t)type };

	children_send(c, &msg, sizeof(msg), fd);
}

void
children_end(const struct child *compiler, const struct child *workers,
    size_t n)
{
	struct msg_plain stop = { .type = MSG_STOP };
	uint64_t deadline = clock_now() + DEATH_TIMEOUT;
	siginfo_t info;
	size_t i;

	(void)chan_send(compiler->chan, &stop, sizeof(stop), -1);
	for (i = 0; i < n; i++)
		(void)chan_send(workers[i].chan, &stop, sizeof(stop), -1);
	(void)reap(compiler, deadline, &info);
	for (i = 0; i < n; i++)
		(void)reap(&workers[i], deadline, &info);
}
