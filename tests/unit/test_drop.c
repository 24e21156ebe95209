/* P2, P3: what is left of a process after it has given up its privileges. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/capability.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drop.h"

#define USER	65533U
#define GROUP	65532U
#define NET_ADMIN (1ULL << CAP_NET_ADMIN)
#define DEADLINE 10000		/* ms */

static int hold[2], ready[2];	/* parent -> child, child -> parent */

static void
needs_root(void)
{
	cr_assert_eq(geteuid(), 0, "this test needs root");
}

TestSuite(drop, .init = needs_root, .timeout = 30);

/* Read one byte, or the end, before the deadline. */
static ssize_t
await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, DEADLINE) != 1)
		return (-1);
	return (read(fd, &c, 1));
}

/*
 * A child that runs fn, says so, and stays until finish().  fn returns 0 if
 * all was as it should be.
 */
static pid_t
confined(int (*fn)(void))
{
	pid_t pid;
	int r;

	cr_assert_eq(pipe(hold), 0);
	cr_assert_eq(pipe(ready), 0);
	cr_assert_neq(pid = fork(), -1);
	if (pid == 0) {
		close(hold[1]);
		close(ready[0]);
		if ((r = fn()) != 0)
			_exit(100 + r);
		if (write(ready[1], "x", 1) != 1)
			_exit(99);
		(void)await(hold[0]);
		_exit(0);
	}
	close(hold[0]);
	close(ready[1]);
	return (pid);
}

static void
must_be_ready(void)
{
	cr_assert_eq(await(ready[0]), 1, "the child did not come so far");
}

/* The exit status, or -1 for a signal. */
static int
finish(pid_t pid)
{
	int status;

	close(hold[1]);
	close(ready[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* The value of a line of /proc/PID/FILE that begins with key. */
static const char *
proc_value(pid_t pid, const char *file, const char *key)
{
	static char line[512];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	cr_assert_not_null(f = fopen(path, "r"), "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		fclose(f);
		return (line + strlen(key) +
		    strspn(line + strlen(key), " \t"));
	}
	fclose(f);
	cr_assert_fail("no %s in %s", key, path);
	return (NULL);
}

static void
check_status(pid_t pid, uint64_t capabilities)
{
	static const char *const sets[] = { "CapInh:", "CapBnd:", "CapAmb:" };
	char want[128];
	size_t i;

	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", USER, USER, USER, USER);
	cr_assert_str_eq(proc_value(pid, "status", "Uid:"), want);
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", GROUP, GROUP, GROUP,
	    GROUP);
	cr_assert_str_eq(proc_value(pid, "status", "Gid:"), want);
	cr_assert_str_empty(proc_value(pid, "status", "Groups:"));
	snprintf(want, sizeof(want), "%016llx",
	    (unsigned long long)capabilities);
	cr_assert_str_eq(proc_value(pid, "status", "CapEff:"), want);
	cr_assert_str_eq(proc_value(pid, "status", "CapPrm:"), want);
	for (i = 0; i < 3; i++)
		cr_assert_str_eq(proc_value(pid, "status", sets[i]),
		    "0000000000000000", "%s", sets[i]);
	cr_assert_str_eq(proc_value(pid, "status", "NoNewPrivs:"), "1");
}

/* All that a careless parent may leave: groups, inheritable, ambient. */
static void
take_all(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	gid_t groups[] = { 1, 2, 3 };

	if (setgroups(3, groups) == -1 ||
	    syscall(SYS_capget, &hdr, data) == -1)
		_exit(50);
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &hdr, data) == -1 || prctl(PR_CAP_AMBIENT,
	    PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == -1)
		_exit(51);
}

/* Nothing of what was root's can be done or had again. */
static int
check_inside(void)
{
	if (prctl(PR_GET_DUMPABLE) != 0)
		return (1);
	if (setuid(0) != -1 || setgid(0) != -1 || setgroups(0, NULL) != -1)
		return (2);
	if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) != -1)
		return (3);
	if (chroot("/") != -1 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
	    CAP_NET_ADMIN, 0, 0) != -1)
		return (4);
	return (0);
}

static int
drop_all(void)
{
	take_all();
	drop_privileges(USER, GROUP, 0);
	return (check_inside());
}

static int
drop_all_but_one(void)
{
	take_all();
	drop_privileges(USER, GROUP, NET_ADMIN);
	return (check_inside());
}

