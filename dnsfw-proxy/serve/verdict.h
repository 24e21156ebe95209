/*
 * Which addresses are granted, and which go from an answer (G5, G8, G12).
 */
#ifndef SERVE_VERDICT_H
#define SERVE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/build.h"
#include "request.h"

/* Who asks for an answer, and what is known of its addresses by then. */
struct verdict {
	const struct request *request;
	/* A ~> for the name comes first: what is never granted passes (G8). */
	bool		 passes;
	const struct addr *forbidden;	/* as dnsfw-priv says */
	size_t		 nforbidden;
};

/*
 * Would a grant for dst, which is none of those that are never granted, open a
 * way for the client?
 */
bool	verdict_may_be_granted(const struct request *, const struct addr *dst);

/*
 * Warn of a client that will connect to dst, an address that it asked for,
 * from another address than the one that it asked from (G12).  False: it is not
 * one.
 */
bool	verdict_tell_of_scope(const struct request *, const struct addr *dst);

/*
 * Remove what is unwanted from the answer *msg, parsed as *r.  On DNS_OK *msg,
 * *len and *r are the answer without it, in a buffer that the next call uses
 * again, or unchanged.
 */
DNS_MUSTCHECK enum dns_err verdict_remove(struct verdict *, uint8_t **msg,
    size_t *len, struct dns_response *r);

#endif
