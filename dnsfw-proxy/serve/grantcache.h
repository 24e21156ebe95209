/*
 * The grants that this worker knows to be live, so that a repeated answer
 * costs no message (G7).  A cache of fixed size: what it has lost is asked of
 * the keeper again, whose ledger knows.
 */
#ifndef SERVE_GRANTCACHE_H
#define SERVE_GRANTCACHE_H

#include <stdint.h>

#include "../dns/name.h"
#include "msg.h"

/* Before the first grant. */
void	grantcache_init(void);

/*
 * Of all that tells two grants apart: addresses, protocol and port; and of the
 * name by which it is asked for.  The keeper is to hear of each name, as the
 * grant may outlive the others (G15).
 */
uint64_t grantcache_hash(const struct msg_grant *, const struct dns_name *name);

/* When the grant with that hash ends (ns), or 0. */
uint64_t grantcache_expiry(uint64_t hash);

/* Know nothing any more. */
void	grantcache_forget(void);

/* It ends then. */
void	grantcache_put(uint64_t hash, uint64_t expiry);

#endif
