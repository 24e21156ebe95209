/* The look at the operator's chain, and at the table it is in. */
#ifndef KEEP_CHAIN_H
#define KEEP_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

enum chain_kind {
	CHAIN_UNKNOWN = -1,		/* errno says, for ask_strerror() */
	CHAIN_MISSING = 0,		/* the chain, or its table */
	CHAIN_REGULAR,
	CHAIN_BASE			/* one with a hook */
};

/* sub is of stamps.h: the family. */
enum chain_kind chain_look(uint8_t sub);

/*
 * True, after logging what it is, if the table belongs to another program,
 * which alone can change it.  The text is the table's name.
 */
bool	chain_is_owned(uint8_t sub, const char *family, const char *table);

/* A table's family (NFPROTO_*) as nft writes it. */
const char *chain_family(uint8_t family);

#endif
