/* The events of nf_tables that concern us. */
#include "watch.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "log.h"
#include "nlsock.h"

static struct mnl_socket *events;
static uint8_t our_family;
static const char *our_table, *our_chain;

/* The kernel need not queue what we did ourselves. */
static void
leave_out(uint32_t portid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
	};
	struct sock_fprog prog = { .filter = code,
	    .len = sizeof(code) / sizeof(code[0]) };

	if (setsockopt(mnl_socket_get_fd(events), SOL_SOCKET,
	    SO_ATTACH_FILTER, &prog, sizeof(prog)) == -1)
		fatal("SO_ATTACH_FILTER");
}

void
watch_open(uint8_t family, const char *table, const char *chain)
{
	our_family = family;
	our_table = table;
	our_chain = chain;
	events = nlsock_new(NETLINK_NETFILTER, 1U << (NFNLGRP_NFTABLES - 1));
	/* If the system's limit stands, events may be lost; that is seen. */
	nlsock_enlarge(events);
	leave_out(nlsock_portid());
}

int
watch_fd(void)
{
	return (events == NULL ? -1 : mnl_socket_get_fd(events));
}

static bool
is_our_family(uint8_t family)
{
	if (our_family == NFPROTO_UNSPEC)
		return (family == NFPROTO_IPV4 || family == NFPROTO_IPV6);
	return (family == our_family);
}

/* Is the text of the attribute our chain's, or of a set of ours? */
static bool
is_ours(const struct nlattr *name)
{
	size_t len = strlen(our_chain);

	return (name != NULL && mnl_attr_get_payload_len(name) > len &&
	    memcmp(mnl_attr_get_payload(name), our_chain, len) == 0);
}

/* The table is the first attribute of all these, the chain or set the next. */
static unsigned int
meaning(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	bool ours;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    !is_our_family(nfg->nfgen_family) ||
	    !nlsock_is(nlsock_attr(nlh, NFTA_RULE_TABLE), our_table))
		return (0);
	ours = is_ours(nlsock_attr(nlh, NFTA_RULE_CHAIN));
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
		return (WATCH_LOST);
	case NFT_MSG_NEWCHAIN:
		return (WATCH_ADDED);
	case NFT_MSG_DELCHAIN:
		return (is_ours(nlsock_attr(nlh, NFTA_CHAIN_NAME)) ?
		    WATCH_LOST : WATCH_RULES);
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		return (ours ? WATCH_LOST : 0);
	case NFT_MSG_DELRULE:
		return (ours ? WATCH_LOST | WATCH_RULES : WATCH_RULES);
	case NFT_MSG_NEWRULE:
		return (WATCH_RULES | WATCH_ADDED);
	default:
		return (0);
	}
}

static void
take(const struct nlmsghdr *nlh, void *arg)
{
	unsigned int *seen = arg;

	*seen |= meaning(nlh);
}

unsigned int
watch_read(void)
{
	unsigned int seen = 0;

	if (nlsock_receive(mnl_socket_get_fd(events), take, &seen) == ENOBUFS)
		seen |= WATCH_LOST | WATCH_RULES;
	return (seen);
}
