/*
 * The rules of an iptables chain, programmed through nf_tables as
 * iptables-nft does it: "iptables -S" shows them as ordinary rules.
 */
#ifndef PRIV_XTRULES_H
#define PRIV_XTRULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XTRULES_TABLE	"filter"

/* Open what xtrules_check needs; before privileges are dropped. */
void	xtrules_open(void);

/*
 * Look for the chain in the table "filter" of both families.  *families gets
 * the MSG_FAMILY_* bits of those that have it; a warning says what is wrong
 * with the other.  Returns 0, or -1 after logging an error: no family has it,
 * or the kernel does not let us look.
 */
int	xtrules_check(const char *chain, uint8_t *families);

/*
 * The MSG_FAMILY_* bits of the families of whose chain that is true:
 * nfrule_exists or nfrule_is_used.
 */
uint8_t	xtrules_which(bool (*is)(uint8_t family, const char *table,
	    const char *chain), const char *chain);

/* The ipsets of one family, by the kernel's index. */
struct xtrules_sets {
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint16_t	grants;		/* matched as (src, dst, dst) */
	uint16_t	local;		/* (dst, dst), if from this host */
};

/*
 * Replace all rules of the chain in these families, all of them or none, by
 * rules that accept what the sets match.  Returns 0, or -1 after logging why.
 */
int	xtrules_replace(const char *chain, const struct xtrules_sets *sets,
	    size_t n);

#endif
