/* Signals as something to read. */
#include "signals.h"

#include <sys/signalfd.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "keepconf.h"
#include "log.h"

#define KINDS_MAX	16	/* taken in one go */

int signals_stop;

static unsigned int pending;	/* read, and not yet taken */

void
signals_open(void)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
	    SIGCHLD };
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(&set, ours[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		fatal("sigprocmask");
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd == -1)
		fatal("signalfd");
	if (fd == KEEP_FD_SIGNALS)
		return;
	if (dup3(fd, KEEP_FD_SIGNALS, O_CLOEXEC) == -1)
		fatal("dup3");
	close(fd);
}

static void
read_signals(void)
{
	struct signalfd_siginfo info;
	unsigned int i;
	ssize_t n;

	/* One of a kind waits at most, unless somebody goes on sending. */
	for (i = 0; i < KINDS_MAX; i++) {
		n = read(KEEP_FD_SIGNALS, &info, sizeof(info));
		if (n != sizeof(info)) {
			if (n == -1 && errno != EAGAIN && errno != EINTR)
				fatal("cannot read signals");
			break;
		}
		if (info.ssi_signo == SIGHUP)
			pending |= SIGNALS_RELOAD;
		else if (info.ssi_signo == SIGUSR1)
			pending |= SIGNALS_STATS;
		else if (info.ssi_signo == SIGCHLD)
			pending |= SIGNALS_CHILD;
		else
			signals_stop = (int)info.ssi_signo;
	}
}

unsigned int
signals_take(void)
{
	unsigned int taken;

	read_signals();
	taken = pending;
	pending = 0;
	return (taken);
}

bool
signals_child(void)
{
	bool child;

	read_signals();
	child = (pending & SIGNALS_CHILD) != 0;
	pending &= ~SIGNALS_CHILD;
	return (child);
}
