/*
 * The whole of what dnsfw-priv, the helper, may ask of the kernel once it
 * serves.  It has the filter from here, so that it need not be able to make one.
 */
#include "filter.h"

#include <seccomp.h>

#define EQ(i, v)	{ SANDBOX_EQ, (i), (v), 0 }
#define TO_KERNEL(fd)	{ EQ(0, (fd)), EQ(5, 12) }	/* sockaddr_nl */

const struct sandbox_rule filter_rules[] = {
	{ SCMP_SYS(recvmsg), 0, { EQ(0, HELPER_FD_KEEPER) }, "orders" },
	{ SCMP_SYS(recvmsg), 0, { EQ(0, HELPER_FD_COMPILER) }, "bounds" },
	{ SCMP_SYS(recvmsg), 0, { EQ(0, HELPER_FD_OWN) },
	    "the index of an ipset" },
	{ SCMP_SYS(sendto), 0, { EQ(0, HELPER_FD_KEEPER), EQ(4, 0), EQ(5, 0) },
	    "what was refused; why it ends" },
	{ SCMP_SYS(sendto), 0, TO_KERNEL(HELPER_FD_ACT), "netlink" },
	{ SCMP_SYS(sendto), 0, TO_KERNEL(HELPER_FD_LIST), "netlink" },
	{ SCMP_SYS(sendto), 0, TO_KERNEL(HELPER_FD_FLOWS), "netlink" },
	{ SCMP_SYS(sendto), 0, TO_KERNEL(HELPER_FD_OWN), "netlink" },
	{ SCMP_SYS(ppoll), 0, {}, "wait for an order, or for time to pass" },
	{ SCMP_SYS(clock_gettime), 0, {}, "where the vDSO cannot" },
	{ SCMP_SYS(restart_syscall), 0, {}, "after SIGSTOP and SIGCONT" },
	{ SCMP_SYS(exit_group), 0, {}, "end" },
};

const size_t filter_nrules = sizeof(filter_rules) / sizeof(filter_rules[0]);

void
filter_make(struct stamps *s)
{
	s->nfilter = sandbox_export(filter_rules, filter_nrules, s->filter,
	    STAMPS_FILTER_MAX);
}
