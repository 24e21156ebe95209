/*
 * Stamps of --firewall iptables (F1): four ipsets, and rules in the operator's
 * chain that match them, programmed through nf_tables as iptables-nft does it.
 * The kernel's interface is linux/netfilter/ipset/ip_set.h; its numbers are in
 * network byte order, and flagged so.
 */
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_set.h>

#include <stdlib.h>
#include <string.h>

#include "make_parts.h"

/*
 * Of both set types.  Every kernel since 3.x has it, and an ipset program lists
 * only what is not newer than itself.
 */
#define SET_REVISION	5
#define DEFAULT_TIMEOUT	60	/* seconds; no element of ours goes without */

#define MATCH_REVISION	4	/* struct xt_set_info_match_v4 */
#define ADDRTYPE_REVISION 1	/* struct xt_addrtype_info_v1 */
#define INDEX_MARK	0xabcd

#define NET		NLA_F_NET_BYTEORDER
#define IP4		(NET | IPSET_ATTR_IPADDR_IPV4)
#define IP6		(NET | IPSET_ATTR_IPADDR_IPV6)
#define CREATE		(ASK_ACK | NLM_F_CREATE | NLM_F_EXCL)

/* Names of a command. */
#define SET		{ [NAME_SET] = IPSET_ATTR_SETNAME }
#define SET_AND_TYPE	{ [NAME_SET] = IPSET_ATTR_SETNAME, \
	[NAME_TYPE] = IPSET_ATTR_TYPENAME }
#define SET_AND_SPARE	{ [NAME_SET] = IPSET_ATTR_SETNAME, \
	[NAME_SPARE] = IPSET_ATTR_SETNAME2 }

const char *const ipset_suffixes[STAMPS_SUBS] = { "-ipv4-allow",
    "-ipv4-allow-local", "-ipv6-allow", "-ipv6-allow-local" };

static const struct part header[] = {
	{ 0, PUT_U32, NET | IPSET_ATTR_FLAGS, IPSET_FLAG_LIST_HEADER },
	{ 0 }
};
/*
 * Without NLM_F_EXCL: an element that is to be added and is there gets timeout
 * and comment; to delete one that is not there is no error.
 */
static const struct part element[] = {
	{ 0, PUT_NEST, IPSET_ATTR_DATA, 0 },
	{ 0, PUT_NEST, IPSET_ATTR_IP, 0 },
	{ IS_CLIENT | IS_V4, PUT_HOLE, IP4, HOLE_CLIENT },
	{ IS_CLIENT | IS_V6, PUT_HOLE, IP6, HOLE_CLIENT },
	{ IS_LOCAL | IS_V4, PUT_HOLE, IP4, HOLE_DST },
	{ IS_LOCAL | IS_V6, PUT_HOLE, IP6, HOLE_DST },
	{ 0, PUT_END, 0, 0 },
	{ 0, PUT_HOLE, NET | IPSET_ATTR_PORT, HOLE_PORT },
	{ 0, PUT_HOLE, IPSET_ATTR_PROTO, HOLE_PROTO },
	{ IS_CLIENT, PUT_NEST, IPSET_ATTR_IP2, 0 },
	{ IS_CLIENT | IS_V4, PUT_HOLE, IP4, HOLE_DST },
	{ IS_CLIENT | IS_V6, PUT_HOLE, IP6, HOLE_DST },
	{ IS_CLIENT, PUT_END, 0, 0 },
	{ IS_NEW, PUT_HOLE, NET | IPSET_ATTR_TIMEOUT, HOLE_SECONDS },
	{ IS_NEW, PUT_HOLE, IPSET_ATTR_COMMENT, HOLE_LABEL },
	{ 0, PUT_END, 0, 0 },
	{ 0 }
};
static const struct part set[] = {
	{ 0, PUT_U8, IPSET_ATTR_REVISION, SET_REVISION },
	{ IS_V4, PUT_U8, IPSET_ATTR_FAMILY, NFPROTO_IPV4 },
	{ IS_V6, PUT_U8, IPSET_ATTR_FAMILY, NFPROTO_IPV6 },
	{ 0, PUT_NEST, IPSET_ATTR_DATA, 0 },
	{ 0, PUT_U32, NET | IPSET_ATTR_TIMEOUT, DEFAULT_TIMEOUT },
	{ 0, PUT_U32, NET | IPSET_ATTR_CADT_FLAGS, IPSET_FLAG_WITH_COMMENT },
	{ 0, PUT_NUMBER, NET | IPSET_ATTR_HASHSIZE, NUMBER_BUCKETS },
	{ 0, PUT_NUMBER, NET | IPSET_ATTR_MAXELEM, NUMBER_GRANTS },
	{ 0, PUT_END, 0, 0 },
	{ 0 }
};
/* What GET_BYNAME is answered with: the attributes in this order. */
static const struct part reply[] = {
	{ IS_V4, PUT_U8, IPSET_ATTR_FAMILY, NFPROTO_IPV4 },
	{ IS_V6, PUT_U8, IPSET_ATTR_FAMILY, NFPROTO_IPV6 },
	{ 0, PUT_HOLE, NET | IPSET_ATTR_INDEX, HOLE_INDEX },
	{ 0 }
};

