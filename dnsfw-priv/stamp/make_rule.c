/* Rules of nf_tables by libnftnl. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "log.h"
#include "make_parts.h"

void *
make_need(void *object)
{
	if (object == NULL)
		fatalx("no memory for a message to nf_tables");
	return (object);
}

struct nftnl_rule *
rule_new(const struct subject *s)
{
	struct nftnl_rule *r = make_need(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, s->names[NAME_TABLE]);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, s->names[NAME_CHAIN]);
	return (r);
}

struct nftnl_expr *
rule_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = make_need(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return (e);
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
rule_draft(const struct subject *s, uint16_t flags, struct nftnl_rule *r)
{
	nftnl_rule_nlmsg_build_payload(draft_begin(s, NFT_MSG_NEWRULE,
	    NLM_F_REQUEST | NLM_F_CREATE | flags), r);
	nftnl_rule_free(r);
}
