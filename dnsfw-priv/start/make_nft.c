/*
 * Stamps of --firewall nftables (F2): sets in the operator's table, and rules in
 * the operator's chain that look into them.  The kernel's interface is
 * linux/netfilter/nf_tables.h; its numbers are in network byte order.
 */
#include "make_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/set.h>

#include "draft.h"
#include "make_parts.h"
#include "make_rule.h"
#include "order.h"

#define RULE_COMMENT	"dnsfw:managed"	/* by which we know our rules */
#define SET_COMMENT	"dnsfw: live grants"
#define COMMENT_MAX	64		/* of these two, with type and length */

/* Of nft's user data for elements and rules, and for sets. */
#define RECORD_COMMENT	0
#define SET_RECORD_COMMENT 7

#define NAME_MAX_SET	(64 + sizeof("_ipv4_allow_local"))
#define REGISTER	4	/* bytes: fields of a key are padded to them */

/* nft's numbers for the types of a key's fields, six bits each. */
#define TYPE_IPV4	7U
#define TYPE_IPV6	8U
#define TYPE_PROTO	12U
#define TYPE_SERVICE	13U
#define TYPE_BITS	6

static const char *const suffixes[MAKE_KINDS] = { "_ipv4_allow",
    "_ipv4_allow_local", "_ipv6_allow", "_ipv6_allow_local" };

static struct nlmsghdr *
begin(const struct stamps_wish *wish, enum nf_tables_msg_types type,
    uint16_t flags)
{
	return (draft_begin((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
	    flags, wish->table_family, 0));
}

/*
 * A comment as nft has it: user data of one record, type and length in a byte
 * each and a string.  Returns how long it is.
 */
static uint32_t
comment(uint8_t out[COMMENT_MAX], uint8_t type, const char *text)
{
	const size_t len = strlen(text) + 1;

	out[0] = type;
	out[1] = (uint8_t)len;
	memcpy(out + 2, text, len);
	return ((uint32_t)len + 2);
}

static size_t
key_len(unsigned int kind)
{
	return ((kind_is_local(kind) ? 1 : 2) * kind_address(kind) +
	    2 * REGISTER);
}

/* Client, protocol, port and destination, each padded with zeros. */
static void
put_key(struct nlmsghdr *nlh, unsigned int kind)
{
	static const uint8_t zeros[2 * 16 + 2 * REGISTER];
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	size_t at = NLA_HDRLEN;

	if (!kind_is_local(kind)) {
		draft_hole(HOLE_CLIENT, at);
		at += kind_address(kind);
	}
	draft_hole(HOLE_PROTO, at);
	draft_hole(HOLE_PORT, at + REGISTER);
	draft_hole(HOLE_DST, at + 2 * REGISTER);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, key_len(kind), zeros);
	mnl_attr_nest_end(nlh, nest);
}

/* The label: a record of nft's user data, padded with NULs. */
static void
put_label(struct nlmsghdr *nlh)
{
	const uint8_t record[2 + ORDER_LABEL_SIZE] = { RECORD_COMMENT,
	    ORDER_LABEL_SIZE };

	draft_hole(HOLE_LABEL, NLA_HDRLEN + 2);
	mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, sizeof(record), record);
}

static void
make_element(const struct stamps_wish *wish, struct stamp *to,
    enum nf_tables_msg_types type, uint16_t flags, unsigned int kind,
    const char *name)
{
	struct nlmsghdr *nlh = begin(wish, type, flags);
	struct nlattr *list, *element;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, wish->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	if (type == NFT_MSG_NEWSETELEM)
		draft_attr(NFTA_SET_ELEM_TIMEOUT, HOLE_MS, 8);
	put_key(nlh, kind);
	if (type == NFT_MSG_NEWSETELEM)
		put_label(nlh);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	draft_end(to);
}

/*
 * The set, made if it is not there; one that is gets the size.  Twice the
 * grants, as what has expired keeps its place until the kernel's collector has
 * run, a second later or more.
 */
static void
make_newset(const struct stamps_wish *wish, struct stamps *s,
    unsigned int kind, const char *name)
{
	const uint32_t address = kind_is_v4(kind) ? TYPE_IPV4 : TYPE_IPV6;
	struct nftnl_set *set = rule_need(nftnl_set_alloc());
	uint8_t text[COMMENT_MAX];
	uint32_t type;

	type = TYPE_PROTO << 2 * TYPE_BITS | TYPE_SERVICE << TYPE_BITS |
	    address;
	if (!kind_is_local(kind))
		type |= address << 3 * TYPE_BITS;
	nftnl_set_set_str(set, NFTNL_SET_TABLE, wish->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, kind + 1);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)key_len(kind));
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, 2 * wish->max_grants);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, text, comment(text,
	    SET_RECORD_COMMENT, SET_COMMENT));
	nftnl_set_nlmsg_build_payload(begin(wish, NFT_MSG_NEWSET,
	    NLM_F_CREATE), set);
	nftnl_set_free(set);
	draft_end(&s->at[STAMP_SET][kind]);
}

