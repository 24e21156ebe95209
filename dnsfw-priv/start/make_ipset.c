/*
 * Stamps of --firewall iptables (F1): four ipsets, and rules in the operator's
 * chain that match them, programmed through nf_tables as iptables-nft does it.
 * The kernel's interface is linux/netfilter/ipset/ip_set.h; its numbers are in
 * network byte order, and flagged so.
 */
#include "make_ipset.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_set.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "make_parts.h"
#include "make_rule.h"
#include "order.h"

/*
 * Of both set types.  Every kernel since 3.x has it, and an ipset program lists
 * only what is not newer than itself.
 */
#define SET_REVISION	5
#define DEFAULT_TIMEOUT	60	/* seconds; no element of ours goes without */

#define TABLE		"filter"
#define MATCH_REVISION	4	/* struct xt_set_info_match_v4 */
#define ADDRTYPE_REVISION 1	/* struct xt_addrtype_info_v1 */
#define INDEX_MARK	0xabcd

static const char *const suffixes[MAKE_KINDS] = { "-ipv4-allow",
    "-ipv4-allow-local", "-ipv6-allow", "-ipv6-allow-local" };

/* The names of the sets, and of one that is to replace one. */
struct names {
	char	sets[MAKE_KINDS][IPSET_MAXNAMELEN];
	char	spare[IPSET_MAXNAMELEN];
};

static uint8_t
nfproto_of(unsigned int kind)
{
	return (kind_is_v4(kind) ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* A command for one set.  The family of the header is not the set's. */
static struct nlmsghdr *
begin(enum ipset_cmd command, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh;

	nlh = draft_begin((uint16_t)(NFNL_SUBSYS_IPSET << 8 | command), flags,
	    AF_INET, 0);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	if (name != NULL)
		mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, name);
	return (nlh);
}

static void
put_number(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type | NLA_F_NET_BYTEORDER, htonl(value));
}

static void
put_address(struct nlmsghdr *nlh, uint16_t type, unsigned int kind,
    enum stamps_hole hole)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	draft_attr(NLA_F_NET_BYTEORDER | (kind_is_v4(kind) ?
	    IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6), hole,
	    kind_address(kind));
	mnl_attr_nest_end(nlh, nest);
}

/*
 * Without NLM_F_EXCL: an element that is to be added and is there gets timeout
 * and comment; to delete one that is not there is no error.
 */
static void
make_element(struct stamp *to, enum ipset_cmd command, unsigned int kind,
    const char *name)
{
	struct nlmsghdr *nlh = begin(command, 0, name);
	struct nlattr *data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);

	put_address(nlh, IPSET_ATTR_IP, kind, kind_is_local(kind) ? HOLE_DST :
	    HOLE_CLIENT);
	draft_attr(IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, HOLE_PORT, 2);
	draft_attr(IPSET_ATTR_PROTO, HOLE_PROTO, 1);
	if (!kind_is_local(kind))
		put_address(nlh, IPSET_ATTR_IP2, kind, HOLE_DST);
	if (command == IPSET_CMD_ADD) {
		draft_attr(IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER,
		    HOLE_SECONDS, 4);
		draft_attr(IPSET_ATTR_COMMENT, HOLE_LABEL, ORDER_LABEL_SIZE);
	}
	mnl_attr_nest_end(nlh, data);
	draft_end(to);
}

static void
make_create(struct stamp *to, unsigned int kind, const char *name,
    uint32_t max_grants)
{
	struct nlmsghdr *nlh;
	struct nlattr *data;
	uint32_t buckets = 64;

	/* As many as elements: a table that grows blocks for milliseconds. */
	while (buckets < max_grants && buckets < 1U << 24)
		buckets *= 2;
	nlh = begin(IPSET_CMD_CREATE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
	    name);
	mnl_attr_put_strz(nlh, IPSET_ATTR_TYPENAME, kind_is_local(kind) ?
	    "hash:ip,port" : "hash:ip,port,ip");
	mnl_attr_put_u8(nlh, IPSET_ATTR_REVISION, SET_REVISION);
	mnl_attr_put_u8(nlh, IPSET_ATTR_FAMILY, nfproto_of(kind));
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	put_number(nlh, IPSET_ATTR_TIMEOUT, DEFAULT_TIMEOUT);
	put_number(nlh, IPSET_ATTR_CADT_FLAGS, IPSET_FLAG_WITH_COMMENT);
	put_number(nlh, IPSET_ATTR_HASHSIZE, buckets);
	put_number(nlh, IPSET_ATTR_MAXELEM, max_grants);
	mnl_attr_nest_end(nlh, data);
	draft_end(to);
}

