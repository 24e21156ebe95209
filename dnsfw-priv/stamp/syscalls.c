/*
 * The whole of what dnsfw-stamp may ask of the kernel once it makes stamps:
 * memory, to hand over what it has made, and to say why it cannot.
 */
#include "syscalls.h"

#include <sys/mman.h>

#include <seccomp.h>

#include "keepconf.h"

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define NO_EXEC(i)	{ SANDBOX_MASKED_EQ, (i), 0, PROT_EXEC }

const struct sandbox_rule stamp_rules[] = {
	{ SCMP_SYS(write), 0, { EQ(0, STAMP_FD_MADE) }, "the stamps" },
	{ SCMP_SYS(write), 0, { EQ(0, 2) }, "the log" },
	{ SCMP_SYS(write), 0, { EQ(0, STAMP_FD_LOG) }, "the log, a pipe" },
	{ SCMP_SYS(sendto), 0, { EQ(0, 2), EQ(4, 0) }, "the log, a socket" },
	{ SCMP_SYS(sendto), 0, { EQ(0, STAMP_FD_LOG), EQ(4, 0) },
	    "whether it is one" },
	{ SCMP_SYS(exit_group), 0, {}, "end" },
	{ SCMP_SYS(brk), 0, {}, "malloc" },
	{ SCMP_SYS(mmap), 0, { NO_EXEC(2),
	    EQ(3, MAP_PRIVATE | MAP_ANONYMOUS) }, "malloc" },
	{ SCMP_SYS(munmap), 0, {}, "malloc" },
};

const size_t stamp_nrules = sizeof(stamp_rules) / sizeof(stamp_rules[0]);
