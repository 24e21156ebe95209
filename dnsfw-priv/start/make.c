/* The stamps of both backends, and those of connections. */
#include "make.h"

#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "draft.h"
#include "make_ipset.h"
#include "make_nft.h"
#include "make_parts.h"

static struct nlmsghdr *
flow_begin(enum cntl_msg_types type, uint16_t flags, unsigned int sub)
{
	return (draft_begin((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type),
	    flags, sub == 0 ? AF_INET : AF_INET6, 0));
}

/* The whole tuple: kernels before 6.8 want it. */
static void
make_flow(struct stamp *to, unsigned int sub, bool zone)
{
	const size_t address = sub == 0 ? 4 : 16;
	struct nlmsghdr *nlh = flow_begin(IPCTNL_MSG_CT_DELETE, 0, sub);
	struct nlattr *tuple, *nest;

	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	draft_attr(sub == 0 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, HOLE_CLIENT,
	    address);
	draft_attr(sub == 0 ? CTA_IP_V4_DST : CTA_IP_V6_DST, HOLE_DST,
	    address);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	draft_attr(CTA_PROTO_NUM, HOLE_PROTO, 1);
	draft_attr(CTA_PROTO_SRC_PORT, HOLE_SPORT, 2);
	draft_attr(CTA_PROTO_DST_PORT, HOLE_PORT, 2);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
	if (zone)
		draft_attr(CTA_ZONE, HOLE_ZONE, 2);
	draft_end(to);
}

static void
make_flows(const struct stamps_wish *wish, struct stamps *s)
{
	unsigned int sub;

	for (sub = 0; sub < 2; sub++) {
		if (wish->flows) {
			(void)flow_begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, sub);
			draft_end(&s->at[STAMP_FLOWS][sub]);
		}
		if (wish->kill) {
			make_flow(&s->at[STAMP_FLOW][sub], sub, false);
			make_flow(&s->at[STAMP_FLOW_ZONE][sub], sub, true);
		}
	}
}

void
stamps_make(const struct stamps_wish *wish, struct stamps *s)
{
	make_batch(s);
	if (wish->ipset)
		make_ipset(wish, s);
	else
		make_nft(wish, s);
	make_flows(wish, s);
}
