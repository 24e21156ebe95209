/*
 * What sanitizers need of a confined process, in a build for these alone: the
 * tables of the programs are the same in all builds.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

#include "sandbox.h"

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }

const struct sandbox_rule sandbox_sanitizer_rules[] = {
	{ SCMP_SYS(mmap), 0, {}, "sanitizer" },
	{ SCMP_SYS(munmap), 0, {}, "sanitizer" },
	{ SCMP_SYS(madvise), 0, {}, "sanitizer" },
	{ SCMP_SYS(mprotect), 0, {}, "sanitizer" },
	{ SCMP_SYS(sigaltstack), 0, {}, "sanitizer" },
	{ SCMP_SYS(rt_sigprocmask), 0, {}, "sanitizer" },
	{ SCMP_SYS(rt_sigaction), 0, {}, "sanitizer" },
	{ SCMP_SYS(futex), 0, {}, "sanitizer" },
	{ SCMP_SYS(write), 0, { EQ(0, 2) }, "sanitizer: what it has found" },
	{ SCMP_SYS(getpid), 0, {}, "sanitizer" },
	{ SCMP_SYS(gettid), 0, {}, "sanitizer" },
	{ SCMP_SYS(sched_yield), 0, {}, "sanitizer" },
	{ SCMP_SYS(readlink), EACCES, {}, "sanitizer" },
	/* Not of every descriptor, as that would be of the ACL's, too. */
	{ SCMP_SYS(openat), EACCES, { EQ(0, (uint32_t)AT_FDCWD) },
	    "sanitizer" },
	{ SCMP_SYS(openat), EACCES, { EQ(0, (uint64_t)AT_FDCWD) },
	    "sanitizer" },
};

const size_t sandbox_sanitizer_nrules = sizeof(sandbox_sanitizer_rules) /
    sizeof(sandbox_sanitizer_rules[0]);

/* To look for leaks at the end takes a thread that traces. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