Test(drop, P2_no_capability_and_no_other_user)
{
	pid_t pid = confined(drop_all);

	must_be_ready();
	check_status(pid, 0);
	cr_assert_eq(finish(pid), 0);
}

/* An ordinary user, with a capability as from a file. */
static int
drop_what_an_ordinary_user_has(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1) == -1 || setgroups(0, NULL) == -1 ||
	    setresgid(GROUP, GROUP, GROUP) == -1 ||
	    setresuid(USER, USER, USER) == -1)
		return (50);
	drop_capabilities();
	return (check_inside());
}

Test(drop, check_needs_no_root)
{
	pid_t pid = confined(drop_what_an_ordinary_user_has);

	must_be_ready();
	cr_assert_str_eq(proc_value(pid, "status", "CapPrm:"),
	    "0000000000000000");
	cr_assert_str_eq(proc_value(pid, "status", "CapEff:"),
	    "0000000000000000");
	cr_assert_str_eq(proc_value(pid, "status", "NoNewPrivs:"), "1");
	cr_assert_eq(finish(pid), 0);
}

Test(drop, P1_net_admin_and_nothing_else)
{
	pid_t pid = confined(drop_all_but_one);

	must_be_ready();
	check_status(pid, NET_ADMIN);
	cr_assert_eq(finish(pid), 0);
}

static int
become_root_user(void)
{
	drop_privileges(0, GROUP, 0);
	return (0);
}

static int
become_root_group(void)
{
	drop_privileges(USER, 0, 0);
	return (0);
}

/* As an ordinary user: no step of it can be made. */
static int
drop_without_rights(void)
{
	if (setresgid(GROUP, GROUP, GROUP) == -1 ||
	    setresuid(USER, USER, USER) == -1)
		return (1);
	drop_privileges(USER, GROUP, 0);
	return (0);
}

/* Root, but without what is to be kept. */
static int
keep_what_is_not_there(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data) == -1)
		return (1);
	data[0].permitted &= ~(uint32_t)NET_ADMIN;
	data[0].effective &= ~(uint32_t)NET_ADMIN;
	data[0].inheritable = 0;
	if (syscall(SYS_capset, &hdr, data) == -1)
		return (2);
	drop_privileges(USER, GROUP, NET_ADMIN);
	return (0);
}

static int
chroot_without_rights(void)
{
	if (setresuid(USER, USER, USER) == -1)
		return (1);
	drop_root_directory();
	return (0);
}

/* P3: a step that fails ends the process; it is never half confined. */
Test(drop, P3_what_fails_ends_the_process)
{
	int (*const steps[])(void) = { become_root_user, become_root_group,
	    drop_without_rights, keep_what_is_not_there,
	    chroot_without_rights };
	pid_t pid;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pid = confined(steps[i]);
		cr_assert_eq(await(ready[0]), 0, "step %zu went on", i);
		cr_assert_eq(finish(pid), 1, "step %zu", i);
	}
}

static int
leave_the_host(void)
{
	drop_root_directory();
	if (open("/etc/passwd", O_RDONLY) != -1 ||
	    open("../../etc/passwd", O_RDONLY) != -1)
		return (1);
	if (mkdir("/x", 0700) != -1 || open("x", O_CREAT | O_WRONLY, 0600) !=
	    -1 || symlink("a", "b") != -1)
		return (2);
	return (0);
}

Test(drop, P2_root_directory_is_empty_and_gone)
{
	char path[64], target[256];
	struct dirent *e;
	pid_t pid = confined(leave_the_host);
	ssize_t n;
	DIR *d;

	must_be_ready();
	snprintf(path, sizeof(path), "/proc/%d/root/.", (int)pid);
	cr_assert_not_null(d = opendir(path));
	while ((e = readdir(d)) != NULL)
		cr_assert_eq(e->d_name[0], '.', "%s is there", e->d_name);
	closedir(d);
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	n = readlink(path, target, sizeof(target) - 1);
	cr_assert_gt(n, 0);
	target[n] = '\0';
	cr_assert_not_null(strstr(target, "(deleted)"), "%s", target);
	target[strcspn(target, " ")] = '\0';
	cr_assert_eq(access(target, F_OK), -1, "%s is left", target);
	cr_assert_eq(finish(pid), 0);
}

static int
set_limits(void)
{
	drop_limits(20);
	/* NPROC does not bind root. */
	if (setresuid(USER, USER, USER) == -1)
		return (1);
	if (fork() != -1 || errno != EAGAIN)
		return (2);
	if (fcntl(0, F_DUPFD, 20) != -1 || errno != EINVAL)
		return (3);
	return (0);
}

