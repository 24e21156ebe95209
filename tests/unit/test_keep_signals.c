/* Signals as something to read (P6). */
#include <criterion/criterion.h>

#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "keep/signals.h"
#include "keepconf.h"

static void
set_up(void)
{
	signals_open();
}

TestSuite(keep_signals, .init = set_up, .timeout = 30);

static bool
is_readable(void)
{
	struct pollfd fd = { .fd = KEEP_FD_SIGNALS, .events = POLLIN };

	return (poll(&fd, 1, 0) == 1);
}

Test(keep_signals, P6_each_means_one_thing)
{
	cr_assert_eq(signals_take(), 0);
	raise(SIGHUP);
	cr_assert_eq(signals_take(), SIGNALS_RELOAD);
	raise(SIGUSR1);
	cr_assert_eq(signals_take(), SIGNALS_STATS);
	raise(SIGCHLD);
	cr_assert_eq(signals_take(), SIGNALS_CHILD);
	cr_assert_eq(signals_take(), 0);
	cr_assert_eq(signals_stop, 0);
}

Test(keep_signals, P6_all_at_once)
{
	raise(SIGHUP);
	raise(SIGCHLD);
	raise(SIGUSR1);
	raise(SIGTERM);
	cr_assert(is_readable());
	cr_assert_eq(signals_take(), SIGNALS_RELOAD | SIGNALS_STATS |
	    SIGNALS_CHILD);
	cr_assert_eq(signals_stop, SIGTERM);
	cr_assert_not(is_readable());
}

Test(keep_signals, P6_those_that_stop)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGQUIT };
	size_t i;

	for (i = 0; i < 3; i++) {
		signals_stop = 0;
		raise(ours[i]);
		cr_assert_eq(signals_take(), 0);
		cr_assert_eq(signals_stop, ours[i]);
	}
}

/* At the start a child is looked after; what else came is for later. */
Test(keep_signals, A9_nothing_is_lost_at_the_start)
{
	raise(SIGHUP);
	cr_assert_not(signals_child());
	raise(SIGCHLD);
	raise(SIGUSR1);
	cr_assert(signals_child());
	cr_assert_not(signals_child());
	cr_assert_eq(signals_take(), SIGNALS_RELOAD | SIGNALS_STATS);
	cr_assert_eq(signals_take(), 0);
}

/* Who reads is not held, and the kernel keeps one of a kind at least. */
Test(keep_signals, wear_of_many)
{
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		raise(i % 2 == 0 ? SIGHUP : SIGUSR1);
		raise(i % 2 == 0 ? SIGHUP : SIGUSR1);
		cr_assert_eq(signals_take(), i % 2 == 0 ? SIGNALS_RELOAD :
		    SIGNALS_STATS);
	}
}

/* A reader that has gone is an error of write, not the end. */
Test(keep_signals, a_pipe_that_broke)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	cr_assert_eq(write(ends[1], "x", 1), -1);
}

Test(keep_signals, P2_the_descriptor_is_this_one_and_goes_nowhere)
{
	cr_assert_neq(fcntl(KEEP_FD_SIGNALS, F_GETFD) & FD_CLOEXEC, 0);
	cr_assert_neq(fcntl(KEEP_FD_SIGNALS, F_GETFL) & O_NONBLOCK, 0);
}

Test(keep_signals, a_descriptor_that_is_gone_is_the_end, .exit_code = 1)
{
	close(KEEP_FD_SIGNALS);
	(void)signals_take();
}
