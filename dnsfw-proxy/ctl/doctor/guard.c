/* What of a firewall is dnsfw's. */
#include "guard.h"

#include <string.h>

/* As the sets are called behind the chain's name (dnsfw-priv/start). */
static const char *const nft_ends[] = { "_ipv4_allow", "_ipv4_allow_local",
    "_ipv6_allow", "_ipv6_allow_local", NULL };
static const char *const ipset_ends[] = { "-ipv4-allow", "-ipv4-allow-local",
    "-ipv6-allow", "-ipv6-allow-local", NULL };

static bool
is_filter_of_iptables(const char *table)
{
	return (strcmp(table, "iptables filter") == 0 ||
	    strcmp(table, "ip6tables filter") == 0);
}

static bool
is_table(const struct guard *g, const char *table)
{
	if (g->table != NULL)
		return (strcmp(g->table, table) == 0);
	return (is_filter_of_iptables(table));
}

bool
guard_has_chain(const struct guard *g, const char *table, const char *chain)
{
	return (is_table(g, table) && strcmp(g->chain, chain) == 0);
}

bool
guard_has_set(const struct guard *g, const char *table, const char *set)
{
	const char *const *end = g->table != NULL ? nft_ends : ipset_ends;
	size_t len = strlen(g->chain);

	if (!is_table(g, table) || strncmp(set, g->chain, len) != 0)
		return (false);
	for (; *end != NULL; end++)
		if (strcmp(set + len, *end) == 0)
			return (true);
	return (false);
}
