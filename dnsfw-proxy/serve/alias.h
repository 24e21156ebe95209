/*
 * Alias targets (D14): which names an allowed answer has led a client to, and
 * from which.  A resolver on the client's side asks for these by itself (RFC
 * 1034 5.3.3).  Nothing of it survives a restart.
 *
 * The table is of fixed size, and so is a client's share of it, where an IPv6
 * client is its /64.  Who is at its share loses its own oldest target.  When
 * all places hold what still counts, the oldest of the client that has most goes
 * (D22): that is decided then as a name of which nothing is known.
 */
#ifndef SERVE_ALIAS_H
#define SERVE_ALIAS_H

#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"
#include "addr.h"

#define ALIAS_PLACES	8192	/* pairs of a client and a target */
#define ALIAS_SHARE	512	/* of one client */
#define ALIAS_ORIGINS	4	/* names that lead to one target */
#define ALIAS_HOPS_MAX	16	/* answers between the origin and the target */

/* A name with a rule that leads to a target. */
struct alias_origin {
	uint64_t	expiry;		/* ns; it counts before that */
	uint8_t		hops;		/* through so many answers */
	struct dns_name	name;		/* folded */
};

/* Before the first query. */
void	alias_init(void);

/*
 * An answer to the client's question led from origin to target, which counts
 * until expiry.  hops is 1 if origin was the question, and otherwise one more
 * than those of the target that was; more than ALIAS_HOPS_MAX are forgotten, so
 * that no ring of names lives on by itself.  The shorter of two ways does not
 * hide the longer one, which may last longer.  If all ALIAS_ORIGINS are taken,
 * the one that ends first goes.
 */
void	alias_remember(const struct addr *client, const struct dns_name *target,
	    const struct dns_name *origin, unsigned int hops, uint64_t now,
	    uint64_t expiry);

/*
 * The ALIAS_ORIGINS places of the client's target; those whose expiry is over
 * do not count.  NULL: no answer led there, to it or another address of its host or
 * machine, that counts now.
 */
const struct alias_origin *alias_origins(const struct addr *client,
	    const struct dns_name *target, uint64_t now);

/*
 * Origins that count now, of the client's targets that are below name (D17):
 * at most max.  Returns how many; the work is linear in the client's share.
 */
size_t	alias_origins_below(const struct addr *client,
	    const struct dns_name *name, uint64_t now,
	    const struct alias_origin **out, size_t max);

#endif
