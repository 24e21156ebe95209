/*
 * The other processes: what they say, how they end, and what the log has of it
 * (P4, P7).  Their channels, their ends and the log are the test's.
 */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chan.h"
#include "clock.h"
#include "keep/children.h"
#include "keep/conf.h"
#include "keep/kernel/ask.h"
#include "keep/signals.h"
#include "log.h"

#define COMPILER	50		/* process ids; and of the workers, from */
#define HELPER		51
#define WORKERS		100
#define PIDS		(WORKERS + MSG_WORKERS_MAX)

/* --- what dnsfw said --- */

static struct keepconf keepconf = { .nworkers = 3, .compiler = COMPILER,
    .helper = HELPER };
const struct keepconf *conf = &keepconf;
int signals_stop;

/* --- the clock --- */

static uint64_t now = 1000 * CLOCK_SECOND;

uint64_t __wrap_clock_now(void);
int	 __wrap_ppoll(struct pollfd *, nfds_t, const struct timespec *,
	    const sigset_t *);

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

static void (*on_wait)(void);		/* what happens meanwhile */
static bool helper_hung_up;
static struct pollfd polled[8];
static nfds_t npolled;

int
__wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts,
    const sigset_t *set)
{
	cr_assert_null(set);
	cr_assert_leq(n, 8);
	if (n == 1 && fds[0].fd == KEEP_FD_HELPER && helper_hung_up)
		fds[0].revents = POLLHUP;
	if (n > 0)
		memcpy(polled, fds, n * sizeof(*fds));
	npolled = n;
	cr_assert_not_null(ts, "it would wait for ever");
	now += (uint64_t)ts->tv_sec * CLOCK_SECOND + (uint64_t)ts->tv_nsec;
	if (on_wait != NULL)
		on_wait();
	return (0);
}

/* --- the log --- */

static char lines[6000][200];		/* "L text" */
static size_t nlines;
static jmp_buf end;
static bool ending;

static void __attribute__((format(printf, 2, 0)))
note(char level, const char *fmt, va_list ap)
{
	cr_assert_lt(nlines, 6000);
	lines[nlines][0] = level;
	lines[nlines][1] = ' ';
	vsnprintf(lines[nlines] + 2, sizeof(lines[0]) - 2, fmt, ap);
	nlines++;
}

#define NOTES(name, level)						\
	void __wrap_##name(const char *, ...)				\
	    __attribute__((format(printf, 1, 2)));			\
	void								\
	__wrap_##name(const char *fmt, ...)				\
	{								\
		va_list ap;						\
									\
		va_start(ap, fmt);					\
		note(level, fmt, ap);					\
		va_end(ap);						\
	}

NOTES(log_info, 'I')
NOTES(log_warn, 'W')
NOTES(log_error, 'E')

#define ENDS(name)							\
	void __wrap_##name(const char *, ...)				\
	    __attribute__((format(printf, 1, 2), noreturn));		\
	void								\
	__wrap_##name(const char *fmt, ...)				\
	{								\
		va_list ap;						\
									\
		va_start(ap, fmt);					\
		note('F', fmt, ap);					\
		va_end(ap);						\
		cr_assert(ending, "%s", lines[nlines - 1]);		\
		longjmp(end, 1);					\
	}

ENDS(fatal)
ENDS(fatalx)

static const char *
last_line(void)
{
	cr_assert_gt(nlines, 0, "nothing was logged");
	return (lines[nlines - 1]);
}

/* --- their ends --- */

static siginfo_t ends[PIDS];		/* si_pid 0: it lives */
static uint64_t ends_at[PIDS];
static bool waited_for[PIDS];		/* the kernel tells each end once */

int __wrap_waitid(idtype_t, id_t, siginfo_t *, int);

int
__wrap_waitid(idtype_t type, id_t pid, siginfo_t *info, int options)
{
	cr_assert_eq(type, P_PID);
	cr_assert_eq(options, WEXITED | WNOHANG);
	cr_assert(pid == COMPILER || pid == HELPER || (pid >= WORKERS &&
	    pid < PIDS), "pid %d", (int)pid);
	if (waited_for[pid]) {
		errno = ECHILD;
		return (-1);
	}
	if (ends_at[pid] <= now) {
		*info = ends[pid];
		waited_for[pid] = info->si_pid != 0;
	}
	return (0);
}

static void
dies(pid_t pid, int code, int status)
{
	ends[pid].si_pid = pid;
	ends[pid].si_code = code;
	ends[pid].si_status = status;
}

