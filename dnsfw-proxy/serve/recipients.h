/*
 * To whom the addresses of an answer are granted: to the client that has asked,
 * and, if it is an address of a host, or of a machine, to all that are known of that
 * (U11).
 */
#ifndef SERVE_RECIPIENTS_H
#define SERVE_RECIPIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../acl/hosts.h"
#include "decision.h"
#include "known.h"
#include "request.h"

/* Who asked, what the list names, and what has asked. */
#define RECIPIENTS_MAX	(1 + ACL_HOST_MAX + KNOWN_MAX)

struct recipients {
	unsigned int	n;
	/* MSG_FAMILY_*: destinations to which a grant would open a way. */
	uint8_t		families;
	struct addr	at[RECIPIENTS_MAX];	/* who asked is the first */
};

/*
 * Another address than that of who asked is there if the list allows it a port of
 * the name that was asked for.
 */
void	recipients_of(const struct request *, struct recipients *);

/* Would a grant of the destination open a way for some of them? */
bool	recipients_reach(uint8_t families, const struct addr *dst);

/* Do some of them connect from where a grant of the destination matches (G12)? */
bool	recipients_match(const struct recipients *, const struct addr *dst);

/* May that one connect to the destination (G5, G12)? */
bool	recipient_takes(const struct addr *recipient, const struct addr *dst);

#endif