/* Soft and hard, so that they cannot be raised again. */
Test(drop, P2_limits)
{
	static const struct {
		const char *key, *value;
	} limits[] = {
		{ "Max core file size", "0 0 bytes" },
		{ "Max processes", "0 0 processes" },
		{ "Max locked memory", "0 0 bytes" },
		{ "Max open files", "20 20 files" },
	};
	pid_t pid = confined(set_limits);
	char unit[32], got[128];
	unsigned int soft, hard;
	size_t i;

	must_be_ready();
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		cr_assert_eq(sscanf(proc_value(pid, "limits", limits[i].key),
		    "%u %u %31s", &soft, &hard, unit), 3, "%s",
		    limits[i].key);
		snprintf(got, sizeof(got), "%u %u %s", soft, hard, unit);
		cr_assert_str_eq(got, limits[i].value, "%s", limits[i].key);
	}
	cr_assert_eq(finish(pid), 0);
}

static int
little_memory(void)
{
#ifndef DNSFW_SANITIZE
	/* Or the compiler leaves out a call of which nothing is used. */
	void *volatile p;
#endif

	drop_memory(1UL << 30);
#ifdef DNSFW_SANITIZE
	return (0);
#else
	p = malloc(1UL << 31);
	return (p == NULL ? 0 : 1);
#endif
}

Test(drop, P2_address_space)
{
	pid_t pid = confined(little_memory);

	must_be_ready();
	cr_assert_eq(finish(pid), 0);
}

static int life[2];	/* of a pipe */

static int
killed_with_parent(void)
{
	close(life[1]);
	drop_privileges(USER, GROUP, 0);
	drop_outlive(life[0]);
	return (0);
}

/* Though our user may not signal that one, and it is stopped. */
Test(drop, P2_dies_with_its_parent)
{
	pid_t pid;
	int status;

	cr_assert_eq(pipe(life), 0);
	pid = confined(killed_with_parent);
	must_be_ready();
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
	cr_assert_eq(setresuid(-1, USER - 1, -1), 0);
	cr_assert_eq(close(life[1]), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* As the program will be after exec: all but the ambient set is emptied. */
static int
before_exec(void)
{
	drop_for_exec(USER, GROUP, NET_ADMIN, 20);
	return (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_ADMIN, 0,
	    0) == 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET,
	    CAP_SYS_CHROOT, 0, 0) == 0 ? 0 : 1);
}

Test(drop, P1_a_capability_outlives_exec)
{
	static const char *const sets[] = { "CapPrm:", "CapEff:", "CapInh:",
	    "CapAmb:" };
	pid_t pid = confined(before_exec);
	size_t i;

	must_be_ready();
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		cr_assert_str_eq(proc_value(pid, "status", sets[i]),
		    "0000000000001000", "%s", sets[i]);
	cr_assert_str_eq(proc_value(pid, "status", "CapBnd:"),
	    "0000000000000000");
	cr_assert_str_empty(proc_value(pid, "status", "Groups:"));
	cr_assert_str_eq(proc_value(pid, "status", "NoNewPrivs:"), "1");
	cr_assert_eq(finish(pid), 0);
}

static int
orphan(void)
{
	drop_outlive(life[0]);
	return (0);
}

Test(drop, P2_a_parent_that_died_before_is_noticed)
{
	pid_t pid;

	cr_assert_eq(pipe(life), 0);
	cr_assert_eq(close(life[1]), 0);
	pid = confined(orphan);
	cr_assert_eq(await(ready[0]), 0, "it went on");
	cr_assert_eq(finish(pid), 1);
}

static int
inherit_the_directory(void)
{
	drop_directory();
	/* As a child would, later. */
	drop_root();
	return (open("/etc/passwd", O_RDONLY) == -1 &&
	    mkdir("/x", 0700) == -1 && errno == ENOENT ? 0 : 1);
}

Test(drop, P2_an_inherited_directory_becomes_the_root)
{
	pid_t pid = confined(inherit_the_directory);

	must_be_ready();
	cr_assert_eq(finish(pid), 0);
}

static int
root_that_is_not_empty(void)
{
	if (chdir("/sys") == -1)
		return (1);
	drop_root();
	return (0);
}

Test(drop, P3_another_directory_does_not_become_the_root)
{
	pid_t pid = confined(root_that_is_not_empty);

	cr_assert_eq(await(ready[0]), 0, "it went on");
	cr_assert_eq(finish(pid), 1);
}