/* What the program ends with when that is done. */
static const char *
end_of(void (*act)(void))
{
	ending = true;
	memset(waited_for, 0, sizeof(waited_for));
	if (setjmp(end) == 0) {
		act();
		return ("no end");
	}
	ending = false;
	return (last_line());
}

static struct order_error why;		/* the helper's; type 0: none */
static bool helper_ended;

bool
ask_ended(struct order_error *out)
{
	*out = why;
	return (helper_ended);
}

static bool child_signal;

bool
signals_child(void)
{
	return (child_signal);
}

/* --- their channels and their logs --- */

static const char *said[KEEP_FD_COUNT];	/* a line of the log, repeated */
static size_t said_len[KEEP_FD_COUNT];
static unsigned int nsaid[KEEP_FD_COUNT];

ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __wrap_chan_recv(int, void *, int *, int);
ssize_t __wrap_chan_send(int, const void *, size_t, int);

ssize_t
__wrap_recv(int fd, void *buf, size_t size, int flags)
{
	size_t n;

	cr_assert(fd >= KEEP_FD_COMPILER_LOG && fd < KEEP_FD_COUNT &&
	    (fd == KEEP_FD_COMPILER_LOG || (fd - KEEP_FD_WORKER) % 2 == 1),
	    "descriptor %d is no log", fd);
	cr_assert_eq(flags, MSG_DONTWAIT);
	if (nsaid[fd] == 0) {
		errno = EAGAIN;
		return (-1);
	}
	nsaid[fd]--;
	n = said_len[fd] < size ? said_len[fd] : size;
	memcpy(buf, said[fd], n);
	return ((ssize_t)n);
}

static void
says_of(int fd, const char *line, size_t len, unsigned int times)
{
	said[fd] = line;
	said_len[fd] = len;
	nsaid[fd] = times;
}

static void
says(size_t worker, const char *line)
{
	says_of(children_workers[worker].log, line, strlen(line), 1);
}

static ssize_t received = CHAN_AGAIN, sent;
static struct msg_ready ready = { .type = MSG_READY, .version = MSG_VERSION };
static struct { int chan; uint8_t type; } told[2 + MSG_WORKERS_MAX];
static size_t ntold;

ssize_t
__wrap_chan_recv(int chan, void *buf, int *fd, int wait)
{
	(void)chan;
	(void)fd;
	cr_assert_eq(wait, 0);
	if (received > 0)
		memcpy(buf, &ready, sizeof(ready));
	errno = EIO;
	return (received);
}

ssize_t
__wrap_chan_send(int chan, const void *buf, size_t len, int fd)
{
	(void)fd;
	cr_assert_lt(ntold, sizeof(told) / sizeof(told[0]));
	told[ntold].chan = chan;
	memcpy(&told[ntold++].type, buf, 1);
	errno = EIO;
	return (sent > 0 ? (ssize_t)len : sent);
}

static void
set_up(void)
{
	size_t i;

	sent = 1;
	for (i = 0; i < MSG_WORKERS_MAX; i++)
		keepconf.workers[i] = WORKERS + (int)i;
	children_open();
}

TestSuite(keep_children, .init = set_up, .timeout = 30);

/* --- names and places --- */

Test(keep_children, P2_descriptors_and_names)
{
	cr_assert_eq(children_nworkers, 3);
	cr_assert_str_eq(children_workers[2].name, "worker 3");
	cr_assert_eq(children_workers[2].chan, KEEP_FD_WORKER + 4);
	cr_assert_eq(children_workers[2].log, KEEP_FD_WORKER + 5);
	cr_assert_eq(children_workers[2].pid, WORKERS + 2);
	cr_assert_str_eq(children_compiler.name, "compiler");
	keepconf.nworkers = 1;
	children_open();
	cr_assert_str_eq(children_workers[0].name, "worker");
	keepconf.nworkers = MSG_WORKERS_MAX;
	children_open();
	cr_assert_eq(children_nworkers, MSG_WORKERS_MAX);
	cr_assert_eq(children_workers[MSG_WORKERS_MAX - 1].log,
	    KEEP_FD_COUNT - 1);
	cr_assert_eq(strncmp(children_workers[MSG_WORKERS_MAX - 1].name,
	    "worker ", 7), 0);
}

/* --- the log (5l): whose lines they are --- */

