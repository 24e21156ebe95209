/* The stamps of both backends, and those of connections. */
#include "make.h"

#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "make_parts.h"

#define SET_NAME_MAX	(64 + sizeof("-ipv4-allow-local"))

static const struct pattern batch[] = {
	{ STAMP_BEGIN, NFNL_MSG_BATCH_BEGIN, ASK, 0, NULL, { 0 } },
	{ STAMP_END, NFNL_MSG_BATCH_END, ASK, 0, NULL, { 0 } }
};

/* What is read of tables, chains and rules. */
static const struct part map[] = {
	{ 0, PUT_HOLE, NFTA_SET_ELEM_LIST_SET, HOLE_NAME },
	{ 0 }
};
static const struct pattern reads[] = {
	{ STAMP_TABLE, NFT_MSG_GETTABLE, ASK_ACK, 0, NULL,
	    { NFTA_TABLE_NAME } },
	{ STAMP_CHAIN, NFT_MSG_GETCHAIN, ASK_ACK, 0, NULL,
	    { NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME } },
	{ STAMP_CHAINS, NFT_MSG_GETCHAIN, ASK_DUMP, 0, NULL, { 0 } },
	{ STAMP_RULES, NFT_MSG_GETRULE, ASK_DUMP, 0, NULL,
	    { NFTA_RULE_TABLE, NFTA_RULE_CHAIN } },
	{ STAMP_TABLE_RULES, NFT_MSG_GETRULE, ASK_DUMP, 0, NULL,
	    { NFTA_RULE_TABLE } },
	{ STAMP_MAP, NFT_MSG_GETSETELEM, ASK_DUMP, 0, map,
	    { NFTA_SET_ELEM_LIST_TABLE } }
};

/* Without a handle: all rules of the chain. */
static const struct pattern flush[] = {
	{ STAMP_FLUSH, NFT_MSG_DELRULE, ASK, 0, NULL,
	    { NFTA_RULE_TABLE, NFTA_RULE_CHAIN } }
};

/* The whole tuple of a connection: kernels before 6.8 want it. */
static const struct part flow[] = {
	{ 0, PUT_NEST, CTA_TUPLE_ORIG, 0 },
	{ 0, PUT_NEST, CTA_TUPLE_IP, 0 },
	{ IS_V4, PUT_HOLE, CTA_IP_V4_SRC, HOLE_CLIENT },
	{ IS_V4, PUT_HOLE, CTA_IP_V4_DST, HOLE_DST },
	{ IS_V6, PUT_HOLE, CTA_IP_V6_SRC, HOLE_CLIENT },
	{ IS_V6, PUT_HOLE, CTA_IP_V6_DST, HOLE_DST },
	{ 0, PUT_END, 0, 0 },
	{ 0, PUT_NEST, CTA_TUPLE_PROTO, 0 },
	{ 0, PUT_HOLE, CTA_PROTO_NUM, HOLE_PROTO },
	{ 0, PUT_HOLE, CTA_PROTO_SRC_PORT, HOLE_SPORT },
	{ 0, PUT_HOLE, CTA_PROTO_DST_PORT, HOLE_PORT },
	{ 0, PUT_END, 0, 0 },
	{ 0, PUT_END, 0, 0 },
	{ IS_ZONED, PUT_HOLE, CTA_ZONE, HOLE_ZONE },
	{ 0 }
};
static const struct pattern list_flows[] = {
	{ STAMP_FLOWS, IPCTNL_MSG_CT_GET, ASK_DUMP, 0, NULL, { 0 } }
};
static const struct pattern end_flows[] = {
	{ STAMP_FLOW, IPCTNL_MSG_CT_DELETE, ASK, 0, flow, { 0 } },
	{ STAMP_FLOW_ZONE, IPCTNL_MSG_CT_DELETE, ASK, IS_ZONED, flow,
	    { 0 } }
};

static void
make_family(const struct stamps_wish *wish, struct subject *s,
    struct stamps *stamps)
{
	s->is = s->sub == 0 ? IS_V4 : IS_V6;
	s->subsystem = NFNL_SUBSYS_NFTABLES;
	s->family = wish->table_family;
	if (wish->ipset) {
		s->family = s->sub == 0 ? NFPROTO_IPV4 : NFPROTO_IPV6;
		draft_stamps(s, flush, COUNT(flush), stamps);
	}
	/* nftables has one table, for whichever families. */
	if (wish->ipset || s->sub == 0)
		draft_stamps(s, reads, COUNT(reads), stamps);
	s->subsystem = NFNL_SUBSYS_CTNETLINK;
	s->family = s->sub == 0 ? AF_INET : AF_INET6;
	if (wish->flows)
		draft_stamps(s, list_flows, COUNT(list_flows), stamps);
	if (wish->kill)
		draft_stamps(s, end_flows, COUNT(end_flows), stamps);
}

static void
make_kind(const struct stamps_wish *wish, struct subject *s,
    struct stamps *stamps)
{
	char set[SET_NAME_MAX], spare[SET_NAME_MAX];

	s->is = (s->sub < 2 ? IS_V4 : IS_V6) |
	    (s->sub % 2 == 0 ? IS_CLIENT : IS_LOCAL);
	snprintf(set, sizeof(set), "%s%s", wish->chain,
	    (wish->ipset ? ipset_suffixes : nft_suffixes)[s->sub]);
	snprintf(spare, sizeof(spare), "%s-new", wish->chain);
	s->names[NAME_SET] = set;
	s->names[NAME_SPARE] = spare;
	s->subsystem = NFNL_SUBSYS_NFTABLES;
	s->family = s->sub < 2 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (wish->ipset) {
		make_ipset(s, stamps);
		return;
	}
	if (wish->table_family != NFPROTO_INET &&
	    wish->table_family != s->family)
		return;
	s->family = wish->table_family;
	make_nft(s, stamps);
}

void
stamps_make(const struct stamps_wish *wish, struct stamps *stamps)
{
	struct subject s = { .names = { wish->ipset ? "filter" : wish->table,
	    wish->chain }, .numbers = { wish->max_grants, 64 } };

	/* As many as elements: a table that grows blocks for milliseconds. */
	while (s.numbers[NUMBER_BUCKETS] < wish->max_grants &&
	    s.numbers[NUMBER_BUCKETS] < 1U << 24)
		s.numbers[NUMBER_BUCKETS] *= 2;
	draft_stamps(&s, batch, COUNT(batch), stamps);
	for (; s.sub < 2; s.sub++)
		make_family(wish, &s, stamps);
	for (s.sub = 0; s.sub < STAMPS_SUBS; s.sub++)
		make_kind(wish, &s, stamps);
}
