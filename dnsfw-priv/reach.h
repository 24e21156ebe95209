/*
 * Whether a packet can come to our chain: from a chain with a hook, by the
 * jumps and gotos of rules and by verdict maps.
 */
#ifndef PRIV_REACH_H
#define PRIV_REACH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * *reached gets whether a way leads to the chain.  In a table with more than
 * 4,096 ways, or 64 maps, one that is not found is taken to be there.  Returns
 * 0, or -1 if the kernel did not tell it all.
 */
int	reach_look(uint8_t family, const char *table, const char *chain,
	    bool *reached);

#endif
