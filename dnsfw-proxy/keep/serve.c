/* The keeper's loop. */
#include "serve.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "alive.h"
#include "asked.h"
#include "children.h"
#include "clock.h"
#include "conf.h"
#include "connections.h"
#include "control.h"
#include "firewall.h"
#include "hits.h"
#include "hold.h"
#include "log.h"
#include "machines.h"
#include "neighbours.h"
#include "notify.h"
#include "own.h"
#include "policy.h"
#include "repair.h"
#include "requests.h"
#include "review.h"
#include "signals.h"
#include "status.h"

#define COMPILER_MAX	16	/* records of its in one turn */
#define AWAIT_PERIOD	200	/* ms */

/*
 * Places in what is polled, behind the workers' channels and then their logs.
 * The kernel looks at them in this order: what happened before a worker asked is
 * seen together with that.
 */
enum { AT_COMPILER_LOG, AT_COMPILER, AT_REPAIR, AT_CONNECTIONS, AT_HELPER,
    AT_ACT, AT_SIGNALS, AT_CONTROL, AT_OWN = AT_CONTROL + CONTROL_POLLED,
    AT_NEIGHBOURS, AT_EVENTS, AT_COUNT };
#define POLLED_MAX	(2 * MSG_WORKERS_MAX + AT_COUNT)

static bool untold[MSG_WORKERS_MAX];	/* to be told of own addresses */
static uint8_t told_families;

static void
tell_workers(enum msg_type type)
{
	size_t i;

	for (i = 0; i < children_nworkers; i++)
		children_send_plain(&children_workers[i], type, -1);
}

/*
 * The whole set, so that none is ever in part with a worker.  It fits: a
 * channel that poll calls writable has three quarters of its buffer free, and
 * the largest set takes 280 KiB with the kernel's bookkeeping.
 */
static void
tell_own(size_t worker)
{
	static const struct msg_own end = { .type = MSG_OWN };
	struct child *c = &children_workers[worker];
	const struct msg_own *set;
	size_t i, k, n = own_set(&set);

	for (i = 0; i < n; i += k) {
		k = n - i < MSG_BATCH_MAX ? n - i : MSG_BATCH_MAX;
		children_send(c, &set[i], k * sizeof(*set), -1);
	}
	children_send(c, &end, sizeof(end), -1);
	untold[worker] = false;
}

/* Is there something that waits for room in its channel? */
static bool
is_untold(size_t worker)
{
	return (untold[worker] || asked_waits((unsigned int)worker) ||
	    neighbours_untold((unsigned int)worker));
}

/* All that waits. */
static void
tell_worker(size_t worker)
{
	if (untold[worker])
		tell_own(worker);
	asked_tell((unsigned int)worker);
	neighbours_tell((unsigned int)worker);
}

static void
send_policy(void)
{
	size_t i;

	told_families = firewall.families;
	for (i = 0; i < children_nworkers; i++)
		policy_send(&children_workers[i], told_families);
}

static void
log_statistics(void)
{
	log_info("policy: rules %u, generation %u; grants: %u live of %u, "
	    "%llu held for living connections", policy_rules(),
	    policy_generation(), ledger_count(firewall.ledger),
	    ledger_max(firewall.ledger), (unsigned long long)hold_count());
	requests_log();
	log_info("firewall: %s, transactions %llu, repairs %llu, "
	    "grants revoked %llu, kept at the start %llu; "
	    "own addresses: %u; of neighbours: %u",
	    firewall.ready == firewall.families ? "working" : "incomplete",
	    (unsigned long long)firewall.transactions,
	    (unsigned long long)firewall.repairs,
	    (unsigned long long)firewall.revoked,
	    (unsigned long long)firewall.taken_over, own_count(),
	    machines_count());
	children_send_plain(&children_compiler, MSG_STATS, -1);
	tell_workers(MSG_STATS);
}

static void
serve_signals(void)
{
	unsigned int taken = signals_take();

	if ((taken & SIGNALS_CHILD) != 0)
		children_look();
	if ((taken & SIGNALS_RELOAD) != 0)
		policy_reload();
	if ((taken & SIGNALS_STATS) != 0)
		log_statistics();
}

/* What the compiler has to say now, at most so much of it. */
static void
serve_compiler(void)
{
	static struct policy_checked checked;
	unsigned int i;

	for (i = 0; i < COMPILER_MAX; i++) {
		switch (policy_receive(&checked)) {
		case POLICY_NEW:
			hits_list(clock_now());
			send_policy();
			log_info("the ACL was reloaded: %u rule%s",
			    policy_rules(), log_s(policy_rules()));
			review_begin(true);
			break;
		case POLICY_CHECKED:
			review_checked(&checked);
			break;
		case POLICY_SEEN_TO:
			break;
		case POLICY_NOTHING:
			return;
		}
	}
}

