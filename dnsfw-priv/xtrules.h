/*
 * The rules of an iptables chain, programmed through nf_tables as
 * iptables-nft does it: "iptables -S" shows them as ordinary rules.
 */
#ifndef PRIV_XTRULES_H
#define PRIV_XTRULES_H

#include <stdbool.h>
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
 * nfrule_is_regular or nfrule_is_missing.
 */
uint8_t	xtrules_which(bool (*is)(uint8_t family, const char *table,
	    const char *chain), const char *chain);

/* As effect of struct backend. */
int	xtrules_effect(const char *chain, uint8_t families, uint8_t *reached,
	    uint8_t *blocked);

/*
 * Into a batch of nf_tables: replace all rules of the chain in this family
 * (NFPROTO_*) by rules that accept what these ipsets match, which are given by
 * the kernel's index: grants by (src, dst, dst), local ones by (dst, dst), if
 * from this host.
 */
void	xtrules_put(const char *chain, uint8_t family, uint16_t grants,
	    uint16_t local);

#endif
