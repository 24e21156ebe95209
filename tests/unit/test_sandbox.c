/* P2, P3: what a filter allows, what it kills, and what Landlock denies. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../dnsfw-priv/stamp/filter.h"
#include "../../dnsfw-priv/stamp/syscalls.h"
#include "../../dnsfw-proxy/keep/syscalls.h"
#include "../../dnsfw-proxy/syscalls.h"
#include "keepconf.h"
#include "msg.h"
#include "sandbox.h"

#define ALLOWED	0		/* outcomes besides a signal's number */
#define FAILED	-1

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define LE(i, v)	{ SANDBOX_LE, (i), (v), 0 }
#define MASKED(i, m, v)	{ SANDBOX_MASKED_EQ, (i), (v), (m) }

#define BIG	(1ULL << 32)	/* a bit of the upper half */
#define NROWS(t) (sizeof(t) / sizeof((t)[0]))
#define ROWS_MAX 128

/* What a process needs to free the filter and to end. */
static const struct sandbox_rule base[] = {
	{ SCMP_SYS(exit_group), 0, {}, "end" },
	{ SCMP_SYS(munmap), 0, {}, "malloc" },
	{ SCMP_SYS(madvise), 0, {}, "malloc of a sanitizer" },
	{ SCMP_SYS(brk), 0, {}, "malloc" },
	{ SCMP_SYS(sigaltstack), 0, {}, "end of a sanitizer" },
};

/* A call with its arguments; lseek stands for all that take numbers. */
struct call {
	long	number;
	long	args[6];
};

static long
make(const struct call *c)
{
	const long *a = c->args;

	return (syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/*
 * Make the call under the rules (and base) in a child.  ALLOWED if it came to
 * the kernel and failed with error (0: did not fail), else FAILED; or the
 * signal that killed the child.
 */
static int
outcome(const struct sandbox_rule *rules, size_t n, struct call c, int error)
{
	struct sandbox_rule all[ROWS_MAX];
	int status;
	pid_t pid;

	cr_assert_leq(n + NROWS(base), ROWS_MAX);
	if (n > 0)
		memcpy(all, rules, n * sizeof(*rules));
	memcpy(all + n, base, sizeof(base));
	cr_assert_neq(pid = fork(), -1);
	if (pid == 0) {
		/* No descriptor of the runner: its call is to fail. */
		if (close_range(STDERR_FILENO + 1, ~0U, 0) == -1 ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
			_exit(2);
		sandbox_seccomp(all, n + NROWS(base));
		errno = 0;
		if (make(&c) == -1)
			_exit(errno == error ? 0 : 3);
		_exit(error == 0 ? 0 : 4);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return (WTERMSIG(status));
	return (WEXITSTATUS(status) == 0 ? ALLOWED : FAILED);
}

static struct call
seek(long offset, long whence)
{
	return ((struct call){ SYS_lseek, { -1, offset, whence } });
}

static const struct call getppid_call = { SYS_getppid, { 0 } };

/* In this process itself, without a child. */
Test(sandbox, P2_call_without_a_row_kills, .signal = SIGSYS)
{
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	sandbox_seccomp(base, NROWS(base));
	(void)syscall(SYS_getppid);
}

/* An argument that no test wants kills, too. */
Test(sandbox, P2_argument_of_no_row_kills, .signal = SIGSYS)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(lseek), 0, { EQ(2, SEEK_CUR) }, "test" },
		{ SCMP_SYS(exit_group), 0, {}, "end" },
		{ SCMP_SYS(munmap), 0, {}, "malloc" },
		{ SCMP_SYS(madvise), 0, {}, "malloc" },
	};

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	sandbox_seccomp(rules, NROWS(rules));
	(void)syscall(SYS_lseek, -1, 0, SEEK_SET);
}

Test(sandbox, row_without_tests_allows_any_argument)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(lseek), 0, {}, "test" }
	};

	cr_assert_eq(outcome(rules, 1, seek(0, SEEK_SET), EBADF), ALLOWED);
	cr_assert_eq(outcome(rules, 1, seek(-1, 99), EBADF), ALLOWED);
	cr_assert_eq(outcome(rules, 1, getppid_call, 0), SIGSYS);
	cr_assert_eq(outcome(NULL, 0, seek(0, SEEK_SET), EBADF), SIGSYS);
}

