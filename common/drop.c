/* Giving up privileges, and the proof that none comes back. */
#include "drop.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define CAP_WORDS	2	/* _LINUX_CAPABILITY_VERSION_3: 64 bits */

void
drop_directory(void)
{
	/* Service managers and containers make some of these read-only. */
	char paths[][sizeof("/dev/shm/dnsfw.XXXXXX")] = {
		"/run/dnsfw.XXXXXX", "/tmp/dnsfw.XXXXXX",
		"/dev/shm/dnsfw.XXXXXX", "/dev/dnsfw.XXXXXX"
	};
	const char *path = NULL;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]) && path == NULL; i++)
		path = mkdtemp(paths[i]);
	if (path == NULL)
		fatal("cannot make an empty directory for a moment: one of "
		    "/run, /tmp, /dev/shm and /dev must be writable (tmpfs)");
	if (chdir(path) == -1)
		fatal("chdir %s", path);
	/* In a removed directory nothing can be made any more. */
	if (chmod(".", 0555) == -1 || rmdir(path) == -1)
		fatal("rmdir %s", path);
}

void
drop_root(void)
{
	if (chroot(".") == -1)
		fatal("chroot into an empty directory");
	if (mkdir("x", 0700) != -1 || errno != ENOENT)
		fatalx("the empty root directory can be written to");
}

void
drop_root_directory(void)
{
	drop_directory();
	/* There is no looking for a name: EACCES, not ENOENT. */
	if (chmod(".", 0700) == -1)
		fatal("chmod");
	drop_root();
}

/*
 * PR_SET_PDEATHSIG does nothing where the parent's user may not signal ours.
 * What the last writer's end of a pipe sends goes by who has asked for it.
 */
void
drop_outlive(int fd)
{
	struct pollfd pfd = { .fd = fd };

	if (fcntl(fd, F_SETOWN, getpid()) == -1 ||
	    fcntl(fd, F_SETSIG, SIGKILL) == -1 ||
	    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == -1)
		fatal("cannot ask for a signal");
	if (fcntl(fd, F_GETOWN) != getpid() ||
	    fcntl(fd, F_GETSIG) != SIGKILL ||
	    (fcntl(fd, F_GETFL) & O_ASYNC) == 0)
		fatalx("the signal that was asked for is not what was set");
	/* It may have died before. */
	if (poll(&pfd, 1, 0) != 0)
		fatalx("dnsfw is gone");
}

static void
set_caps(uint64_t mask)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[CAP_WORDS];
	int i;

	memset(data, 0, sizeof(data));
	for (i = 0; i < CAP_WORDS; i++) {
		data[i].permitted = (uint32_t)(mask >> (32 * i));
		data[i].effective = data[i].permitted;
	}
	if (syscall(SYS_capset, &hdr, data) == -1)
		fatal("cannot keep capabilities %#llx (bit %d is "
		    "CAP_NET_ADMIN)", (unsigned long long)mask,
		    CAP_NET_ADMIN);
}

static void
verify_caps(uint64_t mask)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[CAP_WORDS];
	int i;

	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	for (i = 0; i < CAP_WORDS; i++) {
		if (data[i].permitted != (uint32_t)(mask >> (32 * i)) ||
		    data[i].effective != data[i].permitted ||
		    data[i].inheritable != 0)
			fatalx("capabilities are not what was set");
	}
}

/* The bounding set of capabilities: what an exec could give. */
static void
empty_bounding_set(void)
{
	unsigned long cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap) != -1; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap) == -1 ||
		    prctl(PR_CAPBSET_READ, cap) != 0)
			fatal("cannot drop capability %lu from the bounding set",
			    cap);
	}
}

static void
verify_user(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) == -1 || getresgid(&rg, &eg, &sg) == -1)
		fatal("getresuid");
	if (r != uid || e != uid || s != uid || rg != gid || eg != gid ||
	    sg != gid || getgroups(0, NULL) != 0)
		fatalx("user or group is not what was set");
	if (setresuid(0, 0, 0) != -1 || setresgid(0, 0, 0) != -1)
		fatalx("root could be had back");
}

static void
no_new_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("PR_SET_DUMPABLE");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    prctl(PR_GET_DUMPABLE) != 0)
		fatalx("no_new_privs or dumpable is not what was set");
}

static void
become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		fatal("cannot become user %u, group %u%s", uid, gid,
		    errno == EINVAL ? ", which this user namespace does not "
		    "have (/proc/self/uid_map, /etc/subuid)" : "");
}

void
drop_privileges(uid_t uid, gid_t gid, uint64_t capabilities)
{
	if (uid == 0 || gid == 0)
		fatalx("the user to change to must not be root");
	empty_bounding_set();
	if (prctl(PR_SET_KEEPCAPS, 1) == -1)
		fatal("PR_SET_KEEPCAPS");
	become(uid, gid);
	/* Clears the ambient set, too: it never exceeds the inheritable one. */
	set_caps(capabilities);
	if (prctl(PR_SET_KEEPCAPS, 0) == -1)
		fatal("PR_SET_KEEPCAPS");
	/* After setresuid, which makes a process dumpable. */
	no_new_privileges();
	verify_user(uid, gid);
	verify_caps(capabilities);
}

static void
limit(__rlimit_resource_t resource, rlim_t value, const char *name)
{
	struct rlimit rl = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit(resource, &rl) == -1)
		fatal("setrlimit %s", name);
}

/* What an exec keeps, beside what is in the bounding set: nothing then. */
static void
set_inheritable(uint64_t mask, bool only)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[CAP_WORDS];
	int i;

	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	for (i = 0; i < CAP_WORDS; i++) {
		data[i].inheritable = (uint32_t)(mask >> (32 * i));
		if (only)
			data[i].permitted = data[i].effective =
			    data[i].inheritable;
	}
	if (syscall(SYS_capset, &hdr, data) == -1)
		fatal("cannot keep capabilities %#llx over exec",
		    (unsigned long long)mask);
}

void
drop_for_exec(uid_t uid, gid_t gid, uint64_t capabilities,
    unsigned long nofile)
{
	unsigned long cap;

	limit(RLIMIT_CORE, 0, "core");
	limit(RLIMIT_MEMLOCK, 0, "memlock");
	limit(RLIMIT_NOFILE, nofile, "nofile");
	/* Only what is in the bounding set can be added to it. */
	set_inheritable(capabilities, false);
	empty_bounding_set();
	if (prctl(PR_SET_KEEPCAPS, 1) == -1)
		fatal("PR_SET_KEEPCAPS");
	become(uid, gid);
	set_inheritable(capabilities, true);
	for (cap = 0; cap < 64; cap++) {
		if ((capabilities & 1ULL << cap) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) ==
		    -1)
			fatal("cannot keep capability %lu over exec", cap);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	verify_user(uid, gid);
}

void
drop_capabilities(void)
{
	set_caps(0);
	no_new_privileges();
	verify_caps(0);
}

void
drop_limits(unsigned long nofile)
{
	limit(RLIMIT_CORE, 0, "core");
	limit(RLIMIT_NPROC, 0, "nproc");
	limit(RLIMIT_MEMLOCK, 0, "memlock");
	limit(RLIMIT_NOFILE, nofile, "nofile");
}

void
drop_memory(unsigned long bytes)
{
#ifndef DNSFW_SANITIZE
	limit(RLIMIT_AS, bytes, "as");
#else
	(void)bytes;	/* a sanitizer reserves terabytes */
#endif
}
