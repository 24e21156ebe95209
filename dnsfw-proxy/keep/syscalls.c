/*
 * The whole of what the keeper may ask of the kernel once it serves.  It cannot
 * connect, start or trace anything, opens for reading only, in one directory, and
 * sends nothing on the netlink sockets that it shares with the helper.
 */
#include "syscalls.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

#include "aclfile.h"
#include "keepconf.h"

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define NO_EXEC(i)	{ SANDBOX_MASKED_EQ, (i), 0, PROT_EXEC }

/* size, a power of two, descriptors from first on, a multiple of it. */
#define RANGE(first, size)						\
	{ SANDBOX_MASKED_EQ, 0, (first), ~((uint64_t)(size) - 1) }
/* Every other one of them. */
#define CHANNELS(first, size)						\
	{ SANDBOX_MASKED_EQ, 0, (first), ~((uint64_t)(size) - 2) }

static_assert(KEEP_FD_WORKER == 16 && KEEP_FD_COUNT == 80 &&
    KEEP_FD_LOG == 80, "the ranges below");

/* A row for each range of descriptors of workers; of what is opened later. */
#define OF_WORKERS(call, why)						\
	{ call, 0, { RANGE(16, 16) }, why },				\
	{ call, 0, { RANGE(32, 32) }, why },				\
	{ call, 0, { RANGE(64, 16) }, why }
#define OF_CHANNELS(call, why)						\
	{ call, 0, { CHANNELS(16, 16) }, why },				\
	{ call, 0, { CHANNELS(32, 32) }, why },				\
	{ call, 0, { CHANNELS(64, 16) }, why }
#define OF_LATER(call, why)						\
	{ call, 0, { RANGE(80, 16) }, why },				\
	{ call, 0, { RANGE(96, 32) }, why },				\
	{ call, 0, { RANGE(128, 128) }, why }

