/* The chain of iptables. */
#include "xtrules.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <errno.h>
#include <string.h>

#include "chain.h"
#include "log.h"
#include "nlattr.h"

struct xtrules_family {
	uint8_t		bit;		/* MSG_FAMILY_* */
	const char	*name;		/* as nft has it */
	const char	*command;
};

/* The index is the stamps' number of the family. */
static const struct xtrules_family xtrules_families[] = {
	{ MSG_FAMILY_V4, "ip", "iptables" },
	{ MSG_FAMILY_V6, "ip6", "ip6tables" }
};

#define NFAMILIES	(sizeof(xtrules_families) / sizeof(xtrules_families[0]))

/* Chains that iptables has even where nf_tables has not made them yet. */
static bool
is_built_in(const char *chain)
{
	return (strcmp(chain, "INPUT") == 0 || strcmp(chain, "FORWARD") == 0 ||
	    strcmp(chain, "OUTPUT") == 0);
}

static int
log_missing(const struct xtrules_family *f, const char *chain)
{
	if (is_built_in(chain)) {
		log_error("%s: chain %s is built in; dnsfw, which flushes its "
		    "chain, needs one of its own, to which yours jumps "
		    "(%s -N NAME)", f->command, chain, f->command);
		return (-1);
	}
	log_warn("%s: there is no chain %s in table %s; connections of this "
	    "family are granted when it is made (%s -N %s; one of %s-legacy "
	    "cannot be used)", f->command, chain, XTRULES_TABLE, f->command,
	    chain, f->command);
	return (0);
}

/* *has: has the family its chain?  -1: it cannot be used; logged. */
static int
check_family(uint8_t sub, const char *chain, bool *has)
{
	const struct xtrules_family *f = &xtrules_families[sub];

	*has = false;
	if (chain_is_owned(sub, f->name, XTRULES_TABLE))
		return (-1);
	switch (chain_look(sub)) {
	case CHAIN_REGULAR:
		*has = true;
		return (0);
	case CHAIN_BASE:
		log_error("%s: chain %s has a hook; dnsfw, which flushes its "
		    "chain, needs one of its own, to which yours jumps",
		    f->command, chain);
		return (-1);
	case CHAIN_UNKNOWN:
		log_error("%s: chain %s: %s", f->command, chain,
		    ask_strerror(errno));
		return (-1);
	case CHAIN_MISSING:
		break;
	}
	return (log_missing(f, chain));
}

int
xtrules_check(const char *chain, uint8_t *found)
{
	uint8_t i;
	bool has;

	*found = 0;
	for (i = 0; i < NFAMILIES; i++) {
		if (check_family(i, chain, &has) == -1)
			return (-1);
		*found |= has ? xtrules_families[i].bit : 0;
	}
	if (*found != 0)
		return (0);
	log_error("neither iptables nor ip6tables has a chain %s to fill",
	    chain);
	return (-1);
}

int
xtrules_chains(uint8_t *there, uint8_t *missing)
{
	enum chain_kind kind;
	uint8_t i;

	*there = *missing = 0;
	for (i = 0; i < NFAMILIES; i++) {
		kind = chain_look(i);
		if (kind == CHAIN_UNKNOWN)
			return (-1);
		if (kind == CHAIN_REGULAR)
			*there |= xtrules_families[i].bit;
		if (kind == CHAIN_MISSING)
			*missing |= xtrules_families[i].bit;
	}
	return (0);
}

static int
take_match(const struct nlattr *expr, void *arg)
{
	*(bool *)arg |= nlattr_is(nlattr_nested(nlattr_nested(expr,
	    NFTA_EXPR_DATA), NFTA_MATCH_NAME), "set");
	return (MNL_CB_OK);
}

unsigned int
xtrules_whose(const struct nlmsghdr *rule)
{
	const struct nlattr *all = nlattr_get(rule, NFTA_RULE_EXPRESSIONS);
	bool own = false;

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_match, &own);
	return (own ? PLACE_OURS : PLACE_OTHER);
}