Test(keep_children, P7_each_line_has_its_childs_name)
{
	static const struct { const char *line, *logged; } cases[] = {
		{ "[INFO ] x", "I worker 2: x" },
		{ "[WARN ] x", "W worker 2: x" },
		{ "[ERROR] x", "E worker 2: x" },
		{ "[INFO ] x\n", "I worker 2: x" },
		{ "x", "W worker 2: x" },
		{ "[INFO] x", "W worker 2: [INFO] x" },
		{ "[INFO ", "W worker 2: [INFO " },
		{ "", NULL },
		/* Others' names. */
		{ "[ERROR] dnsfw-priv died: exit status 0; stopping",
		    "E worker 2: dnsfw-priv died: exit status 0; stopping" },
		{ "[INFO ] worker 1: x", "I worker 2: worker 1: x" },
		{ "<3>[ERROR] compiler: x", "W worker 2: <3>[ERROR] compiler: x" },
		{ " [INFO ] x", "W worker 2:  [INFO ] x" },
		{ "[INFO ] [ERROR] x", "I worker 2: [ERROR] x" },
		{ "[INFO ] %s%n%d", "I worker 2: %s%n%d" },
		/* The log escapes it: it is one line for all that. */
		{ "[INFO ] a\n[ERROR] keeper: b",
		    "I worker 2: a\n[ERROR] keeper: b" },
	};
	size_t i, before;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		before = nlines;
		says(1, cases[i].line);
		children_logs();
		cr_assert_eq(nlines - before, cases[i].logged != NULL);
		if (cases[i].logged != NULL)
			cr_assert_str_eq(last_line(), cases[i].logged);
	}
	/* A text ends where it has a zero. */
	says_of(children_workers[1].log, "[INFO ] a\0b\0\0", 12, 1);
	children_logs();
	cr_assert_str_eq(last_line(), "I worker 2: a");
	says_of(KEEP_FD_COMPILER_LOG, "[INFO ] x", 9, 1);
	children_logs();
	cr_assert_str_eq(last_line(), "I compiler: x");
}

/* Whatever one writes, each of the others has its lines of a turn. */
Test(keep_children, P7_nobody_fills_a_turn)
{
	size_t i, n;

	for (i = 0; i < 3; i++)
		says_of(children_workers[i].log, "[INFO ] x", 9, i == 0 ?
		    100000 : 3);
	children_logs();
	cr_assert_eq(nlines, 8 + 3 + 3);
	children_logs();
	cr_assert_eq(nlines, 2 * 8 + 3 + 3);
	/* Of one that has died, or is asked for all of it. */
	n = nlines;
	children_log(&children_workers[0]);
	cr_assert_eq(nlines - n, 4096);
}

Test(keep_children, P7_the_longest_line)
{
	static char line[70000];

	memset(line, 'x', sizeof(line));
	says_of(children_workers[0].log, line, sizeof(line), 1);
	children_logs();
	cr_assert_eq(nlines, 1);
	cr_assert_eq(strncmp(last_line(), "W worker 1: xxx", 15), 0);
}

/* --- how they end --- */

Test(keep_children, P4_all_live)
{
	children_look();
	cr_assert_eq(nlines, 0);
}

Test(keep_children, P4_who_died_and_how)
{
	says(2, "[ERROR] why");
	dies(WORKERS + 2, CLD_EXITED, 3);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (worker 3) died: exit status 3; stopping");
	/* What it said last comes before. */
	cr_assert_str_eq(lines[nlines - 2], "E worker 3: why");
	memset(ends, 0, sizeof(ends));
	dies(WORKERS, CLD_KILLED, SIGKILL);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (worker 1) died: killed by signal 9 (KILL); "
	    "stopping");
	dies(COMPILER, CLD_KILLED, SIGSYS);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (compiler) died: killed by signal 31 (SYS), a "
	    "system call outside of its allow-list; stopping");
}

Test(keep_children, P4_how_the_helper_died)
{
	dies(HELPER, CLD_KILLED, SIGKILL);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: killed by signal 9 (KILL); stopping");
	dies(HELPER, CLD_EXITED, 1);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: exit status 1; stopping");
	dies(HELPER, CLD_EXITED, ORDER_END_LIMIT);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: exit status 70; stopping");
	dies(HELPER, CLD_EXITED, ORDER_END_BOUNDS);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: bounds out of order, too many, or miscounted; "
	    "stopping");
	/* Its own word has more. */
	helper_ended = true;
	why = (struct order_error){ .type = ORDER_ERROR,
	    .why = ORDER_END_RECORD, .detail = ORDER_EPORT };
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: malformed message (7); stopping");
}

