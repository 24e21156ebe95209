/* The loop. */
#include "serve.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "children.h"
#include "firewall.h"
#include "grants.h"
#include "log.h"
#include "own.h"
#include "policy.h"
#include "syscalls.h"

#define COMPILER_MAX	256	/* its messages in one turn */

static volatile sig_atomic_t reload_asked, statistics_asked;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		reload_asked = 1;
	else if (sig == SIGUSR1)
		statistics_asked = 1;
	else if (sig != SIGCHLD)	/* which is only to wake ppoll */
		children_stop = sig;
}

void
serve_signals(void)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
	    SIGCHLD };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		sigaddset(&set, ours[i]);
		sigaction(ours[i], &sa, NULL);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		fatal("sigprocmask");
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

static void
serve_signalled(struct child *compiler, struct child *worker)
{
	if (reload_asked) {
		reload_asked = 0;
		policy_reload();
	}
	if (statistics_asked) {
		statistics_asked = 0;
		grants_log();
		children_send_plain(compiler, MSG_STATS, -1);
		children_send_plain(worker, MSG_STATS, -1);
	}
}

/* What the compiler has to say now, at most so much of it. */
static void
serve_compiler(struct child *compiler, struct child *worker)
{
	struct msg_checked checked;
	bool more = true;
	int i;

	for (i = 0; i < COMPILER_MAX && more; i++) {
		switch (policy_receive(&more, &checked)) {
		case POLICY_NEW:
			policy_send(worker, firewall_families());
			log_info("the ACL was reloaded: %u rules",
			    policy_rules());
			grants_review(true);
			break;
		case POLICY_CHECKED:
			grants_checked(compiler, &checked);
			break;
		case POLICY_NOTHING:
			break;
		}
	}
}

/* The smaller of two times in ms, of which -1 is none. */
static int
sooner(int a, int b)
{
	if (a == -1 || b == -1)
		return (a == -1 ? b : a);
	return (a < b ? a : b);
}

static void
turn(struct child *compiler, struct child *worker)
{
	enum { OWN, FIREWALL, COMPILER, WORKER, NFDS };
	bool may_serve = grants_may_serve();
	struct pollfd fds[NFDS] = {
		[OWN] = { .fd = FD_OWN, .events = POLLIN },
		[FIREWALL] = { .fd = firewall_fd(), .events = POLLIN },
		[COMPILER] = { .fd = compiler->chan, .events = POLLIN },
		[WORKER] = { .fd = may_serve ? worker->chan : -1,
		    .events = POLLIN }
	};
	int ms = sooner(firewall_wait(), grants_hold());
	bool forget;

	if (!may_serve)
		ms = 1;
	children_poll(fds, NFDS, grants_step_due() ? 0 : ms);
	serve_signalled(compiler, worker);
	if (fds[OWN].revents != 0 && own_read())
		grants_review(false);
	/* Before grants: what is gone cannot be promised. */
	forget = firewall_look();
	if (fds[COMPILER].revents != 0)
		serve_compiler(compiler, worker);
	forget |= grants_step(compiler);
	if (forget)
		children_send_plain(worker, MSG_FORGET, -1);
	if (fds[WORKER].revents != 0)
		grants_serve(worker);
}

void
serve(struct child *compiler, struct child *worker, const struct options *o)
{
	grants_start(o);
	policy_send(worker, firewall_families());
	grants_review(true);
	(void)grants_step(compiler);
	log_info("Server started: %u rules", policy_rules());
	while (children_stop == 0)
		turn(compiler, worker);
	log_info("stopping (signal %d)", (int)children_stop);
	children_end(compiler);
	children_end(worker);
}
