/* The events of nf_tables that concern us. */
#include "watch.h"

#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <stdbool.h>

#include "ask.h"
#include "keepconf.h"
#include "log.h"
#include "nlattr.h"
#include "watchfilter.h"

#define READS_MAX	1000	/* datagrams in one go */
#define DATAGRAM_MAX	32768

static struct watch_names ours;

/*
 * Older kernels have room for a shorter program only; it lets through what has
 * more messages than it can look at.
 */
static void
attach_filter(uint32_t portid)
{
	static struct sock_filter code[WATCHFILTER_MAX];
	struct sock_fprog prog = { .filter = code };
	unsigned int messages;

	for (messages = WATCHFILTER_MESSAGES; messages > 0; messages--) {
		prog.len = watchfilter_make(code, messages, portid,
		    ours.family, ours.table);
		if (setsockopt(KEEP_FD_EVENTS, SOL_SOCKET, SO_ATTACH_FILTER,
		    &prog, sizeof(prog)) == 0)
			return;
		if (errno != ENOMEM)
			break;
	}
	fatal("SO_ATTACH_FILTER");
}

void
watch_open(const struct watch_names *names)
{
	ours = *names;
	attach_filter(ask_portid(KEEP_FD_ACT));
}

static bool
is_our_family(uint8_t family)
{
	if (ours.family == NFPROTO_UNSPEC)
		return (family == NFPROTO_IPV4 || family == NFPROTO_IPV6);
	return (family == ours.family);
}

static bool
is_our_set(const struct nlattr *name)
{
	bool is = false;
	size_t i;

	for (i = 0; i < WATCH_NAMES; i++)
		is |= ours.sets[i] != NULL && nlattr_is(name, ours.sets[i]);
	return (is);
}

/* Is it of a verdict map?  Then its elements lead somewhere. */
static bool
is_verdict(const struct nlmsghdr *nlh)
{
	return (nlattr_nested(nlattr_nested(nlattr_nested(nlattr_get(nlh,
	    NFTA_SET_ELEM_LIST_ELEMENTS), NFTA_LIST_ELEM),
	    NFTA_SET_ELEM_DATA), NFTA_DATA_VERDICT) != NULL);
}

static int
take_jump(const struct nlattr *expr, void *arg)
{
	const struct nlattr *data = nlattr_nested(expr, NFTA_EXPR_DATA);

	*(bool *)arg |= nlattr_nested(nlattr_nested(nlattr_nested(data,
	    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN) !=
	    NULL || nlattr_is(nlattr_nested(expr, NFTA_EXPR_NAME), "lookup");
	return (MNL_CB_OK);
}

/* A rule that leads to no chain is of interest in ours only. */
static unsigned int
rule_meaning(const struct nlmsghdr *nlh)
{
	const struct nlattr *all = nlattr_get(nlh, NFTA_RULE_EXPRESSIONS);
	bool leads = all == NULL;

	if (nlattr_is(nlattr_get(nlh, NFTA_RULE_CHAIN), ours.chain))
		return (WATCH_RULES | ((nlh->nlmsg_type & 0xff) ==
		    NFT_MSG_DELRULE ? WATCH_LOST : 0));
	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_jump, &leads);
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
	    !nlattr_is(nlattr_get(nlh, NFTA_RULE_TABLE), ours.table))
		return (0);
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
		return (WATCH_LOST);
	case NFT_MSG_NEWCHAIN:
		return (WATCH_RULES | WATCH_ADDED);
	case NFT_MSG_DELCHAIN:
		return (nlattr_is(nlattr_get(nlh, NFTA_CHAIN_NAME),
		    ours.chain) ? WATCH_LOST : WATCH_RULES);
	case NFT_MSG_NEWSETELEM:
		return (is_verdict(nlh) ? WATCH_RULES : 0);
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		if (is_our_set(nlattr_get(nlh, NFTA_SET_NAME)))
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

unsigned int
watch_read(void)
{
	char in[DATAGRAM_MAX] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	unsigned int seen = 0;
	int i, len;

	for (i = 0; i < READS_MAX; i++) {
		len = (int)recv(KEEP_FD_EVENTS, in, sizeof(in),
		    MSG_DONTWAIT | MSG_TRUNC);
		if (len == -1 && errno == EAGAIN)
			break;
		if (len == -1 && errno == EINTR)
			continue;
		/* After any error, some may be missing. */
		if (len == -1 || len > (int)sizeof(in)) {
			seen |= WATCH_UNSURE | WATCH_RULES;
			continue;
		}
		for (nlh = (const struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, len);
		    nlh = mnl_nlmsg_next(nlh, &len))
			seen |= meaning(nlh);
	}
	return (seen);
}