Test(sandbox, tests_of_a_row_are_anded)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(lseek), 0, { EQ(1, 7), EQ(2, SEEK_CUR) }, "test" }
	};

	cr_assert_eq(outcome(rules, 1, seek(7, SEEK_CUR), EBADF), ALLOWED);
	cr_assert_eq(outcome(rules, 1, seek(7, SEEK_SET), EBADF), SIGSYS);
	cr_assert_eq(outcome(rules, 1, seek(8, SEEK_CUR), EBADF), SIGSYS);
	cr_assert_eq(outcome(rules, 1, seek(8, SEEK_SET), EBADF), SIGSYS);
}

Test(sandbox, rows_of_a_call_are_ored)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(lseek), 0, { EQ(1, 7), EQ(2, SEEK_CUR) }, "test" },
		{ SCMP_SYS(lseek), 0, { EQ(1, 8), EQ(2, SEEK_END) }, "test" },
		{ SCMP_SYS(lseek), 0, { EQ(1, 9) }, "test" },
	};
	static const struct {
		long offset, whence;
		int outcome;
	} calls[] = {
		{ 7, SEEK_CUR, ALLOWED }, { 8, SEEK_END, ALLOWED },
		{ 9, SEEK_SET, ALLOWED }, { 9, SEEK_CUR, ALLOWED },
		/* No mixture of two rows. */
		{ 7, SEEK_END, SIGSYS }, { 8, SEEK_CUR, SIGSYS },
		{ 10, SEEK_CUR, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(outcome(rules, NROWS(rules), seek(calls[i].offset,
		    calls[i].whence), EBADF), calls[i].outcome,
		    "lseek(%ld, %ld)", calls[i].offset, calls[i].whence);
}

Test(sandbox, tests_compare_all_64_bits)
{
	static const struct sandbox_rule eq[] = {
		{ SCMP_SYS(lseek), 0, { EQ(1, 0) }, "test" }
	};
	static const struct sandbox_rule le[] = {
		{ SCMP_SYS(lseek), 0, { LE(1, 5) }, "test" }
	};
	static const struct sandbox_rule masked[] = {
		{ SCMP_SYS(lseek), 0, { MASKED(1, BIG | 4, 4) }, "test" }
	};

	cr_assert_eq(outcome(eq, 1, seek(0, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(eq, 1, seek((long)BIG, 0), EBADF), SIGSYS);
	cr_assert_eq(outcome(le, 1, seek(5, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(le, 1, seek(0, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(le, 1, seek(6, 0), EBADF), SIGSYS);
	cr_assert_eq(outcome(le, 1, seek((long)BIG, 0), EBADF), SIGSYS);
	cr_assert_eq(outcome(le, 1, seek(-1, 0), EBADF), SIGSYS);
	cr_assert_eq(outcome(masked, 1, seek(4, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(masked, 1, seek(7, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(masked, 1, seek(3, 0), EBADF), SIGSYS);
	cr_assert_eq(outcome(masked, 1, seek((long)BIG + 4, 0), EBADF),
	    SIGSYS);
}

Test(sandbox, error_rows_fail_without_the_call)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(getppid), ENOSYS, {}, "test" },
		{ SCMP_SYS(lseek), EACCES, { EQ(1, 1) }, "test" },
		{ SCMP_SYS(lseek), 0, { EQ(1, 2) }, "test" },
	};

	cr_assert_eq(outcome(rules, 3, getppid_call, ENOSYS), ALLOWED);
	cr_assert_eq(outcome(rules, 3, seek(1, 0), EACCES), ALLOWED);
	cr_assert_eq(outcome(rules, 3, seek(2, 0), EBADF), ALLOWED);
	cr_assert_eq(outcome(rules, 3, seek(3, 0), EBADF), SIGSYS);
}

#ifdef __x86_64__
/* The x32 numbers are those of another architecture. */
Test(sandbox, P2_other_architecture_kills)
{
	static const struct sandbox_rule rules[] = {
		{ SCMP_SYS(getppid), 0, {}, "test" }
	};
	struct call x32 = getppid_call;

	cr_assert_eq(outcome(rules, 1, getppid_call, 0), ALLOWED);
	x32.number |= 0x40000000;
	cr_assert_eq(outcome(rules, 1, x32, 0), SIGSYS);
}
#endif

static int
filter_status(const struct sandbox_rule *rules, size_t n)
{
	int status;
	pid_t pid;

	cr_assert_neq(pid = fork(), -1);
	if (pid == 0) {
		sandbox_seccomp(rules, n);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* P3: what cannot be installed ends the process. */
Test(sandbox, P3_filter_that_cannot_be_made_is_fatal)
{
	static const struct sandbox_rule unknown[] = {
		{ -1, 0, {}, "no such call" }
	};
	static const struct sandbox_rule argument[] = {
		{ SCMP_SYS(lseek), 0, { EQ(6, 0) }, "no such argument" }
	};

	cr_assert_eq(filter_status(unknown, 1), 1);
	cr_assert_eq(filter_status(argument, 1), 1);
}

/* The tables of the programs. */
static const struct table {
	const char	*name;
	const struct sandbox_rule *rules;
	const size_t	*n;
} tables[] = {
	{ "dnsfw-priv", filter_rules, &filter_nrules },
	{ "compiler", compiler_rules, &compiler_nrules },
	{ "keeper", keep_rules, &keep_nrules },
	{ "dnsfw-stamp", stamp_rules, &stamp_nrules },
	{ "worker", worker_rules, &worker_nrules },
};
enum { PRIV, COMPILER, KEEPER, STAMP, WORKER };

/* What no table may allow: the ways to more files, processes, privileges. */
static const long denied[] = {
	SYS_execve, SYS_execveat, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3,
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill,
	SYS_tkill, SYS_open, SYS_openat2, SYS_creat, SYS_unlinkat,
	SYS_renameat2, SYS_mkdirat, SYS_chmod, SYS_mount, SYS_umount2,
	SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_setresuid,
	SYS_setuid, SYS_setgroups, SYS_capset, SYS_prctl, SYS_seccomp,
	SYS_keyctl, SYS_bpf, SYS_perf_event_open, SYS_io_uring_setup,
	SYS_userfaultfd, SYS_init_module, SYS_finit_module, SYS_kexec_load,
	SYS_reboot, SYS_pidfd_getfd, SYS_setrlimit, SYS_prlimit64, SYS_ioctl,
	SYS_socketpair, SYS_bind, SYS_listen, SYS_setsockopt, SYS_dup2,
	SYS_dup3
};

/* All but the worker reach nobody that they did not know. */
static const long denied_without_network[] = {
	SYS_socket, SYS_connect, SYS_accept, SYS_accept4, SYS_sendmmsg,
	SYS_recvmmsg
};

static int
table_outcome(unsigned int table, struct call c, int error)
{
	return (outcome(tables[table].rules, *tables[table].n, c, error));
}

/* With arguments that no row has. */
static int
plain_outcome(unsigned int table, long number)
{
	return (table_outcome(table, (struct call){ number,
	    { -1, -1, -1, -1, -1, -1 } }, EBADF));
}

Test(sandbox, P1_P2_tables_deny_the_ways_out)
{
	unsigned int t;
	size_t i;

	for (t = 0; t < NROWS(tables); t++)
		for (i = 0; i < NROWS(denied); i++)
			cr_assert_eq(plain_outcome(t, denied[i]), SIGSYS,
			    "%s, call %ld", tables[t].name, denied[i]);
	for (t = PRIV; t < WORKER; t++)
		for (i = 0; i < NROWS(denied_without_network); i++)
			cr_assert_eq(plain_outcome(t,
			    denied_without_network[i]), SIGSYS, "%s, call %ld",
			    tables[t].name, denied_without_network[i]);
	cr_assert_eq(plain_outcome(PRIV, SYS_memfd_create), SIGSYS);
	cr_assert_eq(plain_outcome(KEEPER, SYS_memfd_create), SIGSYS);
	cr_assert_eq(plain_outcome(STAMP, SYS_memfd_create), SIGSYS);
	cr_assert_eq(plain_outcome(WORKER, SYS_memfd_create), SIGSYS);
}

/* Its channels, and netlink sockets with one form of destination. */
Test(sandbox, P1_arguments_of_dnsfw_priv)
{
	static const struct {
		struct call call;
		int outcome;
	} calls[] = {
		{ { SYS_recvmsg, { HELPER_FD_KEEPER } }, ALLOWED },
		{ { SYS_recvmsg, { HELPER_FD_COMPILER } }, ALLOWED },
		{ { SYS_recvmsg, { HELPER_FD_OWN } }, ALLOWED },
		{ { SYS_recvmsg, { HELPER_FD_ACT } }, SIGSYS },
		{ { SYS_recvmsg, { HELPER_FD_LIST } }, SIGSYS },
		{ { SYS_recvmsg, { HELPER_FD_FLOWS } }, SIGSYS },
		{ { SYS_recvmsg, { -1 } }, SIGSYS },
		{ { SYS_sendto, { HELPER_FD_KEEPER, 0, 0, 0, 0, 0 } },
		    ALLOWED },
		{ { SYS_sendto, { HELPER_FD_KEEPER, 0, 0, 0, 4096, 12 } },
		    SIGSYS },
		{ { SYS_sendto, { HELPER_FD_COMPILER, 0, 0, 0, 0, 0 } },
		    SIGSYS },
		{ { SYS_sendto, { HELPER_FD_ACT, 0, 0, 0, 4096, 12 } },
		    ALLOWED },
		{ { SYS_sendto, { HELPER_FD_OWN, 0, 0, 0, 4096, 12 } },
		    ALLOWED },
		{ { SYS_sendto, { HELPER_FD_ACT, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_sendto, { HELPER_FD_ACT, 0, 0, 0, 4096, 16 } },
		    SIGSYS },
		{ { SYS_sendto, { HELPER_FD_OWN + 1, 0, 0, 0, 4096, 12 } },
		    SIGSYS },
		{ { SYS_sendto, { 2, 0, 0, 0, 0, 0 } }, SIGSYS },
#ifndef DNSFW_SANITIZE	/* a sanitizer says what it found */
		{ { SYS_write, { 2, 0, 0 } }, SIGSYS },
#endif
		{ { SYS_sendmsg, { HELPER_FD_KEEPER } }, SIGSYS },
		{ { SYS_close, { HELPER_FD_KEEPER } }, SIGSYS },
		{ { SYS_fcntl, { HELPER_FD_KEEPER, F_GETFL } }, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(table_outcome(PRIV, calls[i].call, EBADF),
		    calls[i].outcome, "number %zu", i);
}

/* It hands over what it has made, and may say why it cannot. */
Test(sandbox, P1_arguments_of_dnsfw_stamp)
{
	static const struct {
		struct call call;
		int outcome;
	} calls[] = {
		{ { SYS_write, { STAMP_FD_MADE } }, ALLOWED },
		{ { SYS_write, { STAMP_FD_LOG } }, ALLOWED },
		{ { SYS_write, { STAMP_FD_CONFIG } }, SIGSYS },
		{ { SYS_write, { STAMP_FD_LOG + 1 } }, SIGSYS },
		{ { SYS_write, { STDIN_FILENO } }, SIGSYS },
		{ { SYS_write, { STDOUT_FILENO } }, SIGSYS },
		{ { SYS_sendto, { STAMP_FD_LOG, 0, 0, 0, 0, 0 } }, ALLOWED },
		{ { SYS_sendto, { STAMP_FD_LOG, 0, 0, 0, 4096, 12 } },
		    SIGSYS },
		{ { SYS_sendto, { STAMP_FD_MADE, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_read, { STAMP_FD_CONFIG } }, SIGSYS },
		{ { SYS_pread64, { STAMP_FD_CONFIG } }, SIGSYS },
		{ { SYS_close, { STDIN_FILENO } }, SIGSYS },
		{ { SYS_fcntl, { STDIN_FILENO, F_GETFL } }, SIGSYS },
		{ { SYS_recvmsg, { STAMP_FD_MADE } }, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(table_outcome(STAMP, calls[i].call, EBADF),
		    calls[i].outcome, "number %zu", i);
}

/* The filter goes to the helper in a place of a fixed size. */
Test(sandbox, P1_filter_of_dnsfw_priv)
{
	static struct stamps stamps;

	filter_make(&stamps);
	cr_assert_gt(stamps.nfilter, filter_nrules);
	cr_assert_lt(stamps.nfilter, STAMPS_FILTER_MAX);
	/* BPF_RET: kill, or allow */
	cr_assert_eq(stamps.filter[stamps.nfilter - 1].code, 0x06);
}

Test(sandbox, P1_filter_that_has_no_room_is_fatal, .exit_code = 1)
{
	struct sock_filter little[4];

	(void)sandbox_export(filter_rules, filter_nrules, little, 4);
}

/* A connected UDP socket would take sendto() to anywhere. */
Test(sandbox, P2_arguments_of_the_worker)
{
	static const struct {
		struct call call;
		int error, outcome;
	} calls[] = {
		{ { SYS_sendto, { -1, 0, 0, 0, 0, 0 } }, EBADF, ALLOWED },
		{ { SYS_sendto, { -1, 0, 0, 0, 4096, 16 } }, EBADF, SIGSYS },
		{ { SYS_sendmsg, { 99 } }, EBADF, SIGSYS },
		{ { SYS_sendmsg, { -1 } }, EBADF, SIGSYS },
		{ { SYS_sendmmsg, { MSG_FD_LISTEN + 2 * MSG_BINDS_MAX } },
		    EBADF, SIGSYS },
		{ { SYS_socket, { AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC } }, 0, SIGSYS },
		{ { SYS_socket, { AF_NETLINK, SOCK_RAW } }, 0, SIGSYS },
		{ { SYS_socket, { AF_PACKET, SOCK_RAW } }, 0, SIGSYS },
		{ { SYS_socket, { AF_INET, SOCK_RAW | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, IPPROTO_ICMP } }, 0, SIGSYS },
		{ { SYS_socket, { AF_INET, SOCK_DGRAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, IPPROTO_ICMP } }, 0, SIGSYS },
		{ { SYS_socket, { AF_INET, SOCK_DGRAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC } }, 0, ALLOWED },
		{ { SYS_fcntl, { -1, F_DUPFD } }, EBADF, SIGSYS },
		{ { SYS_read, { -1 } }, EBADF, SIGSYS },
		/* It dies with the pipe that is 0 (drop_outlive). */
		{ { SYS_close, { STDIN_FILENO } }, EBADF, SIGSYS },
		/* What it was given it has to the end. */
		{ { SYS_close, { MSG_FD_CHANNEL } }, EBADF, SIGSYS },
		{ { SYS_close, { WORKER_LAST_LISTENER } }, EBADF, SIGSYS },
		{ { SYS_close, { WORKER_LAST_LISTENER + 1 } }, EBADF, ALLOWED },
		{ { SYS_connect, { WORKER_LAST_LISTENER } }, EBADF, SIGSYS },
		{ { SYS_connect, { WORKER_LAST_LISTENER + 1 } }, EBADF,
		    ALLOWED },
		{ { SYS_fcntl, { STDIN_FILENO, F_SETFL, 0 } }, EBADF, SIGSYS },
		{ { SYS_fcntl, { STDIN_FILENO, F_SETSIG, 0 } }, EBADF, SIGSYS },
		{ { SYS_fcntl, { STDIN_FILENO, F_SETOWN, 0 } }, EBADF, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(table_outcome(WORKER, calls[i].call,
		    calls[i].error), calls[i].outcome, "number %zu", i);
}

Test(sandbox, P2_arguments_of_the_compiler)
{
	static const struct {
		struct call call;
		int outcome;
	} calls[] = {
		{ { SYS_read, { -1 } }, ALLOWED },
		{ { SYS_sendmsg, { -1 } }, SIGSYS },
		{ { SYS_recvmsg, { -1 } }, SIGSYS },
		{ { SYS_fcntl, { -1, F_ADD_SEALS } }, ALLOWED },
		{ { SYS_fcntl, { -1, F_SETFL } }, SIGSYS },
		{ { SYS_close, { STDIN_FILENO } }, SIGSYS },
		{ { SYS_sendto, { -1, 0, 0, 0, 4096, 16 } }, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(table_outcome(COMPILER, calls[i].call, EBADF),
		    calls[i].outcome, "number %zu", i);
}

/*
 * It reads what the kernel says and sends nothing there, but for its socket of
 * the route family; it names nobody, and opens the ACL alone.
 */
Test(sandbox, P2_arguments_of_the_keeper)
{
	static const struct {
		struct call call;
		int outcome;
	} calls[] = {
		{ { SYS_sendto, { KEEP_FD_HELPER, 0, 0, 0, 0, 0 } }, ALLOWED },
		{ { SYS_sendto, { KEEP_FD_ACT, 0, 0, 0, 4096, 12 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_ACT, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_LIST, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_FLOWS, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_EVENTS, 0, 0, 0, 0, 0 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_OWN, 0, 0, 0, 0, 0 } }, ALLOWED },
		{ { SYS_sendto, { KEEP_FD_OWN, 0, 0, 0, 4096, 12 } }, SIGSYS },
		{ { SYS_sendto, { KEEP_FD_NEIGHBOURS, 0, 0, 0, 0, 0 } }, ALLOWED },
		{ { SYS_sendto, { KEEP_FD_NEIGHBOURS, 0, 0, 0, 4096, 12 } },
		    SIGSYS },
		{ { SYS_sendto, { KEEP_FD_NOTIFY, 0, 0, 0, 4096, 20 } },
		    SIGSYS },
		{ { SYS_write, { KEEP_FD_NOTIFY, 0, 0 } }, ALLOWED },
		{ { SYS_write, { KEEP_FD_ACT, 0, 0 } }, SIGSYS },
		{ { SYS_sendmsg, { KEEP_FD_ACT } }, SIGSYS },
		{ { SYS_sendmsg, { KEEP_FD_HELPER } }, SIGSYS },
		{ { SYS_sendmsg, { KEEP_FD_WORKER } }, ALLOWED },
		{ { SYS_sendmsg, { KEEP_FD_WORKER + 1 } }, SIGSYS },
		{ { SYS_recvmsg, { KEEP_FD_HELPER } }, SIGSYS },
		{ { SYS_recvfrom, { KEEP_FD_ACT } }, ALLOWED },
		{ { SYS_recvfrom, { KEEP_FD_WORKER } }, ALLOWED },
		{ { SYS_read, { KEEP_FD_ACL_DIR } }, SIGSYS },
		{ { SYS_read, { KEEP_FD_LOG } }, SIGSYS },
		{ { SYS_pread64, { KEEP_FD_LOG } }, SIGSYS },
		{ { SYS_openat, { KEEP_FD_ACL_DIR, (long)"x", O_RDONLY | O_CLOEXEC |
		    O_NOCTTY | O_NONBLOCK } }, ALLOWED },
		{ { SYS_openat, { KEEP_FD_ACL_DIR, (long)"x", O_RDONLY | O_CLOEXEC |
		    O_NOCTTY | O_NONBLOCK | O_DIRECTORY } }, ALLOWED },
		{ { SYS_openat, { KEEP_FD_LOG, (long)"x", O_RDONLY | O_CLOEXEC |
		    O_NOCTTY | O_NONBLOCK | O_DIRECTORY } }, SIGSYS },
		{ { SYS_getdents64, { KEEP_FD_ACL_DIR } }, SIGSYS },
		{ { SYS_getdents64, { KEEP_FD_LOG } }, ALLOWED },
		{ { SYS_openat, { KEEP_FD_ACL_DIR, (long)"x", O_RDWR | O_CLOEXEC |
		    O_NOCTTY | O_NONBLOCK } }, SIGSYS },
		{ { SYS_openat, { KEEP_FD_ACL_DIR, (long)"x", O_RDONLY | O_CREAT |
		    O_CLOEXEC | O_NOCTTY | O_NONBLOCK } }, SIGSYS },
		{ { SYS_close, { KEEP_FD_HELPER } }, SIGSYS },
		{ { SYS_close, { KEEP_FD_SIGNALS } }, SIGSYS },
		{ { SYS_fstat, { KEEP_FD_ACL_DIR } }, SIGSYS },
		{ { SYS_newfstatat, { KEEP_FD_ACL_DIR, (long)"x" } }, SIGSYS },
		{ { SYS_waitid, { P_ALL } }, SIGSYS },
		{ { SYS_fcntl, { KEEP_FD_HELPER, F_SETFL } }, SIGSYS },
	};
	size_t i;

	for (i = 0; i < NROWS(calls); i++)
		cr_assert_eq(table_outcome(KEEPER, calls[i].call, EBADF),
		    calls[i].outcome, "number %zu", i);
}

#ifndef DNSFW_SANITIZE
/* The sanitizers' rows are wider. */
Test(sandbox, P1_P2_tables_open_and_execute_nothing)
{
	const long protection = PROT_READ | PROT_WRITE;
	struct call map = { SYS_mmap, { 0, 4096, protection,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } };
	unsigned int t;

	for (t = 0; t < NROWS(tables); t++) {
		map.args[2] = protection;
		cr_assert_eq(table_outcome(t, map, 0), t == PRIV ? SIGSYS :
		    ALLOWED, "%s", tables[t].name);
		map.args[2] = protection | PROT_EXEC;
		cr_assert_eq(table_outcome(t, map, 0), SIGSYS, "%s",
		    tables[t].name);
		cr_assert_eq(plain_outcome(t, SYS_mprotect), SIGSYS);
		cr_assert_eq(plain_outcome(t, SYS_openat), SIGSYS);
		cr_assert_eq(plain_outcome(t, SYS_readlink), SIGSYS);
		cr_assert_eq(table_outcome(t, (struct call){ SYS_openat,
		    { AT_FDCWD, (long)"x", O_RDONLY } }, 0), SIGSYS);
		cr_assert_eq(plain_outcome(t, SYS_rt_sigaction), SIGSYS);
	}
}
#endif

Test(sandbox, tables_give_a_reason_for_each_row)
{
	unsigned int t;
	size_t i;

	for (t = 0; t < NROWS(tables); t++)
		for (i = 0; i < *tables[t].n; i++)
			cr_assert(tables[t].rules[i].why != NULL &&
			    *tables[t].rules[i].why != '\0', "%s, row %zu",
			    tables[t].name, i);
}

/* Landlock.  Each check runs in a child that has been confined by it. */

static int readable = -1;	/* a directory, or none */
static int listener = -1;
static uint16_t listener_port;

static int
tcp_connect(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd == -1)
		return (-1);
	r = connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ?
	    errno : 0;
	close(fd);
	return (r);
}

static int
no_file_can_be_reached(void)
{
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		return (1);
	if (open("/tmp/dnsfw-test", O_WRONLY | O_CREAT, 0600) != -1 ||
	    errno != EACCES)
		return (2);
	if (open("/", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES)
		return (3);
	if (mkdir("/tmp/dnsfw-test", 0700) != -1 || errno != EACCES)
		return (4);
	execl("/bin/true", "true", (char *)NULL);
	return (errno == EACCES ? 0 : 5);
}

static int
only_one_port_can_be_reached(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd;

	if (tcp_connect(listener_port) != 0)
		return (1);
	if (tcp_connect((uint16_t)(listener_port ^ 1)) != EACCES)
		return (2);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	any.sin_port = htons((uint16_t)(listener_port ^ 1));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != -1 ||
	    errno != EACCES)
		return (3);
	/* What was open before goes on. */
	return (accept(listener, NULL, NULL) == -1 ? 4 : 0);
}

static int
no_other_process_can_be_reached(void)
{
	static const char name[] = "\0dnsfw-test-abstract";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (kill(getppid(), 0) != -1 || errno != EPERM)
		return (1);
	memcpy(un.sun_path, name, sizeof(name));
	/* The parent listens there. */
	if (connect(fd, (struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    sizeof(name))) != -1 || errno != EPERM)
		return (2);
	return (0);
}

static int
under_landlock(int (*fn)(void), const uint16_t *ports, size_t n)
{
	int status;
	pid_t pid;

	cr_assert_neq(pid = fork(), -1);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
			_exit(99);
		if (sandbox_landlock(ports, n, readable) != NULL)
			_exit(98);
		_exit(fn());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* The version of Landlock's ABI; what it cannot do is not asked of it. */
static long
landlock_abi(void)
{
	return (syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION));
}

/* What sandbox_landlock says where a filter refuses the call so. */
static const char *
refused_landlock(int error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	cr_assert_eq(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint16_t)error),
	    SCMP_SYS(landlock_create_ruleset), 0), 0);
	cr_assert_eq(seccomp_load(ctx), 0);
	seccomp_release(ctx);
	return (sandbox_landlock(NULL, 0, -1));
}

/* Each test is a process of its own, to which the filter stays. */
Test(sandbox, P3_kernel_without_landlock_is_no_failure)
{
	cr_assert_neq(strstr(refused_landlock(ENOSYS), "no Landlock"), NULL);
}

Test(sandbox, P3_landlock_that_is_off_is_no_failure)
{
	cr_assert_neq(strstr(refused_landlock(EOPNOTSUPP), "not enabled"),
	    NULL);
}

Test(sandbox, P3_landlock_that_a_container_forbids_is_no_failure)
{
	cr_assert_neq(strstr(refused_landlock(EPERM), "forbidden"), NULL);
}

Test(sandbox, P3_other_error_of_landlock_is_the_end, .exit_code = 1)
{
	(void)refused_landlock(ENOMEM);
}

Test(sandbox, P3_landlock_that_is_there_says_nothing)
{
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(sandbox_landlock(NULL, 0, -1), NULL);
}

Test(sandbox, P2_landlock_denies_all_files)
{
	cr_assert_geq(landlock_abi(), 1, "this kernel has no Landlock");
	cr_assert_eq(under_landlock(no_file_can_be_reached, NULL, 0), 0);
}

static int
only_the_directory_can_be_read(void)
{
	if (openat(readable, "acl", O_RDONLY) == -1)
		return (1);
	if (openat(readable, "acl", O_RDWR) != -1 || errno != EACCES)
		return (2);
	if (openat(readable, "new", O_WRONLY | O_CREAT, 0600) != -1 ||
	    errno != EACCES)
		return (3);
	if (openat(readable, "../outside", O_RDONLY) != -1 ||
	    errno != EACCES)
		return (4);
	if (openat(readable, "link", O_RDONLY) != -1 || errno != EACCES)
		return (5);
	/* A list may include all files of a directory (U11). */
	if (openat(readable, ".", O_RDONLY | O_DIRECTORY) == -1)
		return (6);
	if (openat(readable, "..", O_RDONLY | O_DIRECTORY) != -1 ||
	    errno != EACCES)
		return (7);
	return (no_file_can_be_reached());
}

Test(sandbox, A9_landlock_lets_one_directory_be_read)
{
	char top[] = "/tmp/test_sandbox.XXXXXX", command[256];
	int status;

	cr_assert_geq(landlock_abi(), 1, "this kernel has no Landlock");
	cr_assert_neq(mkdtemp(top), NULL);
	snprintf(command, sizeof(command), "cd %s && mkdir dir && "
	    "touch dir/acl outside && ln -s ../outside dir/link", top);
	cr_assert_eq(system(command), 0);
	snprintf(command, sizeof(command), "%s/dir", top);
	readable = open(command, O_PATH | O_DIRECTORY);
	cr_assert_neq(readable, -1);
	status = under_landlock(only_the_directory_can_be_read, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", top);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(status, 0);
}

Test(sandbox, P2_landlock_denies_tcp_but_to_its_ports)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	cr_assert_geq(landlock_abi(), 4, "this kernel's Landlock is too old");
	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&sin, len), 0);
	cr_assert_eq(listen(listener, 5), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	listener_port = ntohs(sin.sin_port);
	cr_assert_eq(under_landlock(only_one_port_can_be_reached,
	    &listener_port, 1), 0);
}

Test(sandbox, P2_landlock_denies_signals_and_abstract_sockets)
{
	static const char name[] = "\0dnsfw-test-abstract";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	cr_assert_geq(landlock_abi(), 6, "this kernel's Landlock is too old");
	memcpy(un.sun_path, name, sizeof(name));
	cr_assert_eq(bind(fd, (struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    sizeof(name))), 0);
	cr_assert_eq(listen(fd, 5), 0);
	cr_assert_eq(under_landlock(no_other_process_can_be_reached, NULL, 0),
	    0);
}
