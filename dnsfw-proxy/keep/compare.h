/*
 * What the kernel's sets have, read in steps: every entry is told, and those
 * that are no grants of ours, strangers, are noted and taken out (G13).
 */
#ifndef KEEP_COMPARE_H
#define KEEP_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

/*
 * An entry of the kernel, with what is left of its time in ms, 0 for ever.
 * Returns false if it is a stranger.
 */
typedef bool compare_found(void *arg, const struct msg_grant *, uint64_t ms);

enum compare_step {
	COMPARE_MORE = 0,
	COMPARE_DONE,
	COMPARE_FAILED		/* the kernel did not tell it all */
};

/* Begin; what was under way, and strangers of before, are forgotten. */
void	compare_begin(uint8_t families, compare_found *found, void *arg);

/*
 * Go on for a millisecond or so.  What changes while it is listed may be missing:
 * it is listed again, but not for ever.
 */
enum compare_step compare_step(void);

/* The descriptor to poll for the next step, or -1. */
int	compare_fd(void);

/*
 * Take some strangers out of the kernel, unless they are in the ledger by now;
 * *removed grows by their number.  Returns false when there are none left.
 */
bool	compare_expel(uint32_t *removed);

/* Were there more than could be noted?  Then compare again. */
bool	compare_overflowed(void);

#endif
