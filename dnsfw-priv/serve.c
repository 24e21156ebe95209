/* The loop. */
#include "serve.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "children.h"
#include "clock.h"
#include "firewall.h"
#include "grants.h"
#include "log.h"
#include "notify.h"
#include "own.h"
#include "policy.h"
#include "status.h"
#include "syscalls.h"

#define COMPILER_MAX	256	/* its messages in one turn */
#define STATUS_PERIOD	(10 * CLOCK_SECOND)
#define AWAIT_PERIOD	200	/* ms */

static volatile sig_atomic_t reload_asked, statistics_asked;

static struct child *compiler, *workers;
static size_t nworkers;
static bool untold[MSG_WORKERS_MAX];	/* to be told of own addresses */
static uint8_t told_families;
static uint64_t next_status;

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
tell_workers(enum msg_type type)
{
	size_t i;

	for (i = 0; i < nworkers; i++)
		children_send_plain(&workers[i], type, -1);
}

/*
 * The whole set, so that none is ever in part with a worker.  It fits: a
 * channel that poll calls writable has three quarters of its buffer free, and
 * the largest set takes 280 KiB with the kernel's bookkeeping, two thirds of
 * what SOCKBUF_ENOUGH gives.
 */
static void
tell_own(size_t worker)
{
	static const struct msg_own end = { .type = MSG_OWN };
	const struct msg_own *set;
	size_t i, k, n = own_set(&set);

	for (i = 0; i < n; i += k) {
		k = n - i < MSG_BATCH_MAX ? n - i : MSG_BATCH_MAX;
		children_send(&workers[worker], &set[i], k * sizeof(*set), -1);
	}
	children_send(&workers[worker], &end, sizeof(end), -1);
	untold[worker] = false;
}

static void
send_policy(void)
{
	size_t i;

	told_families = firewall_families();
	for (i = 0; i < nworkers; i++)
		policy_send(&workers[i], told_families);
}

/* Of a reload and the firewall at once, of the number of grants now and then. */
static void
tell_manager(void)
{
	static unsigned int told;
	bool reloading = policy_reloading();
	unsigned int state = reloading << 8 | firewall_ready();
	uint64_t now = clock_now();

	if (state == told && now < next_status)
		return;
	told = state;
	status_tell(reloading ? "RELOADING=1" : "READY=1");
	next_status = now + STATUS_PERIOD;
}

/* ms until tell_manager is due, or -1. */
static int
manager_wait(void)
{
	uint64_t now = clock_now();

	if (!notify_wanted())
		return (-1);
	return (now >= next_status ? 0 :
	    (int)((next_status - now) / (CLOCK_SECOND / 1000)) + 1);
}

static void
serve_signalled(void)
{
	if (reload_asked) {
		reload_asked = 0;
		policy_reload();
		tell_manager();
	}
	if (statistics_asked) {
		statistics_asked = 0;
		grants_log();
		children_send_plain(compiler, MSG_STATS, -1);
		tell_workers(MSG_STATS);
	}
}

/* What the compiler has to say now, at most so much of it. */
static void
serve_compiler(void)
{
	struct msg_checked checked;
	bool more = true;
	int i;

	for (i = 0; i < COMPILER_MAX && more; i++) {
		switch (policy_receive(&more, &checked)) {
		case POLICY_NEW:
			send_policy();
			log_info("the ACL was reloaded: %u rule%s",
			    policy_rules(), log_s(policy_rules()));
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
turn(void)
{
	enum { OWN, FIREWALL, COMPILER, WORKERS };
	struct pollfd fds[WORKERS + MSG_WORKERS_MAX];
	bool may_serve = grants_may_serve(), forget;
	enum own_change change;
	int ms = may_serve ? sooner(firewall_wait(), grants_hold()) : 1;
	size_t i;

	tell_manager();
	ms = sooner(ms, manager_wait());
	fds[OWN].fd = FD_OWN;
	fds[FIREWALL].fd = firewall_fd();
	fds[COMPILER].fd = compiler->chan;
	for (i = 0; i < nworkers; i++)
		fds[WORKERS + i].fd = may_serve ? workers[i].chan : -1;
	for (i = 0; i < WORKERS + nworkers; i++)
		fds[i].events = i >= WORKERS && untold[i - WORKERS] ?
		    POLLIN | POLLOUT : POLLIN;
	children_poll(fds, WORKERS + nworkers, grants_step_due() ? 0 : ms);
	serve_signalled();
	change = fds[OWN].revents == 0 ? OWN_NONE : own_read();
	if (change != OWN_NONE)
		memset(untold, true, sizeof(untold));
	if (change == OWN_MORE)
		grants_review(false);
	/* Before grants: what is gone cannot be promised, nor while it is. */
	if (firewall_lost())
		tell_workers(MSG_FORGET);
	forget = firewall_look();
	if (told_families != firewall_families()) {
		send_policy();
		grants_review(true);
	}
	if (fds[COMPILER].revents != 0)
		serve_compiler();
	forget |= grants_step(compiler);
	if (forget)
		tell_workers(MSG_FORGET);
	/* After a repair, events of meanwhile are to be read first. */
	for (i = 0; i < nworkers && !forget; i++) {
		if ((fds[WORKERS + i].revents & POLLOUT) != 0)
			tell_own(i);
		if (fds[WORKERS + i].revents != 0)
			grants_serve(&workers[i]);
	}
}

void
serve(struct child *c, struct child *w, const struct options *o)
{
	size_t i;

	compiler = c;
	workers = w;
	nworkers = o->workers;
	grants_start(o);
	for (i = 0; i < nworkers; i++)
		tell_own(i);
	send_policy();
	grants_review(true);
	(void)grants_step(compiler);
	log_info("Server started: listening on %s; %u rule%s", status_scope(),
	    policy_rules(), log_s(policy_rules()));
	while (children_stop == 0)
		turn();
	log_info("stopping (signal %d)", (int)children_stop);
	status_tell("STOPPING=1");
	children_end(compiler, workers, nworkers);
}

bool
serve_await(const struct backend *b, struct child *c, struct child *w,
    size_t n)
{
	struct pollfd fds[1 + MSG_WORKERS_MAX];
	uint8_t buf[MSG_SIZE_MAX];
	char text[STATUS_MAX];
	size_t i;

	if (!notify_wanted() || b->is_missing == NULL || !b->is_missing())
		return (true);
	log_warn("there is no chain %s yet (--chain, --table): waiting for it",
	    status_chain());
	snprintf(text, sizeof(text), "waiting for the chain %s, which does "
	    "not exist yet", status_chain());
	notify_send(NULL, text);
	while (children_stop == 0 && b->is_missing()) {
		for (i = 0; i <= n; i++)
			fds[i] = (struct pollfd){ .events = POLLIN,
			    .fd = i == n ? c->chan : w[i].chan };
		children_poll(fds, n + 1, AWAIT_PERIOD);
		/* They have nothing to say, but may die. */
		for (i = 0; i <= n; i++) {
			if (fds[i].revents != 0 &&
			    children_receive(i == n ? c : &w[i], buf, NULL) > 0)
				children_malformed(i == n ? c : &w[i],
				    "before it was asked anything");
		}
	}
	if (children_stop != 0)
		children_end(c, w, n);
	return (children_stop == 0);
}
