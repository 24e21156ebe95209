/* The tables that iptables takes for its own. */
#include "xttable.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <stdbool.h>
#include <string.h>

#include "nfrule.h"

static const char *const tables[] = { "filter", "nat", "mangle", "raw",
    "security" };
static const char *const built_in[] = { "INPUT", "FORWARD", "OUTPUT",
    "PREROUTING", "POSTROUTING" };

struct look {
	const char	*table;
	bool		 used;
};

static void
on_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct look *look = arg;
	size_t i;

	if (!nlsock_is(nlsock_attr(nlh, NFTA_CHAIN_TABLE), look->table) ||
	    nlsock_attr(nlh, NFTA_CHAIN_HOOK) == NULL)
		return;
	for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		look->used |= nlsock_is(nlsock_attr(nlh, NFTA_CHAIN_NAME),
		    built_in[i]);
}

enum xttable
xttable_look(uint8_t family, const char *table)
{
	struct look look = { .table = table };
	bool named = false;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		named |= strcmp(table, tables[i]) == 0;
	if (!named || family == NFPROTO_INET)
		return (XTTABLE_OTHER);
	nlsock_begin();
	(void)nfrule_message(NFT_MSG_GETCHAIN, NLM_F_DUMP, family);
	if (nlsock_list(on_chain, &look) == -1)
		return (XTTABLE_ERROR);
	return (look.used ? XTTABLE_USED : XTTABLE_NAMED);
}
