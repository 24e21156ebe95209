/*
 * Which addresses are granted, and which go from an answer (G5, G8, G12).
 */
#ifndef SERVE_REMOVAL_H
#define SERVE_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"
#include "recipients.h"
#include "request.h"

/* An answer as it is to leave to one client. */
struct reply {
	uint8_t		*msg;
	size_t		 len;
	struct dns_response response;	/* of msg */
};

/* Who asks for an answer, and what is known of its addresses by then. */
struct removal {
	const struct request *request;
	uint8_t		 families;	/* of its recipients */
	/* A ~> for the name comes first: what is never granted passes (G8). */
	bool		 passes;
	/* Does the keeper say that it is never granted?  NULL: it says nothing. */
	bool		 (*forbidden)(const void *arg, const struct addr *);
	const void	*arg;
	/* removal_remove() has removed one that is never granted. */
	bool		 found_bad;
};

/*
 * Warn of a client that will connect to dst, an address that it asked for,
 * from another address than the recipients' (G12).  False: it is not one.
 */
bool	removal_tell_of_scope(const struct request *, const struct recipients *,
	    const struct addr *dst);

/*
 * Remove what is unwanted.  On DNS_OK the reply is that without it, in space,
 * which has room for DNS_MESSAGE_MAX octets; or unchanged.
 */
DNS_MUSTCHECK enum dns_err removal_remove(struct removal *, struct reply *,
    uint8_t *space);

/*
 * The same in two pieces.  If something is removed by the first, msg and len of the
 * reply are what is left, and its parse is that of before; the second, which is to
 * follow then, sets that.  It may add as many octets as are below room.
 */
DNS_MUSTCHECK enum dns_err removal_strip(struct removal *, struct reply *,
    uint8_t *space, bool *removed);
DNS_MUSTCHECK enum dns_err removal_parse(const struct request *, struct reply *,
    size_t room);

#endif
