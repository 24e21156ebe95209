/*
 * The chain of iptables in the table "filter" of both families, programmed
 * through nf_tables as iptables-nft does it.
 */
#ifndef KEEP_XTRULES_H
#define KEEP_XTRULES_H

#include <stdbool.h>
#include <stdint.h>

#include "effect.h"

#define XTRULES_TABLE	"filter"

/*
 * Look for the chain in both families.  *families gets the MSG_FAMILY_* bits of
 * those that have it; a warning says what is wrong with the other.  Returns 0,
 * or -1 after logging an error: no family has it, or the kernel does not let us
 * look.
 */
int	xtrules_check(const char *chain, uint8_t *families);

/*
 * The MSG_FAMILY_* bits of the families that have the chain, and of those that do
 * not.  Returns 0, or -1 if the kernel did not tell of both.
 */
int	xtrules_chains(uint8_t *there, uint8_t *missing);

/* Whose a rule is, for place.h: ours look into a set. */
unsigned int xtrules_whose(const struct nlmsghdr *);

#endif
