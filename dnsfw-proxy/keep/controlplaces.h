/*
 * Who has the places of those who ask at the control socket (U2).  Of these, two
 * are for root alone, and no other user has more than two; and who has two gives
 * one up for a user that has none, or for root, if no other is left.  Pure.
 */
#ifndef KEEP_CONTROLPLACES_H
#define KEEP_CONTROLPLACES_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct controlplace {
	bool		taken;
	uid_t		uid;
	uint64_t	deadline;	/* ns: the soonest has done nothing longest */
};

/*
 * The place of n for one more of that user: a free one, or one that is taken.  n:
 * there is none for it.
 */
size_t	controlplaces_for(const struct controlplace *, size_t n, uid_t uid);

/* Could anybody at all get one?  If not, who comes had better wait. */
bool	controlplaces_left(const struct controlplace *, size_t n);

#endif
