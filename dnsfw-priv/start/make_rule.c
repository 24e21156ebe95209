/* Rules of nf_tables by libnftnl. */
#include "make_rule.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "draft.h"
#include "log.h"

void *
rule_need(void *object)
{
	if (object == NULL)
		fatalx("no memory for a message to nf_tables");
	return (object);
}

struct nftnl_rule *
rule_new(const char *table, const char *chain)
{
	struct nftnl_rule *r = rule_need(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	return (r);
}

struct nftnl_expr *
rule_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = rule_need(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return (e);
}

void
rule_compare(struct nftnl_rule *r, uint32_t reg, const void *value,
    uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, len);
}

void
rule_accept(struct nftnl_rule *r)
{
	struct nftnl_expr *e;

	(void)rule_expr(r, "counter");
	e = rule_expr(r, "immediate");
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
}

void
rule_draft(uint16_t type, uint16_t flags, uint8_t nfproto, struct nftnl_rule *r)
{
	nftnl_rule_nlmsg_build_payload(draft_begin(
	    (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, nfproto, 0),
	    r);
	nftnl_rule_free(r);
}