static const struct pattern of_set[] = {
	{ STAMP_ADD, IPSET_CMD_ADD, ASK, IS_NEW, element, SET },
	{ STAMP_DEL, IPSET_CMD_DEL, ASK, 0, element, SET },
	{ STAMP_TEST, IPSET_CMD_TEST, ASK, 0, element, SET },
	{ STAMP_CREATE, IPSET_CMD_CREATE, CREATE, 0, set, SET_AND_TYPE },
	{ STAMP_SWAP, IPSET_CMD_SWAP, ASK_ACK, 0, NULL, SET_AND_SPARE },
	{ STAMP_ENTRIES, IPSET_CMD_LIST, ASK_DUMP, 0, NULL, SET },
	{ STAMP_HEAD, IPSET_CMD_LIST, ASK_DUMP, 0, header, SET },
	{ STAMP_INDEX, IPSET_CMD_GET_BYNAME, ASK_ACK, 0, NULL, SET },
	{ STAMP_INDEX_REPLY, IPSET_CMD_GET_BYNAME, 0, 0, reply, { 0 } }
};
/* With its name in the place of the set's. */
static const struct pattern of_spare[] = {
	{ STAMP_ADD_SPARE, IPSET_CMD_ADD, ASK, IS_NEW, element, SET },
	{ STAMP_CREATE_SPARE, IPSET_CMD_CREATE, CREATE, 0, set, SET_AND_TYPE },
	{ STAMP_DESTROY_SPARE, IPSET_CMD_DESTROY, ASK_ACK, 0, NULL, SET }
};

/* "-m NAME", with the options in the form that the kernel's module has. */
static void
put_match(struct nftnl_rule *r, const char *name, uint32_t revision,
    const void *options, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "match");
	void *info = make_need(malloc(len));

	memcpy(info, options, len);
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, revision);
	/* This is not copied, but freed with the expression. */
	nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, len);
}

/* "-m set --match-set": all fields of the set are dst but for those in src. */
static void
make_rule(const struct subject *s, struct stamps *stamps)
{
	const struct xt_addrtype_info_v1 from_here = {
	    .source = XT_ADDRTYPE_LOCAL };
	const uint16_t mark = INDEX_MARK;
	struct xt_set_info_match_v4 info = { .match_set = { .index = mark,
	    .dim = IPSET_DIM_THREE, .flags = IPSET_DIM_ONE_SRC } };
	struct nftnl_rule *r = rule_new(s);

	if ((s->is & IS_LOCAL) != 0) {
		put_match(r, "addrtype", ADDRTYPE_REVISION, &from_here,
		    sizeof(from_here));
		info.match_set.dim = IPSET_DIM_TWO;
		info.match_set.flags = 0;
	}
	put_match(r, "set", MATCH_REVISION, &info, sizeof(info));
	rule_accept(r);
	rule_draft(s, NLM_F_APPEND, r);
	draft_find(HOLE_INDEX, &mark, sizeof(mark));
	draft_end(s, STAMP_RULE, stamps);
}

void
make_ipset(const struct subject *rule, struct stamps *stamps)
{
	struct subject s = *rule;

	make_rule(rule, stamps);
	s.subsystem = NFNL_SUBSYS_IPSET;
	s.family = AF_INET;	/* whatever the set's is */
	s.names[NAME_TYPE] = (s.is & IS_LOCAL) != 0 ? "hash:ip,port" :
	    "hash:ip,port,ip";
	draft_stamps(&s, of_set, COUNT(of_set), stamps);
	s.names[NAME_SET] = s.names[NAME_SPARE];
	draft_stamps(&s, of_spare, COUNT(of_spare), stamps);
}
