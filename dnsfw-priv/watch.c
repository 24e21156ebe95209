/* The events of nf_tables that concern us. */
#include "watch.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <stdbool.h>

#include "log.h"
#include "nftelem.h"

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

static bool
is_our_set(const struct nlattr *name)
{
	bool ours = false;
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++)
		ours |= nlsock_is(name, nftelem_sets[i].name);
	return (ours);
}

/* Is it of a verdict map?  Then its elements lead somewhere. */
static bool
is_verdict(const struct nlmsghdr *nlh)
{
	return (nlsock_nested(nlsock_nested(nlsock_nested(nlsock_attr(nlh,
	    NFTA_SET_ELEM_LIST_ELEMENTS), NFTA_LIST_ELEM),
	    NFTA_SET_ELEM_DATA), NFTA_DATA_VERDICT) != NULL);
}

static int
take_expr(const struct nlattr *expr, void *arg)
{
	const struct nlattr *data = nlsock_nested(expr, NFTA_EXPR_DATA);

	*(bool *)arg |= nlsock_nested(nlsock_nested(nlsock_nested(data,
	    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN) !=
	    NULL || nlsock_is(nlsock_nested(expr, NFTA_EXPR_NAME), "lookup");
	return (MNL_CB_OK);
}

/* A rule that leads to no chain is of interest in ours only. */
static unsigned int
rule_meaning(const struct nlmsghdr *nlh)
{
	const struct nlattr *all = nlsock_attr(nlh, NFTA_RULE_EXPRESSIONS);
	bool leads = all == NULL;

	if (nlsock_is(nlsock_attr(nlh, NFTA_RULE_CHAIN), our_chain))
		return (WATCH_RULES | ((nlh->nlmsg_type & 0xff) ==
		    NFT_MSG_DELRULE ? WATCH_LOST : 0));
	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_expr, &leads);
	return (leads ? WATCH_RULES : 0);
}

/* The table is the first attribute of all these, the chain or set the next. */
static unsigned int
meaning(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    !is_our_family(nfg->nfgen_family) ||
	    !nlsock_is(nlsock_attr(nlh, NFTA_RULE_TABLE), our_table))
		return (0);
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
		return (WATCH_LOST);
	case NFT_MSG_NEWCHAIN:
		return (WATCH_RULES | WATCH_ADDED);
	case NFT_MSG_DELCHAIN:
		return (nlsock_is(nlsock_attr(nlh, NFTA_CHAIN_NAME),
		    our_chain) ? WATCH_LOST : WATCH_RULES);
	case NFT_MSG_NEWSETELEM:
		return (is_verdict(nlh) ? WATCH_RULES : 0);
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		if (is_our_set(nlsock_attr(nlh, NFTA_SET_NAME)))
			return (WATCH_LOST);
		return (is_verdict(nlh) ? WATCH_RULES : 0);
	case NFT_MSG_DELRULE:
		return (rule_meaning(nlh));
	case NFT_MSG_NEWRULE:
		return (rule_meaning(nlh) | WATCH_ADDED);
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

	/* After any error, some may be missing. */
	if (nlsock_receive(mnl_socket_get_fd(events), take, &seen) != 0)
		seen |= WATCH_LOST | WATCH_RULES;
	return (seen);
}
