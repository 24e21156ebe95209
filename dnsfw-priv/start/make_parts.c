/* The stamps that both backends need. */
#include "make_parts.h"

#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "draft.h"
#include "order.h"

static struct nlmsghdr *
nft_begin(enum nf_tables_msg_types type, uint16_t flags, uint8_t nfproto)
{
	return (draft_begin((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
	    flags, nfproto, 0));
}

void
make_batch(struct stamps *s)
{
	(void)draft_begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
	draft_end(&s->at[STAMP_BEGIN][0]);
	(void)draft_begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
	draft_end(&s->at[STAMP_END][0]);
}

void
make_reads(struct stamps *s, unsigned int sub, uint8_t nfproto,
    const char *table, const char *chain)
{
	struct nlmsghdr *nlh;

	nlh = nft_begin(NFT_MSG_GETTABLE, NLM_F_ACK, nfproto);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	draft_end(&s->at[STAMP_TABLE][sub]);

	nlh = nft_begin(NFT_MSG_GETCHAIN, NLM_F_ACK, nfproto);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	draft_end(&s->at[STAMP_CHAIN][sub]);

	(void)nft_begin(NFT_MSG_GETCHAIN, NLM_F_DUMP, nfproto);
	draft_end(&s->at[STAMP_CHAINS][sub]);

	nlh = nft_begin(NFT_MSG_GETRULE, NLM_F_DUMP, nfproto);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	draft_end(&s->at[STAMP_RULES][sub]);

	nlh = nft_begin(NFT_MSG_GETRULE, NLM_F_DUMP, nfproto);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	draft_end(&s->at[STAMP_TABLE_RULES][sub]);

	nlh = nft_begin(NFT_MSG_GETSETELEM, NLM_F_DUMP, nfproto);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	draft_attr(NFTA_SET_ELEM_LIST_SET, HOLE_NAME, ORDER_NAME_SIZE);
	draft_end(&s->at[STAMP_MAP][sub]);
}