static void
make_set(const struct stamps_wish *wish, struct stamps *s, unsigned int kind,
    const char *name)
{
	struct nlmsghdr *nlh;

	make_element(wish, &s->at[STAMP_ADD][kind], NFT_MSG_NEWSETELEM,
	    NLM_F_CREATE, kind, name);
	make_element(wish, &s->at[STAMP_ADD_EXCL][kind], NFT_MSG_NEWSETELEM,
	    NLM_F_CREATE | NLM_F_EXCL, kind, name);
	make_element(wish, &s->at[STAMP_DEL][kind], NFT_MSG_DELSETELEM, 0,
	    kind, name);
	make_element(wish, &s->at[STAMP_TEST][kind], NFT_MSG_GETSETELEM, 0,
	    kind, name);
	make_newset(wish, s, kind, name);

	nlh = begin(wish, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, wish->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name);
	draft_end(&s->at[STAMP_ENTRIES][kind]);

	nlh = begin(wish, NFT_MSG_GETSET, NLM_F_ACK);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, wish->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	draft_end(&s->at[STAMP_HEAD][kind]);
}

static void
put_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len,
    uint32_t reg)
{
	struct nftnl_expr *e = rule_expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static void
put_meta(struct nftnl_rule *r, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = rule_expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
}

/* Only packets whose source address is this host's. */
static void
put_from_here(struct nftnl_rule *r)
{
	struct nftnl_expr *e = rule_expr(r, "fib");
	const uint32_t local = RTN_LOCAL;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR);
	rule_compare(r, NFT_REG_1, &local, sizeof(local));
}

/* The packet's fields, one behind the other in the registers, are the key. */
static struct nftnl_rule *
new_rule(const struct stamps_wish *wish, unsigned int kind, const char *name)
{
	const uint32_t len = (uint32_t)kind_address(kind);
	const uint32_t source = kind_is_v4(kind) ? 12 : 8; /* RFC 791, 8200 */
	const uint8_t nfproto = kind_is_v4(kind) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t next = NFT_REG32_00;		/* a register of 32 bits */
	struct nftnl_rule *r = rule_new(wish->table, wish->chain);
	uint8_t text[COMMENT_MAX];
	struct nftnl_expr *e;

	if (wish->table_family == NFPROTO_INET) {
		put_meta(r, NFT_META_NFPROTO, NFT_REG_1);
		rule_compare(r, NFT_REG_1, &nfproto, sizeof(nfproto));
	}
	if (kind_is_local(kind))
		put_from_here(r);
	else {
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source, len, next);
		next += len / REGISTER;
	}
	put_meta(r, NFT_META_L4PROTO, next++);
	put_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next++);
	put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source + len, len, next);
	e = rule_expr(r, "lookup");
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
	rule_accept(r);
	nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, text, comment(text,
	    RECORD_COMMENT, RULE_COMMENT));
	return (r);
}

static void
make_rules(const struct stamps_wish *wish, struct stamps *s, unsigned int kind,
    const char *name)
{
	const uint64_t mark = RULE_POSITION_MARK, wire = htobe64(mark);
	struct nftnl_rule *r;

	rule_draft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	    wish->table_family, new_rule(wish, kind, name));
	draft_end(&s->at[STAMP_RULE][kind]);

	r = new_rule(wish, kind, name);
	nftnl_rule_set_u64(r, NFTNL_RULE_POSITION, mark);
	rule_draft(NFT_MSG_NEWRULE, NLM_F_CREATE, wish->table_family, r);
	draft_find(HOLE_POSITION, &wire, sizeof(wire));
	draft_end(&s->at[STAMP_RULE_AT][kind]);
}

void
make_nft(const struct stamps_wish *wish, struct stamps *s)
{
	char name[NAME_MAX_SET];
	unsigned int kind;

	for (kind = 0; kind < MAKE_KINDS; kind++) {
		if (wish->table_family == (kind_is_v4(kind) ? NFPROTO_IPV6 :
		    NFPROTO_IPV4))
			continue;
		snprintf(name, sizeof(name), "%s%s", wish->chain,
		    suffixes[kind]);
		make_set(wish, s, kind, name);
		make_rules(wish, s, kind, name);
	}
	make_reads(s, 0, wish->table_family, wish->table, wish->chain);
}
