/*
 * Our rules among others in a chain of nf_tables: which they are, where they
 * belong, and whether a packet comes as far.
 */
#ifndef PRIV_PLACE_H
#define PRIV_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

#define PLACE_OWN_MAX	64	/* four, unless somebody copied them */

struct place {
	uint64_t	own[PLACE_OWN_MAX];	/* handles */
	size_t		nown;
	/*
	 * The handle of the rule before which ours belong, or 0 for the chain's
	 * end: the first of ours, or where the rules begin with which the chain
	 * ends for everything, like "log" and "reject".
	 */
	uint64_t	before;
	uint8_t		blocked;	/* MSG_FAMILY_*: ends for TCP before ours */
};

/*
 * Look at the chain's rules; is_own tells which are ours.  Returns 0, or -1 with
 * errno, a number for nlsock_strerror.
 */
int	place_look(uint8_t family, const char *table, const char *chain,
	    bool (*is_own)(const struct nlmsghdr *), struct place *);

#endif
