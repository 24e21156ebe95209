/* The other processes. */
#include "children.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "chan.h"
#include "clock.h"
#include "conf.h"
#include "kernel/ask.h"
#include "log.h"
#include "report.h"
#include "signals.h"

#define START_TIMEOUT	60	/* seconds for a child to do its first part */

/* From a closed channel, or STOP, to the exit status. */
#define DEATH_TIMEOUT	(CLOCK_SECOND / 2)

#define LINE_OCTETS	1024	/* of a record of the log */
#define LINES_TURN	8	/* of each child, in a turn */
#define LINES_LAST	4096	/* of one that has died; of a list's errors */

struct child children_compiler;
struct child children_workers[MSG_WORKERS_MAX];
size_t children_nworkers;

static struct child helper_child = { .name = "dnsfw-priv", .chan = KEEP_FD_HELPER,
    .log = -1 };

void
children_open(void)
{
	struct child *c = &children_compiler;
	size_t i;

	snprintf(c->name, sizeof(c->name), "compiler");
	c->pid = conf->compiler;
	c->chan = KEEP_FD_COMPILER;
	c->log = KEEP_FD_COMPILER_LOG;
	helper_child.pid = conf->helper;
	children_nworkers = conf->nworkers;
	for (i = 0; i < children_nworkers; i++) {
		c = &children_workers[i];
		snprintf(c->name, sizeof(c->name), children_nworkers > 1 ?
		    "worker %zu" : "worker", i + 1);
		c->pid = conf->workers[i];
		c->chan = KEEP_FD_WORKER + 2 * (int)i;
		c->log = c->chan + 1;
	}
}

void
children_poll(struct pollfd *fds, size_t n, int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000L };
	size_t i;

	for (i = 0; i < n; i++)
		fds[i].revents = 0;
	if (ppoll(fds, n, ms < 0 ? NULL : &ts, NULL) == -1 && errno != EINTR)
		fatal("ppoll");
}

/* --- their lines --- */

/*
 * "[LEVEL] text" goes on with the name before the text, which the child has no
 * way to forge; what is neither is a warning.
 */
static void
log_line(const struct child *c, const char *line)
{
	static const char *const levels[] = { "[INFO ] ", "[WARN ] ",
	    "[ERROR] " };
	size_t level, len = strlen(levels[0]);

	for (level = 0; level < 3 && strncmp(line, levels[level], len) != 0;
	    level++)
		;
	if (level < 3)
		line += len;
	if (level == 0)
		log_info("%s: %s", c->name, line);
	else if (level == 2)
		log_error("%s: %s", c->name, line);
	else
		log_warn("%s: %s", c->name, line);
}

static void
log_lines(const struct child *c, unsigned int max)
{
	char line[LINE_OCTETS + 1];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < max && c->log != -1; i++) {
		n = recv(c->log, line, LINE_OCTETS, MSG_DONTWAIT);
		if (n <= 0)
			return;		/* its channel says if it is gone */
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\0'))
			n--;
		line[n] = '\0';
		log_line(c, line);
	}
}

void
children_log(const struct child *c)
{
	log_lines(c, LINES_LAST);
}

void
children_logs(void)
{
	size_t i;

	log_lines(&children_compiler, LINES_TURN);
	for (i = 0; i < children_nworkers; i++)
		log_lines(&children_workers[i], LINES_TURN);
}

/* --- their ends --- */

/* The exit status of a child that has ended.  Returns false if it has not. */
static bool
has_ended(const struct child *c, siginfo_t *info)
{
	memset(info, 0, sizeof(*info));
	if (waitid(P_PID, (id_t)c->pid, info, WEXITED | WNOHANG) == -1)
		fatal("waitid");
	return (info->si_pid == c->pid);
}

/* The same, of one that is ending: false if it does not come in time. */
static bool
reap(const struct child *c, uint64_t deadline, siginfo_t *info)
{
	while (!has_ended(c, info)) {
		if (clock_now() >= deadline)
			return (false);
		children_poll(NULL, 0, 10);
	}
	return (true);
}

static void report_end(const struct child *, const siginfo_t *)
    __attribute__((noreturn));

static void __attribute__((noreturn))
say_end(const struct child *c, const siginfo_t *info)
{
	char who[CHILDREN_NAME_MAX + sizeof("dnsfw-proxy ()")];

	log_lines(c, LINES_LAST);
	snprintf(who, sizeof(who), c == &helper_child ? "%s" :
	    "dnsfw-proxy (%s)", c->name);
	if (info->si_code == CLD_EXITED)
		fatalx("%s died: exit status %d; stopping", who,
		    info->si_status);
	fatalx("%s died: killed by signal %d (%s)%s; stopping", who,
	    info->si_status, sigabbrev_np(info->si_status),
	    info->si_status == SIGSYS ?
	    ", a system call outside of its allow-list" : "");
}

