/*
 * dnsfw: what the operator starts, as root.
 *
 * It opens sockets, starts the others, and becomes the keeper.  Options are read
 * (reading.h), and netlink messages made (spawn_stamp), by children that have
 * given up everything; of these two nothing but memory of one form comes back.
 * No byte of the others, a client, the network or the firewall is read here.
 */
#include <linux/netfilter/nfnetlink.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chan.h"
#include "conf.h"
#include "drop.h"
#include "given.h"
#include "landlock.h"
#include "listen.h"
#include "log.h"
#include "privs.h"
#include "reading.h"
#include "spawn.h"

#define AT(fd)		((fd) - SPAWN_FD_FIRST)		/* in an array of fds */
#define HELPER_FDS	(AT(HELPER_FD_LANDLOCK) + 1)

static struct options o;

/* What they get; -1: nothing. */
static int keeper[AT(KEEP_FD_END)], helper[HELPER_FDS];

/* From now on they wait for the keeper's signalfd; the children get none. */
static void
block_signals(void)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
	    SIGCHLD };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(&set, ours[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) == -1)
		fatal("sigprocmask");
}

/* What a child dies with: its end of a pipe, whose other end the keeper has. */
static int
open_life(void)
{
	static int next = KEEP_FD_LIFE;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		fatal("pipe");
	keeper[AT(next++)] = ends[1];
	return (ends[0]);
}

/* The netlink sockets that the helper sends on and the keeper reads. */
static void
open_netlink(void)
{
	int fd;

	for (fd = HELPER_FD_ACT; fd <= HELPER_FD_OWN; fd++)
		helper[AT(fd)] = given_netlink(0);
	keeper[AT(KEEP_FD_ACT)] = helper[AT(HELPER_FD_ACT)];
	keeper[AT(KEEP_FD_LIST)] = helper[AT(HELPER_FD_LIST)];
	keeper[AT(KEEP_FD_FLOWS)] = helper[AT(HELPER_FD_FLOWS)];
	keeper[AT(KEEP_FD_EVENTS)] =
	    given_netlink(1U << (NFNLGRP_NFTABLES - 1));
}

/* Start the helper; the compiler gets its end of the channel to it. */
static pid_t
start_helper(int *compiler)
{
	static struct stamps stamps;
	const char *why;
	int ends[2];

	conf_helper(&o, &stamps);
	helper[AT(HELPER_FD_STAMPS)] = keeper[AT(KEEP_FD_STAMPS)] =
	    given_memory("dnsfw-stamps", &stamps, sizeof(stamps));
	/* That there is none, the keeper says. */
	helper[AT(HELPER_FD_LANDLOCK)] = landlock_ruleset(NULL, 0, -1, &why);
	spawn_channel(ends);
	keeper[AT(KEEP_FD_HELPER)] = ends[0];
	helper[AT(HELPER_FD_KEEPER)] = ends[1];
	spawn_channel(ends);
	*compiler = ends[0];
	helper[AT(HELPER_FD_COMPILER)] = ends[1];
	return (spawn_helper(&o.keep.users[KEEPCONF_HELPER], open_life(),
	    helper, HELPER_FDS));
}

/* Channels to a child: fds[0] is the child's, *log what it writes to. */
static void
open_channels(int keep_channel, int keep_log, int fds[], int *log)
{
	int ends[2];

	spawn_channel(ends);
	keeper[AT(keep_channel)] = ends[0];
	fds[0] = ends[1];
	spawn_channel(ends);
	keeper[AT(keep_log)] = ends[0];
	*log = ends[1];
}

static pid_t
start_compiler(int to_helper)
{
	int fds[2], log;

	open_channels(KEEP_FD_COMPILER, KEEP_FD_COMPILER_LOG, fds, &log);
	fds[1] = to_helper;
	return (spawn_proxy(geteuid() == 0 ? "compiler" : "checker",
	    &o.keep.users[KEEPCONF_PROXY], o.keep.acl_path, open_life(), log, fds,
	    2));
}

static pid_t
start_worker(unsigned int i, int fds[1 + LISTEN_MAX], size_t nlisten)
{
	char name[20] = "worker";
	size_t k;
	pid_t pid;
	int log;

	if (o.keep.nworkers > 1)
		snprintf(name, sizeof(name), "worker %u", i + 1);
	open_channels(KEEP_FD_WORKER + 2 * (int)i,
	    KEEP_FD_WORKER + 2 * (int)i + 1, fds, &log);
	o.worker.number = i;
	if (chan_send(keeper[AT(KEEP_FD_WORKER) + 2 * i], &o.worker,
	    sizeof(o.worker), -1) != sizeof(o.worker))
		fatal("cannot send the configuration");
	pid = spawn_proxy("worker", &o.keep.users[KEEPCONF_PROXY], name,
	    open_life(), log, fds, 1 + nlisten);
	/* Of many workers they would be too many. */
	for (k = 1; k <= nlisten; k++)
		close(fds[k]);
	return (pid);
}

int
main(int argc, char **argv)
{
	int fds[1 + LISTEN_MAX], to_helper = -1;
	struct keepconf *k = &o.keep;
	bool has_helper;
	uint32_t i;

	privs_descriptors();
	log_init(NULL);
	/* Who ignores it has no children to wait for. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		fatal("signal");
	reading_options(&o, argc, argv);
	k->unprivileged = geteuid() != 0;
	if (!k->check_only)
		privs_check(k);
	block_signals();
	memset(keeper, -1, sizeof(keeper));
	memset(helper, -1, sizeof(helper));
	keeper[AT(KEEP_FD_ACL_DIR)] = given_acl(k);
	has_helper = !k->check_only && k->firewall != KEEPCONF_NONE;
	if (has_helper)
		open_netlink();
	if (!k->check_only) {
		keeper[AT(KEEP_FD_NOTIFY)] = given_notify();
		/* What cannot be bound is said before anything is started. */
		(void)listen_open(k, 0, fds + 1);
	}
	if (geteuid() == 0)
		drop_directory();
	if (has_helper)
		k->helper = start_helper(&to_helper);
	k->compiler = start_compiler(to_helper);
	for (i = 0; i < k->nworkers; i++)
		k->workers[i] = start_worker(i, fds, i == 0 ? 2 * k->binds.n :
		    listen_open(k, i, fds + 1));
	keeper[AT(KEEP_FD_CONFIG)] = given_memory("dnsfw-keeper", k,
	    sizeof(*k));
	spawn_keeper(keeper, AT(KEEP_FD_END));
}