const struct sandbox_rule keep_rules[] = {
	{ SCMP_SYS(ppoll), 0, {}, "wait for a message or a signal" },
	{ SCMP_SYS(poll), 0, {}, "wait for an answer of the kernel" },
	{ SCMP_SYS(read), 0, { EQ(0, KEEP_FD_SIGNALS) }, "signals" },
	{ SCMP_SYS(recvmsg), 0, { EQ(0, KEEP_FD_COMPILER) }, "the compiler" },
	OF_CHANNELS(SCMP_SYS(recvmsg), "grants"),
	{ SCMP_SYS(sendmsg), 0, { EQ(0, KEEP_FD_COMPILER) }, "the compiler" },
	OF_CHANNELS(SCMP_SYS(sendmsg), "results"),
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_HELPER) }, "the helper" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_ACT) }, "acknowledgements" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_LIST) }, "listings" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_FLOWS) }, "connections" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_EVENTS) }, "events" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_OWN) }, "own addresses" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_NEIGHBOURS) }, "neighbours" },
	{ SCMP_SYS(recvfrom), 0, { EQ(0, KEEP_FD_COMPILER_LOG) },
	    "its lines" },
	OF_WORKERS(SCMP_SYS(recvfrom), "their lines"),
	{ SCMP_SYS(sendto), 0, { EQ(0, KEEP_FD_HELPER), EQ(4, 0) },
	    "orders to the helper" },
	{ SCMP_SYS(sendto), 0, { EQ(0, KEEP_FD_OWN), EQ(4, 0) },
	    "own addresses, please" },
	{ SCMP_SYS(sendto), 0, { EQ(0, KEEP_FD_NEIGHBOURS), EQ(4, 0) },
	    "neighbours, please" },
	{ SCMP_SYS(sendto), 0, { EQ(0, 2), EQ(4, 0) }, "the log, a socket" },
	{ SCMP_SYS(write), 0, { EQ(0, 2) }, "the log" },
	{ SCMP_SYS(write), 0, { EQ(0, KEEP_FD_LOG) }, "the log, a pipe" },
	{ SCMP_SYS(write), 0, { EQ(0, KEEP_FD_NOTIFY) },
	    "the service manager" },
	{ SCMP_SYS(getsockname), 0, { EQ(0, KEEP_FD_ACT) }, "its port id" },
	{ SCMP_SYS(getsockname), 0, { EQ(0, KEEP_FD_LIST) }, "its port id" },
	{ SCMP_SYS(getsockname), 0, { EQ(0, KEEP_FD_FLOWS) }, "its port id" },
	{ SCMP_SYS(accept4), 0, { EQ(0, KEEP_FD_CONTROL) }, "dnsfwctl" },
	{ SCMP_SYS(getsockopt), 0, { RANGE(80, 16), EQ(1, SOL_SOCKET),
	    EQ(2, SO_PEERCRED) }, "is it root who asks" },
	{ SCMP_SYS(getsockopt), 0, { RANGE(96, 32), EQ(1, SOL_SOCKET),
	    EQ(2, SO_PEERCRED) }, "is it root who asks" },
	{ SCMP_SYS(getsockopt), 0, { RANGE(128, 128), EQ(1, SOL_SOCKET),
	    EQ(2, SO_PEERCRED) }, "is it root who asks" },
	OF_LATER(SCMP_SYS(recvfrom), "its questions"),
	{ SCMP_SYS(sendto), 0, { RANGE(80, 16), EQ(4, 0) }, "its answers" },
	{ SCMP_SYS(sendto), 0, { RANGE(96, 32), EQ(4, 0) }, "its answers" },
	{ SCMP_SYS(sendto), 0, { RANGE(128, 128), EQ(4, 0) }, "its answers" },
	{ SCMP_SYS(openat), 0, { EQ(0, KEEP_FD_ACL_DIR), EQ(2, ACLFILE_FLAGS) },
	    "the ACL's files, to hand them to the compiler" },
	{ SCMP_SYS(openat), 0, { EQ(0, KEEP_FD_ACL_DIR),
	    EQ(2, ACLFILE_DIRECTORY) }, "a directory that it includes" },
	OF_LATER(SCMP_SYS(getdents64), "which files are there"),
	OF_LATER(SCMP_SYS(close), "the ACL, images of before, askers"),
	OF_LATER(SCMP_SYS(fstat), "the image's size; is it a file"),
	{ SCMP_SYS(newfstatat), 0, { RANGE(80, 16), EQ(3, AT_EMPTY_PATH) },
	    "fstat of newer C libraries" },
	{ SCMP_SYS(newfstatat), 0, { RANGE(96, 32), EQ(3, AT_EMPTY_PATH) },
	    "fstat of newer C libraries" },
	{ SCMP_SYS(newfstatat), 0, { RANGE(128, 128), EQ(3, AT_EMPTY_PATH) },
	    "fstat of newer C libraries" },
	{ SCMP_SYS(fcntl), 0, { RANGE(80, 16), EQ(1, F_GET_SEALS) },
	    "is the image sealed" },
	{ SCMP_SYS(fcntl), 0, { RANGE(96, 32), EQ(1, F_GET_SEALS) },
	    "is the image sealed" },
	{ SCMP_SYS(fcntl), 0, { RANGE(128, 128), EQ(1, F_GET_SEALS) },
	    "is the image sealed" },
	{ SCMP_SYS(waitid), 0, { EQ(0, P_PID) }, "how a child ended" },
	{ SCMP_SYS(clock_gettime), 0, {}, "where the vDSO cannot" },
	{ SCMP_SYS(restart_syscall), 0, {}, "after SIGSTOP and SIGCONT" },
	{ SCMP_SYS(exit_group), 0, {}, "end" },
	{ SCMP_SYS(brk), 0, {}, "malloc" },
	{ SCMP_SYS(mmap), 0, { NO_EXEC(2),
	    EQ(3, MAP_PRIVATE | MAP_ANONYMOUS) }, "malloc" },
	{ SCMP_SYS(munmap), 0, {}, "malloc" },
	{ SCMP_SYS(mremap), ENOSYS, {}, "realloc survives without" },
};

const size_t keep_nrules = sizeof(keep_rules) / sizeof(keep_rules[0]);
