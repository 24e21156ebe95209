/*
 * Stamps of --firewall nftables (F2): sets in the operator's table, and rules in
 * the operator's chain that look into them.  The kernel's interface is
 * linux/netfilter/nf_tables.h; its numbers are in network byte order.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include <endian.h>
#include <string.h>

#include <libnftnl/set.h>

#include "make_parts.h"

#define RULE_COMMENT	"dnsfw:managed"	/* by which we know our rules */
#define SET_COMMENT	"dnsfw: live grants"
#define COMMENT_MAX	64		/* of these two, with type and length */

/* Of nft's user data for elements and rules, and for sets. */
#define RECORD_COMMENT	0
#define SET_RECORD_COMMENT 7

#define REGISTER	4	/* bytes: fields of a key are padded to them */

/* By which the marker is known that stands for the place of a rule. */
#define POSITION_MARK	0x1122334455667788ULL

/* nft's numbers for the types of a key's fields, six bits each. */
#define TYPE_IPV4	7U
#define TYPE_IPV6	8U
#define TYPE_PROTO	12U
#define TYPE_SERVICE	13U
#define TYPE_BITS	6

#define CREATE		(ASK | NLM_F_CREATE)
#define ELEMENTS	{ [NAME_TABLE] = NFTA_SET_ELEM_LIST_TABLE, \
	[NAME_SET] = NFTA_SET_ELEM_LIST_SET }

const char *const nft_suffixes[STAMPS_SUBS] = { "_ipv4_allow",
    "_ipv4_allow_local", "_ipv6_allow", "_ipv6_allow_local" };

static const struct part element[] = {
	{ 0, PUT_NEST, NFTA_SET_ELEM_LIST_ELEMENTS, 0 },
	{ 0, PUT_NEST, NFTA_LIST_ELEM, 0 },
	{ IS_NEW, PUT_HOLE, NFTA_SET_ELEM_TIMEOUT, HOLE_MS },
	{ 0, PUT_NEST, NFTA_SET_ELEM_KEY, 0 },
	{ 0, PUT_KEY, NFTA_DATA_VALUE, 0 },
	{ IS_CLIENT, PUT_FIELD, 0, HOLE_CLIENT },
	{ 0, PUT_FIELD, 0, HOLE_PROTO },
	{ 0, PUT_FIELD, 0, HOLE_PORT },
	{ 0, PUT_FIELD, 0, HOLE_DST },
	{ 0, PUT_END, 0, 0 },
	{ 0, PUT_END, 0, 0 },
	{ IS_NEW, PUT_LABEL, NFTA_SET_ELEM_USERDATA, 0 },
	{ 0, PUT_END, 0, 0 },
	{ 0, PUT_END, 0, 0 },
	{ 0 }
};
static const struct pattern of_set[] = {
	{ STAMP_ADD, NFT_MSG_NEWSETELEM, CREATE, IS_NEW, element, ELEMENTS },
	{ STAMP_ADD_EXCL, NFT_MSG_NEWSETELEM, CREATE | NLM_F_EXCL, IS_NEW,
	    element, ELEMENTS },
	{ STAMP_DEL, NFT_MSG_DELSETELEM, ASK, 0, element, ELEMENTS },
	{ STAMP_TEST, NFT_MSG_GETSETELEM, ASK, 0, element, ELEMENTS },
	{ STAMP_ENTRIES, NFT_MSG_GETSETELEM, ASK_DUMP, 0, NULL, ELEMENTS },
	{ STAMP_HEAD, NFT_MSG_GETSET, ASK_ACK, 0, NULL,
	    { [NAME_TABLE] = NFTA_SET_TABLE, [NAME_SET] = NFTA_SET_NAME } }
};

/* Bytes of an address. */
static uint32_t
address_len(const struct subject *s)
{
	return ((s->is & IS_V4) != 0 ? 4 : 16);
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

/*
 * The set, made if it is not there; one that is gets the size.  Twice the
 * grants, as what has expired keeps its place until the kernel's collector has
 * run, a second later or more.
 */
static void
make_set(const struct subject *s, struct stamps *stamps)
{
	const uint32_t address = (s->is & IS_V4) != 0 ? TYPE_IPV4 : TYPE_IPV6;
	struct nftnl_set *set = make_need(nftnl_set_alloc());
	uint32_t len = 2 * REGISTER + address_len(s), type;
	uint8_t text[COMMENT_MAX];

	type = TYPE_PROTO << 2 * TYPE_BITS | TYPE_SERVICE << TYPE_BITS |
	    address;
	if ((s->is & IS_CLIENT) != 0) {
		type |= address << 3 * TYPE_BITS;
		len += address_len(s);
	}
	nftnl_set_set_str(set, NFTNL_SET_TABLE, s->names[NAME_TABLE]);
	nftnl_set_set_str(set, NFTNL_SET_NAME, s->names[NAME_SET]);
	nftnl_set_set_u32(set, NFTNL_SET_ID, s->sub + 1);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, len);
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE,
	    2 * s->numbers[NUMBER_GRANTS]);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, text, comment(text,
	    SET_RECORD_COMMENT, SET_COMMENT));
	nftnl_set_nlmsg_build_payload(draft_begin(s, NFT_MSG_NEWSET,
	    CREATE), set);
	nftnl_set_free(set);
	draft_end(s, STAMP_SET, stamps);
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

/* Compare a register with len bytes. */
static void
put_compare(struct nftnl_rule *r, const void *value, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, len);
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
	put_compare(r, &local, sizeof(local));
}

/* The packet's fields, one behind the other in the registers, are the key. */
static struct nftnl_rule *
new_rule(const struct subject *s)
{
	const bool v4 = (s->is & IS_V4) != 0;
	const uint32_t len = address_len(s);
	const uint32_t source = v4 ? 12 : 8;	/* RFC 791, 8200 */
	const uint8_t nfproto = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t next = NFT_REG32_00;		/* a register of 32 bits */
	struct nftnl_rule *r = rule_new(s);
	uint8_t text[COMMENT_MAX];
	struct nftnl_expr *e;

	if (s->family == NFPROTO_INET) {
		put_meta(r, NFT_META_NFPROTO, NFT_REG_1);
		put_compare(r, &nfproto, sizeof(nfproto));
	}
	if ((s->is & IS_LOCAL) != 0)
		put_from_here(r);
	else {
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source, len, next);
		next += len / REGISTER;
	}
	put_meta(r, NFT_META_L4PROTO, next++);
	put_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next++);
	put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source + len, len, next);
	e = rule_expr(r, "lookup");
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, s->names[NAME_SET]);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
	rule_accept(r);
	nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, text, comment(text,
	    RECORD_COMMENT, RULE_COMMENT));
	return (r);
}

static void
make_rules(const struct subject *s, struct stamps *stamps)
{
	const uint64_t mark = POSITION_MARK, wire = htobe64(mark);
	struct nftnl_rule *r;

	rule_draft(s, NLM_F_APPEND, new_rule(s));
	draft_end(s, STAMP_RULE, stamps);

	r = new_rule(s);
	nftnl_rule_set_u64(r, NFTNL_RULE_POSITION, mark);
	rule_draft(s, 0, r);
	draft_find(HOLE_POSITION, &wire, sizeof(wire));
	draft_end(s, STAMP_RULE_AT, stamps);
}

void
make_nft(const struct subject *s, struct stamps *stamps)
{
	draft_stamps(s, of_set, COUNT(of_set), stamps);
	make_set(s, stamps);
	make_rules(s, stamps);
}
