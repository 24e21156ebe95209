/* Numbers as by chance, the same in each run (Marsaglia's xorshift64). */
#ifndef PICK_H
#define PICK_H

#include <stdint.h>

/* From 0 to below - 1. */
static inline unsigned int
pick(unsigned int below)
{
	static uint64_t seed = 20241124;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((unsigned int)(seed >> 20) % below);
}

#endif
