/* Messages of nf_tables that both backends need. */
#include "nfrule.h"

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <string.h>

#define RULE_COMMENT	0	/* record of a rule's user data */

struct nlmsghdr *
nfrule_message(uint16_t type, uint16_t flags, uint8_t family)
{
	return (nlsock_message(NFNL_SUBSYS_NFTABLES << 8 | type, flags,
	    family, 0));
}

void
nfrule_batch(void)
{
	nlsock_begin();
	(void)nlsock_message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
}

int
nfrule_commit(void)
{
	(void)nlsock_message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
	return (nlsock_run(NULL, NULL));
}

/* What GETCHAIN says. */
struct chain {
	enum nfrule_chain kind;
	uint32_t	use;	/* rules in it, and rules that lead to it */
};

static void
on_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct chain *c = arg;

	c->kind = nlsock_attr(nlh, NFTA_CHAIN_HOOK) != NULL ?
	    NFRULE_CHAIN_BASE : NFRULE_CHAIN_REGULAR;
	c->use = nlsock_u32(nlsock_attr(nlh, NFTA_CHAIN_USE));
}

static struct chain
get_chain(uint8_t family, const char *table, const char *chain)
{
	struct chain c = { NFRULE_CHAIN_MISSING, 0 };
	struct nlmsghdr *nlh;

	nlsock_begin();
	nlh = nfrule_message(NFT_MSG_GETCHAIN, 0, family);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	if (nlsock_run(on_chain, &c) == -1 && errno != ENOENT)
		c.kind = NFRULE_CHAIN_ERROR;
	return (c);
}

enum nfrule_chain
nfrule_chain(uint8_t family, const char *table, const char *chain)
{
	return (get_chain(family, table, chain).kind);
}

/* State of nfrule_is_used. */
struct count {
	const char	*chain;
	uint32_t	rules;
};

static void
on_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct count *c = arg;

	/* Kernels that do not know the filter list all chains. */
	c->rules += nlsock_is(nlsock_attr(nlh, NFTA_RULE_CHAIN), c->chain);
}

bool
nfrule_is_used(uint8_t family, const char *table, const char *chain)
{
	struct count c = { .chain = chain };
	struct nlmsghdr *nlh;

	nlsock_begin();
	nlh = nfrule_message(NFT_MSG_GETRULE, NLM_F_DUMP, family);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	return (nlsock_run(on_rule, &c) == -1 ||
	    get_chain(family, table, chain).use > c.rules);
}

void
nfrule_begin(struct nfrule *r, uint8_t family, const char *table,
    const char *chain)
{
	r->nlh = nfrule_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
	    family);
	mnl_attr_put_strz(r->nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(r->nlh, NFTA_RULE_CHAIN, chain);
	r->list = mnl_attr_nest_start(r->nlh, NFTA_RULE_EXPRESSIONS);
	r->element = NULL;
}

/* End the last expression. */
static void
end_expr(struct nfrule *r)
{
	if (r->element == NULL)
		return;
	mnl_attr_nest_end(r->nlh, r->data);
	mnl_attr_nest_end(r->nlh, r->element);
}

void
nfrule_expr(struct nfrule *r, const char *name)
{
	end_expr(r);
	r->element = mnl_attr_nest_start(r->nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(r->nlh, NFTA_EXPR_NAME, name);
	r->data = mnl_attr_nest_start(r->nlh, NFTA_EXPR_DATA);
}

void
nfrule_cmp(struct nfrule *r, uint32_t reg, const void *value, size_t len)
{
	struct nlattr *nest;

	nfrule_expr(r, "cmp");
	nlsock_put_u32(r->nlh, NFTA_CMP_SREG, reg);
	nlsock_put_u32(r->nlh, NFTA_CMP_OP, NFT_CMP_EQ);
	nest = mnl_attr_nest_start(r->nlh, NFTA_CMP_DATA);
	mnl_attr_put(r->nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(r->nlh, nest);
}

void
nfrule_accept(struct nfrule *r, const char *comment)
{
	struct nlattr *data, *verdict;

	nfrule_expr(r, "counter");
	nfrule_expr(r, "immediate");
	nlsock_put_u32(r->nlh, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(r->nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(r->nlh, NFTA_DATA_VERDICT);
	nlsock_put_u32(r->nlh, NFTA_VERDICT_CODE, NF_ACCEPT);
	mnl_attr_nest_end(r->nlh, verdict);
	mnl_attr_nest_end(r->nlh, data);
	end_expr(r);
	mnl_attr_nest_end(r->nlh, r->list);
	if (comment != NULL)
		nfrule_put_comment(r->nlh, NFTA_RULE_USERDATA, RULE_COMMENT,
		    comment);
}

void
nfrule_put_comment(struct nlmsghdr *nlh, uint16_t attr_type,
    uint8_t record_type, const char *text)
{
	uint8_t record[2 + MSG_LABEL_SIZE];
	size_t len = strnlen(text, MSG_LABEL_SIZE - 1);

	record[0] = record_type;
	record[1] = (uint8_t)(len + 1);
	memcpy(record + 2, text, len);
	record[2 + len] = '\0';
	mnl_attr_put(nlh, attr_type, 3 + len, record);
}
