/*
 * The whole of what dnsfw-proxy may ask of the kernel once it is confined.
 * Neither role can open, start, trace or signal anything; the compiler has no
 * way to the network, and the worker's is UDP and TCP.
 */
#include "syscalls.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <errno.h>
#include <seccomp.h>

#include "msg.h"

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define LE(i, v)	{ SANDBOX_LE, (i), (v), 0 }
#define GE(i, v)	{ SANDBOX_GE, (i), (v), 0 }
#define NO_EXEC(i)	{ SANDBOX_MASKED_EQ, (i), 0, PROT_EXEC }

#define SOCKET_FLAGS	(SOCK_NONBLOCK | SOCK_CLOEXEC)

/* What the C library and the log need in both roles. */
#define COMMON_RULES							\
	{ SCMP_SYS(write), 0, {}, "the logs; the image" },		\
	{ SCMP_SYS(sendto), 0, { EQ(4, 0) },				\
	    "connected sockets only; the log to a socket" },		\
	{ SCMP_SYS(clock_gettime), 0, {}, "where the vDSO cannot" },	\
	{ SCMP_SYS(gettimeofday), 0, {}, "where the vDSO cannot" },	\
	{ SCMP_SYS(getrandom), 0, {}, "ids, hash keys" },		\
	{ SCMP_SYS(getpid), 0, {}, "arc4random looks for a fork" },	\
	{ SCMP_SYS(brk), 0, {}, "malloc" },				\
	{ SCMP_SYS(mmap), 0, { NO_EXEC(2),				\
	    EQ(3, MAP_PRIVATE | MAP_ANONYMOUS) }, "malloc" },		\
	{ SCMP_SYS(munmap), 0, {}, "malloc" },				\
	{ SCMP_SYS(madvise), 0, { EQ(2, MADV_DONTNEED) }, "free" },	\
	{ SCMP_SYS(rt_sigreturn), 0, {}, "return from a signal" },	\
	{ SCMP_SYS(restart_syscall), 0, {}, "after SIGSTOP, SIGCONT" },	\
	{ SCMP_SYS(exit_group), 0, {}, "end" }

const struct sandbox_rule compiler_rules[] = {
	{ SCMP_SYS(recvmsg), 0, { EQ(0, MSG_FD_CHANNEL) },
	    "the ACL and questions from the keeper" },
	{ SCMP_SYS(read), 0, {}, "the ACL" },
	{ SCMP_SYS(close), 0, { GE(0, MSG_FD_CHANNEL) },
	    "descriptors; not what we die with" },
	{ SCMP_SYS(sendmsg), 0, { EQ(0, MSG_FD_CHANNEL) },
	    "the image and answers to the keeper" },
	{ SCMP_SYS(sendmsg), 0, { EQ(0, MSG_FD_HELPER) },
	    "bounds to dnsfw-priv" },
	{ SCMP_SYS(mmap), 0, { EQ(2, PROT_READ), EQ(3, MAP_PRIVATE) },
	    "the image" },
	{ SCMP_SYS(poll), 0, {}, "until the keeper takes more" },
	{ SCMP_SYS(ppoll), 0, {}, "poll on other machines" },
	{ SCMP_SYS(memfd_create), 0, {}, "the image" },
	{ SCMP_SYS(fcntl), 0, { EQ(1, F_ADD_SEALS) }, "the image" },
	{ SCMP_SYS(mremap), 0, {}, "realloc of long tables" },
	COMMON_RULES
};

const size_t compiler_nrules =
    sizeof(compiler_rules) / sizeof(compiler_rules[0]);

const struct sandbox_rule worker_rules[] = {
	{ SCMP_SYS(epoll_wait), 0, {}, "the event loop" },
	{ SCMP_SYS(epoll_pwait), 0, {}, "the event loop, on other machines" },
	{ SCMP_SYS(epoll_pwait2), 0, {}, "the event loop of libevent 2.2" },
	{ SCMP_SYS(epoll_ctl), 0, {}, "the event loop" },
	{ SCMP_SYS(recvmmsg), 0, { LE(0, WORKER_LAST_LISTENER) },
	    "queries over UDP" },
	{ SCMP_SYS(sendmmsg), 0, { LE(0, WORKER_LAST_LISTENER) },
	    "answers over UDP" },
	{ SCMP_SYS(recvmsg), 0, { EQ(0, MSG_FD_CHANNEL) },
	    "what the keeper says, and the image" },
	{ SCMP_SYS(sendmsg), 0, { EQ(0, MSG_FD_CHANNEL) },
	    "grants to the keeper" },
	{ SCMP_SYS(recvfrom), 0, { EQ(4, 0) },
	    "TCP; answers of the upstream" },
	{ SCMP_SYS(accept4), 0, { LE(0, WORKER_LAST_LISTENER),
	    EQ(3, SOCKET_FLAGS) }, "clients over TCP" },
	{ SCMP_SYS(socket), 0, { EQ(0, AF_INET),
	    EQ(1, SOCK_DGRAM | SOCKET_FLAGS), EQ(2, 0) }, "upstream" },
	{ SCMP_SYS(socket), 0, { EQ(0, AF_INET6),
	    EQ(1, SOCK_DGRAM | SOCKET_FLAGS), EQ(2, 0) }, "upstream" },
	{ SCMP_SYS(socket), 0, { EQ(0, AF_INET),
	    EQ(1, SOCK_STREAM | SOCKET_FLAGS), EQ(2, 0) }, "upstream" },
	{ SCMP_SYS(socket), 0, { EQ(0, AF_INET6),
	    EQ(1, SOCK_STREAM | SOCKET_FLAGS), EQ(2, 0) }, "upstream" },
	{ SCMP_SYS(setsockopt), 0, { EQ(1, IPPROTO_TCP), EQ(2, TCP_NODELAY) },
	    "upstream: a query does not wait for the last one's ACK" },
	{ SCMP_SYS(setsockopt), 0, { EQ(1, IPPROTO_TCP),
	    EQ(2, TCP_USER_TIMEOUT) }, "upstream: a dead path ends" },
	{ SCMP_SYS(setsockopt), 0, { EQ(1, IPPROTO_IP), EQ(2, IP_RECVERR) },
	    "upstream: what an ICMP error is about" },
	{ SCMP_SYS(setsockopt), 0, { EQ(1, IPPROTO_IPV6),
	    EQ(2, IPV6_RECVERR) }, "the same over IPv6" },
	{ SCMP_SYS(connect), 0, { GE(0, WORKER_LAST_LISTENER + 1) },
	    "upstream, and back to no address: a new port for each query" },
	{ SCMP_SYS(close), 0, { GE(0, WORKER_LAST_LISTENER + 1) },
	    "sockets, the image; a group without one would choose anew" },
	{ SCMP_SYS(fstat), 0, {}, "the image's size" },
	{ SCMP_SYS(newfstatat), 0, { EQ(3, AT_EMPTY_PATH) },
	    "fstat of newer C libraries" },
	{ SCMP_SYS(mmap), 0, { EQ(2, PROT_READ), EQ(3, MAP_PRIVATE) },
	    "the image" },
	{ SCMP_SYS(mremap), ENOSYS, {}, "realloc survives without" },
	COMMON_RULES
};

const size_t worker_nrules = sizeof(worker_rules) / sizeof(worker_rules[0]);