static void
serve_own(void)
{
	switch (own_read()) {
	case OWN_MORE:
		review_begin(false);
		/* FALLTHROUGH */
	case OWN_LESS:
		memset(untold, true, sizeof(untold));
		break;
	case OWN_NONE:
		break;
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

/* How long to wait for something to read. */
static int
turn_wait(bool held_back)
{
	int ms = sooner(repair_wait(), hold_step());

	ms = sooner(ms, status_wait());
	ms = sooner(ms, alive_wait());
	ms = sooner(ms, own_wait());
	ms = sooner(ms, neighbours_wait());
	ms = sooner(ms, control_wait());
	if (held_back)
		ms = sooner(ms, 1);
	ms = sooner(ms, connections_wait());
	if (policy_due() && !review_is_busy())
		return (0);
	return (review_due() && !ask_stuck() ? 0 : ms);
}

/* Has the worker tokens, and can what it asks for be had now? */
static bool
is_heard(size_t worker)
{
	return (requests_may((unsigned int)worker) && !repair_soon_done());
}

static void
turn_poll(struct pollfd fds[POLLED_MAX])
{
	bool held_back = false, may;
	size_t i, n = children_nworkers;
	struct pollfd *others = &fds[2 * n];
	bool has_helper = conf->helper != 0;

	for (i = 0; i < 2 * n + AT_COUNT; i++)
		fds[i].events = POLLIN;
	for (i = 0; i < n; i++) {
		may = is_heard(i);
		held_back |= !may;
		fds[i].fd = may ? children_workers[i].chan : -1;
		if (is_untold(i))
			fds[i].events |= POLLOUT;
		fds[n + i].fd = children_workers[i].log;
	}
	others[AT_COMPILER_LOG].fd = children_compiler.log;
	others[AT_COMPILER].fd = children_compiler.chan;
	others[AT_REPAIR].fd = repair_fd();
	others[AT_CONNECTIONS].fd = connections_fd();
	others[AT_HELPER].fd = has_helper ? KEEP_FD_HELPER : -1;
	others[AT_ACT].fd = has_helper ? KEEP_FD_ACT : -1;
	others[AT_SIGNALS].fd = KEEP_FD_SIGNALS;
	control_poll(others + AT_CONTROL);
	others[AT_OWN].fd = KEEP_FD_OWN;
	others[AT_NEIGHBOURS].fd = neighbours_fd();
	others[AT_EVENTS].fd = has_helper ? KEEP_FD_EVENTS : -1;
	children_poll(fds, 2 * n + AT_COUNT, turn_wait(held_back));
}

/* Can one of them be read, or has it ended? */
static bool
is_ready(const struct pollfd *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n && fds[i].revents == 0; i++)
		;
	return (i < n);
}

/*
 * What is gone is known before grants are promised; and the events of meanwhile
 * are read first.
 */
static void
turn(void)
{
	static struct pollfd fds[POLLED_MAX];
	const size_t n = children_nworkers;
	const struct pollfd *others = &fds[2 * n];
	bool forget = false;
	size_t i;

	turn_poll(fds);
	if (is_ready(&others[AT_SIGNALS], 1))
		serve_signals();
	if (is_ready(&others[AT_HELPER], 1) || is_ready(&others[AT_ACT], 1))
		ask_look();
	if (is_ready(&others[AT_HELPER], 1))
		children_look();
	if (is_ready(&others[AT_OWN], 1) || own_wait() != -1)
		serve_own();
	if (is_ready(&others[AT_NEIGHBOURS], 1) || neighbours_wait() != -1)
		neighbours_read();
	if (is_ready(&others[AT_EVENTS], 1))
		forget = repair_events();
	forget |= repair_step();
	if (told_families != firewall.families) {
		send_policy();
		review_begin(true);
	}
	if (is_ready(&others[AT_COMPILER], 1))
		serve_compiler();
	connections_step();
	forget |= review_step();
	/* The next list, when all is seen to by this one (A9). */
	if (!review_is_busy())
		policy_ask();
	forget |= control_step(others + AT_CONTROL);
	status_step();
	if (is_ready(&fds[n], n + 1))
		children_logs();
	if (forget)
		tell_workers(MSG_FORGET);
	for (i = 0; i < n; i++) {
		if ((fds[i].revents & POLLOUT) != 0)
			tell_worker(i);
		if ((fds[i].revents & ~POLLOUT) != 0 && is_heard(i))
			requests_serve((unsigned int)i);
	}
	/* What was there has been read. */
	alive_step();
}

void
serve_run(void)
{
	size_t i;

	for (i = 0; i < children_nworkers; i++)
		tell_own(i);
	send_policy();
	review_begin(true);
	(void)review_step();
	log_info("Server started: listening on %s; %u rule%s", status_scope(),
	    policy_rules(), log_s(policy_rules()));
	/* READY comes before what a signal of meanwhile says. */
	status_step();
	serve_signals();
	while (signals_stop == 0)
		turn();
	log_info("stopping (signal %d)", signals_stop);
	status_tell("STOPPING=1");
	children_end();
}

/* Nobody has anything to say yet, but may die. */
static void
hear_nothing(struct child *c)
{
	static uint8_t buf[MSG_SIZE_MAX];

	if (children_receive(c, buf, NULL) > 0)
		children_malformed(c, "before it was asked anything");
}

bool
serve_await(const struct backend *b)
{
	struct pollfd fds[] = { { .fd = KEEP_FD_SIGNALS, .events = POLLIN } };
	char text[STATUS_SCOPE_MAX];
	size_t i;

	if (!notify_wanted() || b == NULL || !b->is_missing())
		return (true);
	log_warn("there is no chain %s yet (--chain, --table): waiting for it",
	    status_chain());
	snprintf(text, sizeof(text), "waiting for the chain %s, which does "
	    "not exist yet", status_chain());
	notify_send(NULL, text);
	while (signals_stop == 0 && b->is_missing()) {
		children_poll(fds, 1, AWAIT_PERIOD);
		if (signals_child())
			children_look();
		hear_nothing(&children_compiler);
		for (i = 0; i < children_nworkers; i++)
			hear_nothing(&children_workers[i]);
		children_logs();
	}
	if (signals_stop != 0)
		children_end();
	return (signals_stop == 0);
}
