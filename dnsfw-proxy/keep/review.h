/*
 * The second look at live grants when the policy has changed (A9) or addresses
 * have become forbidden.  It goes round: another cause makes the round longer by
 * what was not yet looked at for it, and never begins it again.
 */
#ifndef KEEP_REVIEW_H
#define KEEP_REVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

#define REVIEW_BATCH	64	/* grants that are looked at at once */

/* From here on a whole round; new_policy: by the compiler, too. */
void	review_begin(bool new_policy);

/* Is it under way? */
bool	review_is_busy(void);

/*
 * One step, to be called in every turn: ask the compiler about the next batch, or
 * act on its answers.  Returns true if grants were revoked or shortened.
 */
bool	review_step(void);

/* Has review_step() something to do already? */
bool	review_due(void);

/*
 * Take these out, at most REVIEW_BATCH, and end their connections if the options
 * say so; not while the firewall cannot be asked.  Returns how many the kernel has
 * taken out; what it has not is a stranger to the next comparison.
 */
size_t	review_revoke(const struct msg_grant *, size_t n);

/* Answers of the compiler. */
void	review_checked(const struct policy_checked *);

#endif
