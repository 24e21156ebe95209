/*
 * The ledger: every grant that the kernel has, with its expiry.  It is what
 * makes lifetimes that never shrink (G2) and a cap on live grants (P7)
 * possible although a proxy may lie.  Its memory is allocated once.
 */
#ifndef PRIV_LEDGER_H
#define PRIV_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"

struct ledger;

/* A ledger for at most max grants.  fatal() without memory. */
struct ledger *ledger_new(uint32_t max);
void	ledger_free(struct ledger *);

/* When the grant with these addresses, protocol and port ends, or 0. */
uint64_t ledger_expiry(const struct ledger *, const struct msg_grant *);

/*
 * Enter a grant, or lengthen it; expiry is in ns of clock_now() and never
 * shortened.  Returns 0, or -1 if the ledger is full.
 */
int	ledger_put(struct ledger *, const struct msg_grant *, uint64_t expiry);

/*
 * Take the latest ledger_put of this grant back, as the kernel refused it:
 * expiry is what ledger_expiry said before, and not later than now.
 */
void	ledger_restore(struct ledger *, const struct msg_grant *,
	    uint64_t expiry);

/* Forget what has ended by now (ns). */
void	ledger_expire(struct ledger *, uint64_t now);

/* Live grants, and how many there may be. */
uint32_t ledger_count(const struct ledger *);
uint32_t ledger_max(const struct ledger *);

#endif
