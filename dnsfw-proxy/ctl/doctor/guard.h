/* What of a firewall is dnsfw's. */
#ifndef DOCTOR_GUARD_H
#define DOCTOR_GUARD_H

#include <stdbool.h>

struct guard {
	const char	*backend;	/* "nftables", "iptables", "none" */
	const char	*table;		/* "inet filter"; NULL: iptables' */
	const char	*chain;
};

/* Is it one of its sets?  table is as in struct model_chain. */
bool	guard_has_set(const struct guard *, const char *table,
	    const char *set);

/* Is it its chain? */
bool	guard_has_chain(const struct guard *, const char *table,
	    const char *chain);

#endif