/* It ends with the compiler, which is what is to be told then. */
Test(keep_children, P4_the_helper_that_misses_the_compiler)
{
	dies(HELPER, CLD_EXITED, ORDER_END_COMPILER);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: the compiler is gone; stopping");
	dies(COMPILER, CLD_KILLED, SIGSEGV);
	ends_at[COMPILER] = now + 400 * (CLOCK_SECOND / 1000);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (compiler) died: killed by signal 11 (SEGV); "
	    "stopping");
	/* Or by itself, when the helper's channel has an end already. */
	helper_hung_up = true;
	dies(COMPILER, CLD_EXITED, 1);
	ends_at[COMPILER] = now + 100 * (CLOCK_SECOND / 1000);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (compiler) died: exit status 1; stopping");
}

/* Another end of it is its own, also if the compiler follows at once. */
Test(keep_children, P4_the_helper_that_misses_nobody)
{
	dies(HELPER, CLD_EXITED, ORDER_END_BOUNDS);
	dies(COMPILER, CLD_EXITED, 1);
	ends_at[COMPILER] = now + 100 * (CLOCK_SECOND / 1000);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: bounds out of order, too many, or miscounted; "
	    "stopping");
}

/* The same the other way round, whichever of the two is seen first. */
Test(keep_children, P4_the_compiler_that_misses_the_helper)
{
	dies(COMPILER, CLD_EXITED, 1);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (compiler) died: exit status 1; stopping");
	helper_hung_up = true;
	dies(HELPER, CLD_KILLED, SIGKILL);
	ends_at[HELPER] = now + 400 * (CLOCK_SECOND / 1000);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: killed by signal 9 (KILL); stopping");
	/* But not if it is the compiler that was first. */
	dies(HELPER, CLD_EXITED, ORDER_END_COMPILER);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-proxy (compiler) died: exit status 1; stopping");
}

/* A channel that has ended, of one that lives on: half a second, and no more. */
Test(keep_children, P4_a_closed_channel)
{
	uint64_t from = now;

	helper_ended = true;
	cr_assert_str_eq(end_of(children_look),
	    "F the helper (dnsfw-priv) closed its channel: stopping");
	cr_assert(now - from >= CLOCK_SECOND / 2 && now - from <
	    CLOCK_SECOND);
	/* And one that dies meanwhile is told as that. */
	dies(HELPER, CLD_KILLED, SIGKILL);
	ends_at[HELPER] = now + 100 * (CLOCK_SECOND / 1000);
	cr_assert_str_eq(end_of(children_look),
	    "F dnsfw-priv died: killed by signal 9 (KILL); stopping");
}

/* --firewall none: there is nobody to look after. */
Test(keep_children, F3_no_helper)
{
	keepconf.helper = 0;
	children_open();
	helper_ended = true;
	children_look();
	cr_assert_eq(nlines, 0);
}

Test(keep_children, P6_all_are_told_to_stop_and_waited_for_together)
{
	uint64_t from = now;
	size_t i;

	says(1, "[INFO ] last");
	dies(WORKERS, CLD_EXITED, 0);
	children_end();
	cr_assert_eq(ntold, 4);
	cr_assert_eq(told[0].chan, KEEP_FD_COMPILER);
	for (i = 0; i < 4; i++)
		cr_assert_eq(told[i].type, MSG_STOP);
	cr_assert(now - from >= CLOCK_SECOND / 2 && now - from <
	    6 * CLOCK_SECOND / 10);
	cr_assert_str_eq(last_line(), "I worker 2: last");
	/* If all end at once there is nothing to wait for. */
	waited_for[WORKERS] = false;
	for (i = 0; i < 3; i++)
		dies(WORKERS + (int)i, CLD_EXITED, 0);
	dies(COMPILER, CLD_EXITED, 0);
	from = now;
	children_end();
	cr_assert_eq(now, from);
	/* Nor does a channel that takes nothing hold it off. */
	memset(waited_for, 0, sizeof(waited_for));
	sent = CHAN_AGAIN;
	children_end();
	cr_assert_eq(now, from);
}

/* --- their messages --- */

static uint8_t buf[MSG_SIZE_MAX];

static void
receive(void)
{
	(void)children_receive(&children_workers[1], buf, NULL);
}

