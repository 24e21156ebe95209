/* The other processes. */
#include "spawn.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drop.h"
#include "given.h"
#include "log.h"
#include "sockbuf.h"
#include "where.h"

#define CHANNEL_BUFFER	(4 << 20)	/* bytes: room for many results */
#define HELPER_MEMORY	(64UL << 20)	/* bytes of address space */

static char *no_environment[] = { NULL };

void
spawn_channel(int ends[2])
{
	int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		fatal("socketpair");
	/* For many results, of which --check has none. */
	for (i = 0; i < 2 && geteuid() == 0; i++)
		sockbuf_send(ends[i], CHANNEL_BUFFER);
}

/* Nothing, but for how the log is written. */
static char **
log_environment(void)
{
	static char journal[64], *env[] = { NULL, NULL };
	const char *stream = getenv("JOURNAL_STREAM");

	if (stream != NULL) {
		snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", stream);
		env[0] = journal;
	}
	return (env);
}

/*
 * The last step before exec: all others close with it, whoever opened them.  Before
 * Linux 5.11 only those that are opened so, as all of ours are.
 */
static void
arrange(const int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (fds[i] == -1)
			close(SPAWN_FD_FIRST + (int)i);
		else if (dup2(fds[i], SPAWN_FD_FIRST + (int)i) == -1)
			fatal("cannot arrange descriptors");
	}
	if (close_range(SPAWN_FD_FIRST + (unsigned int)n, ~0U,
	    CLOSE_RANGE_CLOEXEC) == -1 && errno != EINVAL)
		fatal("close_range");
}

static pid_t
fork_child(void)
{
	pid_t pid = fork();

	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		log_forked();
	return (pid);
}

pid_t
spawn_proxy(const char *role, const struct keepconf_user *user, const char *name, int life,
    int log, const int *fds, size_t nfds)
{
	char numbers[2][16];
	char *argv[] = { (char *)(uintptr_t)"dnsfw-proxy",
	    (char *)(uintptr_t)role, numbers[0], numbers[1],
	    (char *)(uintptr_t)name, NULL };
	pid_t pid;

	if ((pid = fork_child()) != 0)
		return (pid);
	snprintf(numbers[0], sizeof(numbers[0]), "%u", user->uid);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", user->gid);
	if (dup2(life, STDIN_FILENO) == -1 || dup2(log, STDERR_FILENO) == -1)
		fatal("cannot arrange descriptors");
	arrange(fds, nfds);
	execve(where_proxy(), argv, no_environment);
	log_error("cannot run %s: %m", where_proxy());
	_exit(1);
}

pid_t
spawn_helper(const struct keepconf_user *user, int life, const int *fds, size_t nfds)
{
	char *argv[] = { (char *)(uintptr_t)"dnsfw-priv", NULL };
	int program = open(where_helper(), O_PATH | O_CLOEXEC);
	pid_t pid;

	if (program == -1)
		fatal("cannot open %s", where_helper());
	if ((pid = fork_child()) != 0) {
		close(program);
		return (pid);
	}
	arrange(fds, nfds);
	if (dup2(STDIN_FILENO, STDOUT_FILENO) == -1 ||
	    dup2(life, STDIN_FILENO) == -1)
		fatal("cannot arrange descriptors");
	/* One more than it has, for the dynamic linker. */
	drop_for_exec(user->uid, user->gid, 1ULL << CAP_NET_ADMIN |
	    1ULL << CAP_SYS_CHROOT, SPAWN_FD_FIRST + nfds + 1);
	drop_memory(HELPER_MEMORY);
	drop_outlive(STDIN_FILENO);
	/* Which the user need not be able to find. */
	execveat(program, "", argv, no_environment, AT_EMPTY_PATH);
	log_error("cannot run %s: %m", where_helper());
	_exit(1);
}

pid_t
spawn_brief(int *life)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		fatal("pipe");
	if ((pid = fork_child()) == 0) {
		if (dup2(ends[0], STDIN_FILENO) == -1)
			fatal("cannot arrange descriptors");
		close(ends[1]);
	}
	close(ends[0]);
	*life = ends[1];
	return (pid);
}

void
spawn_wait(pid_t pid, int life, const char *name)
{
	int status;

	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			fatal("waitpid");
	}
	if (WIFSIGNALED(status))
		fatalx("%s died: killed by signal %d (%s)%s", name,
		    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ?
		    ", a system call outside of its allow-list" : "");
	/* It has said why. */
	if (WEXITSTATUS(status) != 0)
		exit(WEXITSTATUS(status));
	close(life);
}

void
spawn_stamp(const struct keepconf *k, struct stamps *made)
{
	char *argv[] = { (char *)(uintptr_t)"dnsfw-stamp", NULL };
	const int fds[] = { given_memory("dnsfw-keeper", k, sizeof(*k)),
	    memfd_create("dnsfw-made", MFD_CLOEXEC) };
	int life;
	pid_t pid;

	if (fds[1] == -1)
		fatal("memory for the stamps");
	if ((pid = spawn_brief(&life)) == 0) {
		arrange(fds, 2);
		execve(where_stamp(), argv, log_environment());
		log_error("cannot run %s: %m", where_stamp());
		_exit(1);
	}
	spawn_wait(pid, life, argv[0]);
	if (pread(fds[1], made, sizeof(*made), 0) != sizeof(*made))
		fatalx("dnsfw-stamp has made no stamps");
	close(fds[0]);
	close(fds[1]);
}

void
spawn_keeper(const int *fds, size_t nfds)
{
	char *argv[] = { (char *)(uintptr_t)"dnsfw-proxy",
	    (char *)(uintptr_t)"keeper", NULL };

	arrange(fds, nfds);
	execve(where_proxy(), argv, log_environment());
	fatal("cannot run %s", where_proxy());
}
