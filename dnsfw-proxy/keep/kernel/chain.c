/* The look at the operator's chain. */
#include "chain.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <errno.h>

#include "list.h"
#include "log.h"
#include "nlattr.h"

const char *
chain_family(uint8_t family)
{
	return (family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ?
	    "ip6" : "inet");
}

static void
take_owner(const struct nlmsghdr *nlh, void *arg)
{
	*(uint32_t *)arg = nlattr_u32(nlattr_get(nlh, NFTA_TABLE_OWNER));
}

bool
chain_is_owned(uint8_t sub, const char *family, const char *table)
{
	uint32_t port = 0;

	(void)list_whole(STAMP_TABLE, sub, NULL, take_owner, &port);
	if (port == 0)
		return (false);
	log_error("table %s %s belongs to another program (nft: \"flags "
	    "owner\"; netlink port %u, most often its process id), and nobody "
	    "else can change it: a table without an owner is needed",
	    family, table, port);
	return (true);
}

static void
take_hook(const struct nlmsghdr *nlh, void *arg)
{
	if (nlattr_get(nlh, NFTA_CHAIN_HOOK) != NULL)
		*(enum chain_kind *)arg = CHAIN_BASE;
}

enum chain_kind
chain_look(uint8_t sub)
{
	enum chain_kind kind = CHAIN_REGULAR;

	switch (list_whole(STAMP_CHAIN, sub, NULL, take_hook, &kind)) {
	case LIST_END:
	case LIST_CHANGED:	/* of one message, it is what it was then */
		return (kind);
	case LIST_NONE:
		return (CHAIN_MISSING);
	case LIST_MORE:
	case LIST_BROKEN:
		break;
	}
	return (CHAIN_UNKNOWN);
}
