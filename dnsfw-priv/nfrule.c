/* Messages of nf_tables that both backends need. */
#include "nfrule.h"

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/table.h>

#include "log.h"

void *
nfrule_need(void *object)
{
	if (object == NULL)
		fatalx("no memory for a message to nf_tables");
	return (object);
}

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

const char *
nfrule_family(uint8_t family)
{
	return (family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ?
	    "ip6" : "inet");
}

static void
on_table(const struct nlmsghdr *nlh, void *arg)
{
	(void)nftnl_table_nlmsg_parse(nlh, arg);
}

bool
nfrule_is_owned(uint8_t family, const char *table)
{
	struct nftnl_table *t = nfrule_need(nftnl_table_alloc());
	uint32_t port;

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, table);
	nlsock_begin();
	nftnl_table_nlmsg_build_payload(nfrule_message(NFT_MSG_GETTABLE, 0,
	    family), t);
	(void)nlsock_run(on_table, t);
	port = nftnl_table_get_u32(t, NFTNL_TABLE_OWNER);
	nftnl_table_free(t);
	if (port == 0)
		return (false);
	log_error("table %s %s belongs to another program (nft: \"flags "
	    "owner\"; netlink port %u, most often its process id), and nobody "
	    "else can change it: a table without an owner is needed",
	    nfrule_family(family), table, port);
	return (true);
}

static void
on_chain(const struct nlmsghdr *nlh, void *arg)
{
	(void)nftnl_chain_nlmsg_parse(nlh, arg);
}

enum nfrule_chain
nfrule_chain(uint8_t family, const char *table, const char *chain)
{
	struct nftnl_chain *c = nfrule_need(nftnl_chain_alloc());
	enum nfrule_chain kind = NFRULE_CHAIN_REGULAR;

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain);
	nlsock_begin();
	nftnl_chain_nlmsg_build_payload(nfrule_message(NFT_MSG_GETCHAIN, 0,
	    family), c);
	if (nlsock_run(on_chain, c) == -1)
		kind = errno == ENOENT ? NFRULE_CHAIN_MISSING :
		    NFRULE_CHAIN_ERROR;
	else if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
		kind = NFRULE_CHAIN_BASE;
	nftnl_chain_free(c);
	return (kind);
}

bool
nfrule_is_regular(uint8_t family, const char *table, const char *chain)
{
	return (nfrule_chain(family, table, chain) == NFRULE_CHAIN_REGULAR);
}

bool
nfrule_is_missing(uint8_t family, const char *table, const char *chain)
{
	return (nfrule_chain(family, table, chain) == NFRULE_CHAIN_MISSING);
}

void
nfrule_ask(uint8_t family, const char *table, const char *chain)
{
	nlsock_begin();
	nfrule_put(NFT_MSG_GETRULE, NLM_F_DUMP, family,
	    nfrule_new(table, chain));
}

struct nftnl_rule *
nfrule_new(const char *table, const char *chain)
{
	struct nftnl_rule *r = nfrule_need(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	return (r);
}

struct nftnl_expr *
nfrule_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = nfrule_need(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return (e);
}

void
nfrule_cmp(struct nftnl_rule *r, uint32_t reg, const void *value, uint32_t len)
{
	struct nftnl_expr *e = nfrule_expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, len);
}

void
nfrule_accept(struct nftnl_rule *r)
{
	struct nftnl_expr *e;

	(void)nfrule_expr(r, "counter");
	e = nfrule_expr(r, "immediate");
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
}

void
nfrule_put(uint16_t type, uint16_t flags, uint8_t family, struct nftnl_rule *r)
{
	nftnl_rule_nlmsg_build_payload(nfrule_message(type, flags, family), r);
	nftnl_rule_free(r);
}

uint32_t
nfrule_comment(uint8_t comment[NFRULE_COMMENT_MAX], uint8_t record_type,
    const char *text)
{
	size_t len = strnlen(text, MSG_LABEL_SIZE - 1);

	comment[0] = record_type;
	comment[1] = (uint8_t)(len + 1);
	memcpy(comment + 2, text, len);
	comment[2 + len] = '\0';
	return ((uint32_t)len + 3);
}
