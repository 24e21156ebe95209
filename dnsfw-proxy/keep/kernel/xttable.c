/* The tables that iptables takes for its own. */
#include "xttable.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <stdbool.h>
#include <string.h>

#include "list.h"
#include "nlattr.h"

#define RUNS_MAX	5	/* of a listing while things change */

static const char *const xttable_names[] = { "filter", "nat", "mangle", "raw",
    "security" };
static const char *const built_in[] = { "INPUT", "FORWARD", "OUTPUT",
    "PREROUTING", "POSTROUTING" };

struct look {
	const char	*table;
	bool		 used;
};

static void
take_built_in(const struct nlmsghdr *nlh, void *arg)
{
	struct look *look = arg;
	size_t i;

	if (!nlattr_is(nlattr_get(nlh, NFTA_CHAIN_TABLE), look->table) ||
	    nlattr_get(nlh, NFTA_CHAIN_HOOK) == NULL)
		return;
	for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		look->used |= nlattr_is(nlattr_get(nlh, NFTA_CHAIN_NAME),
		    built_in[i]);
}

enum xttable
xttable_look(uint8_t family, const char *table)
{
	struct look look = { .table = table };
	enum list_step step = LIST_CHANGED;
	bool named = false;
	size_t i;

	for (i = 0; i < sizeof(xttable_names) / sizeof(xttable_names[0]); i++)
		named |= strcmp(table, xttable_names[i]) == 0;
	if (!named || family == NFPROTO_INET)
		return (XTTABLE_OTHER);
	for (i = 0; i < RUNS_MAX && step == LIST_CHANGED; i++)
		step = list_whole(STAMP_CHAINS, 0, NULL, take_built_in, &look);
	if (step == LIST_BROKEN)
		return (XTTABLE_ERROR);
	return (look.used ? XTTABLE_USED : XTTABLE_NAMED);
}