Test(keep_children, P7_what_is_received)
{
	cr_assert_eq(children_receive(&children_workers[1], buf, NULL), 0);
	children_workers[0].unanswered = children_workers[1].unanswered = 2;
	cr_assert_eq(children_receive(&children_workers[1], buf, NULL), 0);
	cr_assert_eq(children_workers[1].unanswered, 2);
	received = sizeof(ready);
	cr_assert_eq(children_receive(&children_workers[1], buf, NULL),
	    sizeof(ready));
	cr_assert_eq(children_workers[1].unanswered, 0, "it lives (O3)");
	cr_assert_eq(children_workers[0].unanswered, 2);
	received = CHAN_BAD;
	cr_assert_str_eq(end_of(receive), "F malformed message from dnsfw-proxy "
	    "(worker 2): truncated, or with a descriptor; stopping");
	received = CHAN_ERROR;
	cr_assert_str_eq(end_of(receive), "F recvmsg from dnsfw-proxy (worker 2)");
	received = CHAN_EOF;
	cr_assert_str_eq(end_of(receive),
	    "F dnsfw-proxy (worker 2) closed its channel: stopping");
	dies(WORKERS + 1, CLD_EXITED, 0);
	cr_assert_str_eq(end_of(receive),
	    "F dnsfw-proxy (worker 2) died: exit status 0; stopping");
}

/* One for each PING, and as it should be. */
Test(keep_children, O3_pongs)
{
	const struct msg_plain pong = { .type = MSG_PONG }, bad = {
	    .type = MSG_PONG, .pad = { 1 } };
	struct child *c = &children_workers[1];

	cr_assert_eq(children_pong(c, &pong, sizeof(pong)), MSG_EVALUE);
	c->pings = 2;
	cr_assert_eq(children_pong(c, &bad, sizeof(bad)), MSG_EPAD);
	cr_assert_eq(children_pong(c, &pong, sizeof(pong) - 1), MSG_ESIZE);
	cr_assert_eq(children_pong(c, &pong, sizeof(pong)), MSG_OK);
	cr_assert_eq(children_pong(c, &pong, sizeof(pong)), MSG_OK);
	cr_assert_eq(c->pings, 0);
	cr_assert_eq(children_pong(c, &pong, sizeof(pong)), MSG_EVALUE);
}

static void
send_it(void)
{
	children_send_plain(&children_workers[1], MSG_FORGET, -1);
}

Test(keep_children, P7_who_does_not_take_its_messages)
{
	send_it();
	cr_assert_eq(told[0].type, MSG_FORGET);
	cr_assert_eq(told[0].chan, children_workers[1].chan);
	sent = CHAN_AGAIN;
	cr_assert_str_eq(end_of(send_it), "F malformed message from dnsfw-proxy "
	    "(worker 2): it does not take its messages; stopping");
	sent = CHAN_ERROR;
	cr_assert_str_eq(end_of(send_it), "F sendmsg to dnsfw-proxy (worker 2)");
	sent = CHAN_EOF;
	cr_assert_str_eq(end_of(send_it),
	    "F dnsfw-proxy (worker 2) closed its channel: stopping");
}

static void
wait_ready(void)
{
	children_wait_ready(&children_workers[1]);
}

static void
it_is_ready(void)
{
	received = sizeof(ready);
	says(1, "[ERROR] before");
}

static void
it_is_to_stop(void)
{
	signals_stop = SIGTERM;
}

static void
it_dies(void)
{
	child_signal = true;
	dies(COMPILER, CLD_EXITED, 9);
}

Test(keep_children, P3_until_it_is_ready)
{
	uint64_t from = now;

	/* What it says comes before what it sends. */
	on_wait = it_is_ready;
	wait_ready();
	cr_assert_str_eq(last_line(), "E worker 2: before");
	cr_assert_eq(npolled, 3);
	cr_assert_eq(polled[0].fd, children_workers[1].chan);
	cr_assert_eq(polled[1].fd, KEEP_FD_SIGNALS);
	cr_assert_eq(polled[2].fd, children_workers[1].log);
	/* It is no other message, and of this version. */
	ready.version++;
	cr_assert_eq(strncmp(end_of(wait_ready), "F malformed message", 19), 0);
	/* Not for ever. */
	on_wait = NULL;
	received = CHAN_AGAIN;
	from = now;
	cr_assert_str_eq(end_of(wait_ready), "F dnsfw-proxy (worker 2) is silent");
	cr_assert_eq(now - from, 60 * CLOCK_SECOND);
	on_wait = it_dies;
	cr_assert_str_eq(end_of(wait_ready),
	    "F dnsfw-proxy (compiler) died: exit status 9; stopping");
	child_signal = false;
	on_wait = it_is_to_stop;
	cr_assert_str_eq(end_of(wait_ready),
	    "F stopped by signal 15 during the start");
}

/* Lines and messages of ten times a turn's, and what is counted stays. */
Test(keep_children, wear_of_many_turns)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		says_of(children_workers[i % 3].log, "[INFO ] x", 9, 5);
		children_logs();
		children_look();
	}
	cr_assert_eq(nlines, 5000);
	cr_assert_eq(ntold, 0);
}
