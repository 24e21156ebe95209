/* The stamps that both backends need. */
#ifndef START_MAKE_PARTS_H
#define START_MAKE_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "stamps.h"

/* The kinds, as stamps.h has them. */
#define MAKE_KINDS	STAMPS_SUBS

static inline int
kind_is_v4(unsigned int kind)
{
	return (kind < 2);
}

static inline int
kind_is_local(unsigned int kind)
{
	return (kind % 2 == 1);
}

/* Bytes of an address of that kind. */
static inline size_t
kind_address(unsigned int kind)
{
	return (kind_is_v4(kind) ? 4 : 16);
}

/*
 * Batches of nf_tables, and what is to be read of tables, chains and rules.
 * sub is the family, which is nfproto (NFPROTO_*) for the kernel.
 */
void	make_batch(struct stamps *);
void	make_reads(struct stamps *, unsigned int sub, uint8_t nfproto,
	    const char *table, const char *chain);

#endif
