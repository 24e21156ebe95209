/*
 * The kernel's firewall as the ledger wants it: what was there before we started
 * is taken over (G9), and what others take away is put back (G10), step by step.
 */
#ifndef KEEP_REPAIR_H
#define KEEP_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/backend.h"

/*
 * Take the entries of the kernel's sets over into a new ledger, and make sets
 * and rules.  Entries that never end, or that are no grants, are removed.
 * backend NULL: only a ledger.  Ends the program if the firewall cannot be used.
 */
void	repair_start(const struct backend *, uint32_t max_grants);

/* The kernel may not have, or may have, what the ledger says: compare. */
void	repair_unsure(void);

/*
 * Read what others have done.  Returns true if what a worker knows of its grants
 * may be wrong from now on: they are not sure.
 */
bool	repair_events(void);

/*
 * A step: put back what is missing if the chain is there: at once when something
 * was added, too, which is a reload; otherwise when it has been quiet for a moment,
 * so that who deletes rules, then the chain, then sets, can.  Returns as
 * repair_events().
 */
bool	repair_step(void);

/*
 * Is something being put back now without which grants fail?  Then they can wait for
 * it, a second at most.
 */
bool	repair_soon_done(void);

/* The ms until the next step, or -1; and a descriptor to poll for it, or -1. */
int	repair_wait(void);
int	repair_fd(void);

#endif