/* It ends with the compiler; then that one is what is to be told. */
static void __attribute__((noreturn))
report_helper(const siginfo_t *info)
{
	struct order_error why;
	siginfo_t compiler;

	if (info->si_status == ORDER_END_COMPILER && reap(&children_compiler,
	    clock_now() + DEATH_TIMEOUT, &compiler))
		say_end(&children_compiler, &compiler);
	if (ask_ended(&why) && why.type == ORDER_ERROR)
		fatalx("dnsfw-priv died: %s (%u); stopping",
		    report_end_text((enum order_end)why.why), why.detail);
	if (info->si_status >= ORDER_END_EOF &&
	    info->si_status < ORDER_END_LIMIT)
		fatalx("dnsfw-priv died: %s; stopping",
		    report_end_text((enum order_end)info->si_status));
	fatalx("dnsfw-priv died: exit status %d; stopping", info->si_status);
}

/* And the compiler with the helper, if that was the first to end. */
static void
report_compiler(void)
{
	struct pollfd channel = { .fd = KEEP_FD_HELPER };
	siginfo_t helper;

	if (helper_child.pid == 0)
		return;
	children_poll(&channel, 1, 0);
	if ((channel.revents & POLLHUP) != 0 &&
	    reap(&helper_child, clock_now() + DEATH_TIMEOUT, &helper) &&
	    (helper.si_code != CLD_EXITED ||
	    helper.si_status != ORDER_END_COMPILER)) {
		log_lines(&children_compiler, LINES_LAST);
		report_end(&helper_child, &helper);
	}
}

/* P4: one process dead means all stop. */
static void __attribute__((noreturn))
report_end(const struct child *c, const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED && c == &helper_child)
		report_helper(info);
	if (info->si_code == CLD_EXITED && c == &children_compiler)
		report_compiler();
	say_end(c, info);
}

static void __attribute__((noreturn))
report_closed(const struct child *c)
{
	siginfo_t info;

	if (reap(c, clock_now() + DEATH_TIMEOUT, &info))
		report_end(c, &info);
	log_lines(c, LINES_LAST);
	fatalx("%s (%s) closed its channel: stopping", c == &helper_child ?
	    "the helper" : "dnsfw-proxy", c->name);
}

void
children_look(void)
{
	struct order_error why;
	siginfo_t info;
	size_t i;

	if (has_ended(&children_compiler, &info))
		report_end(&children_compiler, &info);
	for (i = 0; i < children_nworkers; i++) {
		if (has_ended(&children_workers[i], &info))
			report_end(&children_workers[i], &info);
	}
	if (helper_child.pid != 0 && has_ended(&helper_child, &info))
		report_end(&helper_child, &info);
	if (helper_child.pid != 0 && ask_ended(&why))
		report_closed(&helper_child);
}

void
children_end(void)
{
	struct msg_plain stop = { .type = MSG_STOP };
	uint64_t deadline = clock_now() + DEATH_TIMEOUT;
	siginfo_t info;
	size_t i;

	(void)chan_send(children_compiler.chan, &stop, sizeof(stop), -1);
	for (i = 0; i < children_nworkers; i++)
		(void)chan_send(children_workers[i].chan, &stop, sizeof(stop),
		    -1);
	(void)reap(&children_compiler, deadline, &info);
	for (i = 0; i < children_nworkers; i++)
		(void)reap(&children_workers[i], deadline, &info);
	/* What they said last. */
	log_lines(&children_compiler, LINES_LAST);
	for (i = 0; i < children_nworkers; i++)
		log_lines(&children_workers[i], LINES_LAST);
}

/* --- their messages --- */

enum msg_err
children_pong(struct child *c, const void *buf, size_t len)
{
	struct msg_plain pong;
	enum msg_err err = msg_plain_decode(buf, len, MSG_PONG, &pong);

	if (err == MSG_OK && c->pings == 0)
		err = MSG_EVALUE;
	if (err == MSG_OK)
		c->pings--;
	return (err);
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
		report_closed(c);
	case CHAN_BAD:
		children_malformed(c, "truncated, or with a descriptor");
	case CHAN_ERROR:
		fatal("recvmsg from dnsfw-proxy (%s)", c->name);
	default:
		c->unanswered = 0;
		return ((size_t)n);
	}
}

size_t
children_wait(struct child *c, void *buf, int *fd)
{
	uint64_t deadline = clock_now() + START_TIMEOUT * CLOCK_SECOND;
	struct pollfd fds[] = { { .fd = c->chan, .events = POLLIN },
	    { .fd = KEEP_FD_SIGNALS, .events = POLLIN },
	    { .fd = c->log, .events = POLLIN } };
	size_t n;

	while ((n = children_receive(c, buf, fd)) == 0) {
		if (signals_child())
			children_look();
		if (signals_stop != 0)
			fatalx("stopped by signal %d during the start",
			    signals_stop);
		if (clock_now() >= deadline)
			fatalx("dnsfw-proxy (%s) is silent", c->name);
		log_lines(c, LINES_TURN);
		children_poll(fds, 3, 1000);
	}
	/* Errors of the list come before the verdict. */
	log_lines(c, LINES_LAST);
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
		report_closed(c);
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
