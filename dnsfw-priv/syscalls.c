/*
 * The whole of what dnsfw-priv may ask of the kernel once it serves.  It
 * cannot connect, start or trace anything, and open for reading only, in one
 * directory.
 */
#include "syscalls.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define LE(i, v)	{ SANDBOX_LE, (i), (v), 0 }
#define NO_EXEC(i)	{ SANDBOX_MASKED_EQ, (i), 0, PROT_EXEC }

const struct sandbox_rule priv_rules[] = {
	{ SCMP_SYS(recvmsg), 0, {}, "messages of the children" },
	{ SCMP_SYS(sendmsg), 0, { LE(0, FD_OWN - 1) },
	    "messages to the children" },
	{ SCMP_SYS(sendto), 0, { LE(0, FD_OWN - 1) },
	    "netlink (libmnl); the log to a socket" },
	{ SCMP_SYS(sendto), 0, { EQ(0, FD_OWN), EQ(4, 0) },
	    "own addresses, please: without a destination, so that the "
	    "capability does not count" },
	{ SCMP_SYS(openat), 0, { EQ(0, FD_ACL_DIR), EQ(2, ACL_OPEN_FLAGS) },
	    "the ACL, to hand it to the compiler" },
	{ SCMP_SYS(recvfrom), 0, {}, "netlink" },
	{ SCMP_SYS(ppoll), 0, {}, "wait for a message or a signal" },
	{ SCMP_SYS(poll), 0, {}, "wait for an acknowledgement of the kernel" },
	{ SCMP_SYS(write), 0, {}, "the log; the service manager" },
	{ SCMP_SYS(close), 0, {}, "the ACL, and images of before" },
	{ SCMP_SYS(waitid), 0, {}, "how a child ended" },
	{ SCMP_SYS(clock_gettime), 0, {}, "where the vDSO cannot" },
	{ SCMP_SYS(rt_sigreturn), 0, {}, "return from a signal handler" },
	{ SCMP_SYS(restart_syscall), 0, {}, "after SIGSTOP and SIGCONT" },
	{ SCMP_SYS(exit_group), 0, {}, "end" },
	{ SCMP_SYS(fcntl), 0, { EQ(1, F_GET_SEALS) }, "is the image sealed" },
	{ SCMP_SYS(fstat), 0, {}, "the image's size" },
	{ SCMP_SYS(newfstatat), 0, { EQ(3, AT_EMPTY_PATH) },
	    "fstat of newer C libraries" },
	{ SCMP_SYS(getsockopt), 0, { EQ(1, IPPROTO_IP), EQ(2, IPT_SO_GET_INFO) },
	    "is the chain in iptables-legacy" },
	{ SCMP_SYS(getsockopt), 0, { EQ(1, IPPROTO_IP),
	    EQ(2, IPT_SO_GET_ENTRIES) }, "is the chain in iptables-legacy" },
	{ SCMP_SYS(getsockopt), 0, { EQ(1, IPPROTO_IPV6),
	    EQ(2, IP6T_SO_GET_INFO) }, "is the chain in ip6tables-legacy" },
	{ SCMP_SYS(getsockopt), 0, { EQ(1, IPPROTO_IPV6),
	    EQ(2, IP6T_SO_GET_ENTRIES) }, "is the chain in ip6tables-legacy" },
	{ SCMP_SYS(brk), 0, {}, "malloc" },
	{ SCMP_SYS(mmap), 0, { NO_EXEC(2),
	    EQ(3, MAP_PRIVATE | MAP_ANONYMOUS) }, "malloc" },
	{ SCMP_SYS(munmap), 0, {}, "malloc" },
	{ SCMP_SYS(mremap), ENOSYS, {}, "realloc survives without" },
#ifdef DNSFW_SANITIZE
	{ SCMP_SYS(mmap), 0, {}, "sanitizer" },
	{ SCMP_SYS(madvise), 0, {}, "sanitizer" },
	{ SCMP_SYS(mprotect), 0, {}, "sanitizer" },
	{ SCMP_SYS(sigaltstack), 0, {}, "sanitizer" },
	{ SCMP_SYS(rt_sigprocmask), 0, {}, "sanitizer" },
	{ SCMP_SYS(rt_sigaction), 0, {}, "sanitizer" },
	{ SCMP_SYS(futex), 0, {}, "sanitizer" },
	{ SCMP_SYS(getpid), 0, {}, "sanitizer" },
	{ SCMP_SYS(gettid), 0, {}, "sanitizer" },
	{ SCMP_SYS(sched_yield), 0, {}, "sanitizer" },
	{ SCMP_SYS(readlink), EACCES, {}, "sanitizer" },
	/* Not of every descriptor, as that would be of the ACL's, too. */
	{ SCMP_SYS(openat), EACCES, { EQ(0, (uint32_t)AT_FDCWD) },
	    "sanitizer" },
	{ SCMP_SYS(openat), EACCES, { EQ(0, (uint64_t)AT_FDCWD) },
	    "sanitizer" },
#endif
};

const size_t priv_nrules = sizeof(priv_rules) / sizeof(priv_rules[0]);