/* What GET_BYNAME is answered with: the attributes in this order. */
static void
make_index(struct stamps *s, unsigned int kind, const char *name)
{
	struct nlmsghdr *nlh;

	(void)begin(IPSET_CMD_GET_BYNAME, NLM_F_ACK, name);
	draft_end(&s->at[STAMP_INDEX][kind]);

	nlh = begin(IPSET_CMD_GET_BYNAME, 0, NULL);
	nlh->nlmsg_flags = 0;
	mnl_attr_put_u8(nlh, IPSET_ATTR_FAMILY, nfproto_of(kind));
	draft_attr(IPSET_ATTR_INDEX | NLA_F_NET_BYTEORDER, HOLE_INDEX, 2);
	draft_end(&s->at[STAMP_INDEX_REPLY][kind]);
}

static void
make_set(const struct stamps_wish *wish, struct stamps *s, unsigned int kind,
    const struct names *names)
{
	const char *name = names->sets[kind], *spare = names->spare;
	struct nlmsghdr *nlh;

	make_element(&s->at[STAMP_ADD][kind], IPSET_CMD_ADD, kind, name);
	make_element(&s->at[STAMP_ADD_SPARE][kind], IPSET_CMD_ADD, kind, spare);
	make_element(&s->at[STAMP_DEL][kind], IPSET_CMD_DEL, kind, name);
	make_element(&s->at[STAMP_TEST][kind], IPSET_CMD_TEST, kind, name);
	make_create(&s->at[STAMP_CREATE][kind], kind, name, wish->max_grants);
	make_create(&s->at[STAMP_CREATE_SPARE][kind], kind, spare,
	    wish->max_grants);
	make_index(s, kind, name);

	nlh = begin(IPSET_CMD_SWAP, NLM_F_ACK, name);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME2, spare);
	draft_end(&s->at[STAMP_SWAP][kind]);

	(void)begin(IPSET_CMD_DESTROY, NLM_F_ACK, spare);
	draft_end(&s->at[STAMP_DESTROY_SPARE][kind]);

	(void)begin(IPSET_CMD_LIST, NLM_F_DUMP, name);
	draft_end(&s->at[STAMP_ENTRIES][kind]);

	nlh = begin(IPSET_CMD_LIST, NLM_F_DUMP, name);
	put_number(nlh, IPSET_ATTR_FLAGS, IPSET_FLAG_LIST_HEADER);
	draft_end(&s->at[STAMP_HEAD][kind]);
}

/* "-m NAME", with the options in the form that the kernel's module has. */
static void
put_match(struct nftnl_rule *r, const char *name, uint32_t revision,
    const void *options, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "match");
	void *info = rule_need(malloc(len));

	memcpy(info, options, len);
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, revision);
	/* This is not copied, but freed with the expression. */
	nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, len);
}

/* "-m set --match-set": all fields of the set are dst but for those in src. */
static void
make_rule(struct stamps *s, unsigned int kind, const char *chain)
{
	const struct xt_addrtype_info_v1 from_here = {
	    .source = XT_ADDRTYPE_LOCAL };
	const uint16_t mark = INDEX_MARK;
	struct nftnl_rule *r = rule_new(TABLE, chain);
	struct xt_set_info_match_v4 info;

	memset(&info, 0, sizeof(info));
	info.match_set.index = mark;
	info.match_set.dim = IPSET_DIM_THREE;
	info.match_set.flags = IPSET_DIM_ONE_SRC;
	if (kind_is_local(kind)) {
		put_match(r, "addrtype", ADDRTYPE_REVISION, &from_here,
		    sizeof(from_here));
		info.match_set.dim = IPSET_DIM_TWO;
		info.match_set.flags = 0;
	}
	put_match(r, "set", MATCH_REVISION, &info, sizeof(info));
	rule_accept(r);
	rule_draft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	    nfproto_of(kind), r);
	draft_find(HOLE_INDEX, &mark, sizeof(mark));
	draft_end(&s->at[STAMP_RULE][kind]);
}

void
make_ipset(const struct stamps_wish *wish, struct stamps *s)
{
	struct names names;
	unsigned int i;

	snprintf(names.spare, sizeof(names.spare), "%s-new", wish->chain);
	for (i = 0; i < MAKE_KINDS; i++) {
		snprintf(names.sets[i], sizeof(names.sets[i]), "%s%s",
		    wish->chain, suffixes[i]);
		make_set(wish, s, i, &names);
		make_rule(s, i, wish->chain);
	}
	for (i = 0; i < 2; i++) {
		/* Without a handle: all rules of the chain. */
		rule_draft(NFT_MSG_DELRULE, 0, nfproto_of(2 * i),
		    rule_new(TABLE, wish->chain));
		draft_end(&s->at[STAMP_FLUSH][i]);
		make_reads(s, i, nfproto_of(2 * i), TABLE, wish->chain);
	}
}
