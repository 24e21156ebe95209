/* Grants that the kernel is not known to have go in, some in each step. */
#ifndef KEEP_MEND_H
#define KEEP_MEND_H

#include <stdbool.h>
#include <stdint.h>

/* The kinds of grants of the families, a bit each. */
unsigned int mend_kinds(uint8_t families);

/*
 * Begin a walk through the ledger: those of the kinds that were not sure since
 * the doubt, after which it was compared; or with doubt 0 all of them, into the
 * sets that are to replace theirs.
 */
void	mend_begin(unsigned int kinds, uint32_t doubt);

/* Go on for a few milliseconds.  Returns false when it is done. */
bool	mend_step(void);

/* Since mend_begin: how many went in; did some of them not? */
uint32_t mend_count(void);
bool	mend_failed(void);

#endif
