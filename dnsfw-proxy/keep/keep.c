/* The keeper. */
#include "keep.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "asked.h"
#include "children.h"
#include "conf.h"
#include "connections.h"
#include "control.h"
#include "drop.h"
#include "firewall.h"
#include "hash.h"
#include "hits.h"
#include "hold.h"
#include "kernel/patience.h"
#include "landlock.h"
#include "log.h"
#include "machines.h"
#include "neighbours.h"
#include "notify.h"
#include "own.h"
#include "policy.h"
#include "refusals.h"
#include "repair.h"
#include "sandbox.h"
#include "seen.h"
#include "serve.h"
#include "signals.h"
#include "syscalls.h"
#include "takeover.h"
#include "tokens.h"

/* Of this process; it also limits images that are under way. */
#define DESCRIPTORS_MAX	256

/* Address space: what the program and its fixed tables take, and each grant. */
#define MEMORY_BASE	(512UL << 20)
#define MEMORY_GRANT	2048UL

static const struct backend *
select_backend(void)
{
	static struct backend_config config;
	const struct backend *b;

	if (conf->firewall == KEEPCONF_NONE || conf->check_only != 0)
		return (NULL);
	b = conf->firewall == KEEPCONF_IPTABLES ? &backend_ipset :
	    &backend_nftables;
	config = (struct backend_config){ .chain = conf->chain,
	    .table = conf->table.name, .table_family = conf->table.family,
	    .max_grants = conf->max_grants };
	b->open(&config);
	return (b);
}

static void
say_unchecked_user(enum keepconf_role role, const char *option)
{
	const struct keepconf_user *user = &conf->users[role];

	if (user->missing)
		log_info("not checked: the user \"%s\" (--%s), who does not "
		    "exist here", user->name, option);
}

/* --check: the list is good.  What was not checked is said, a line each. */
static int
keep_check(void)
{
	const struct keepconf_user *user = &conf->users[KEEPCONF_KEEPER];

	say_unchecked_user(KEEPCONF_HELPER, "priv-user");
	say_unchecked_user(KEEPCONF_KEEPER, "keeper-user");
	say_unchecked_user(KEEPCONF_PROXY, "proxy-user");
	if (conf->unprivileged && !user->missing)
		log_info("not checked: whether the user \"%s\" "
		    "(--keeper-user) may read the ACL", user->name);
	if (conf->chain[0] != '\0')
		log_info("not checked: the firewall and its chain \"%s\"",
		    conf->chain);
	log_info("not checked: the addresses and the port of --bind");
	children_end();
	return (0);
}

/*
 * What the program opens from now on gets a number above all that keepconf.h
 * names, so that rows of the filter can tell them apart.
 */
static void
fill_descriptors(void)
{
	int fd;

	for (fd = KEEP_FD_HELPER; fd < KEEP_FD_COUNT; fd++) {
		if ((fd == KEEP_FD_CONFIG || fd == KEEP_FD_STAMPS ||
		    fcntl(fd, F_GETFD) == -1) &&
		    dup3(STDIN_FILENO, fd, O_CLOEXEC) == -1)
			fatal("dup3");
	}
}

/* That there is no Landlock at all is another warning. */
static void
say_what_is_not_limited(void)
{
	int abi = landlock_abi();

	if (abi != -1 && abi < LANDLOCK_ABI_TCP)
		log_warn("this kernel's Landlock cannot limit TCP, as that of "
		    "Linux 6.7 can: who controls a worker can connect to "
		    "wherever the firewall lets its user (meta skuid, "
		    "--uid-owner: see the example firewalls)");
}

static void
keep_confine(void)
{
	const char *why;

	/*
	 * Confinement.  The empty root needs CAP_SYS_CHROOT, so it comes
	 * before the user; the user comes before no_new_privs, which both
	 * Landlock and seccomp need; seccomp is last, as it forbids the rest.
	 */
	/* One of its own, so that an absolute link is told from no file. */
	if (conf->unprivileged == 0)
		drop_root_directory();
	drop_limits(DESCRIPTORS_MAX);
	drop_memory(MEMORY_BASE + conf->max_grants * MEMORY_GRANT);
	if (conf->unprivileged == 0)
		drop_privileges(conf->users[KEEPCONF_KEEPER].uid,
		    conf->users[KEEPCONF_KEEPER].gid, 0);
	else
		drop_capabilities();
	/* By a process that could change nothing. */
	if (conf->check_only == 0)
		own_open();
	if (conf->check_only == 0 && conf->neighbours != 0)
		neighbours_open();
	why = sandbox_landlock(NULL, 0, KEEP_FD_ACL_DIR);
	sandbox_seccomp(keep_rules, keep_nrules);

	if (why != NULL && conf->check_only == 0)
		log_warn("%s: files, TCP to other ports and signals are kept "
		    "away by the empty root directories, the users and seccomp "
		    "alone", why);
}

int
keep_main(void)
{
	const struct backend *backend;
	size_t i;

	conf_open();
	notify_open();
	fill_descriptors();
	log_init(NULL);
	if (conf->check_only == 0)
		control_open();
	signals_open();
	hash_init();
	children_open();
	refusals_open(conf->nworkers);
	asked_open(conf->nworkers);
	machines_open(conf->nworkers);
	hits_open();
	if (conf->audit != 0)
		seen_open(conf->nworkers);
	backend = select_backend();
	if (conf->check_only == 0)
		say_what_is_not_limited();

	keep_confine();

	policy_start();
	hits_list(clock_now());
	if (conf->check_only != 0)
		return (keep_check());
	for (i = 0; i < children_nworkers; i++)
		children_wait_ready(&children_workers[i]);
	patience_begin(takeover_heed);
	if (backend != NULL)
		ask_open();
	patience_end();
	if (!serve_await(backend))
		return (0);
	patience_begin(takeover_heed);
	repair_start(backend, conf->max_grants);
	if (backend != NULL)
		tokens_open(conf->nworkers, conf_limits->rate,
		    conf_limits->burst);
	else
		tokens_open(conf->nworkers, 1000, 1000);
	if (backend != NULL && (conf->hold_live | conf->kill_connections |
	    conf->audit) != 0)
		connections_open(conf->kill_connections != 0 ?
		    conf->max_grants : 0, conf->hold_live != 0 ? HOLD_MAX : 0,
		    hold_seen);
	if (conf->audit != 0)
		connections_watch(seen_flow);
	patience_end();
	if (conf->audit != 0)
		log_warn("--audit: nothing is refused; what the list does not "
		    "allow is answered, and told");
	serve_run();
	return (0);
}
