/*
 * What becomes of a query: what the list says of its name (A4), and what
 * follows from that for names that it does not mention.  The one place for it:
 * a query is decided when it comes, and by the policy of then again when its
 * answer is there.
 */
#ifndef SERVE_DECISION_H
#define SERVE_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "../acl/decide.h"
#include "../dns/message.h"
#include "alias.h"
#include "request.h"

/* Names by which clients are led around this server are answered here (D16). */
enum decision_signal { SIGNAL_NONE = 0, SIGNAL_NODATA, SIGNAL_NXDOMAIN };

struct decision {
	struct acl_decision acl;	/* with what the origins add */
	enum decision_signal signal;
	bool		keys;		/* allowed for its keys alone (D17) */
	bool		named;		/* allowed by a rule that names it */
	/* An alias target (D14): the names whose rules allow it, too. */
	unsigned int	norigins;
	struct dns_name	origins[ALIAS_ORIGINS];		/* folded */
	uint8_t		from[ACL_PORTS_MAX];	/* of a port: see below */
};

/*
 * Decide for a well-formed request by the policy of now; what leads to its name
 * counts if it did when the request came.
 */
void	decision_make(const struct request *, struct decision *out);

/*
 * The same, if it had come from another address of the client's host (U11); what
 * leads to its name is what led the host there.
 */
void	decision_make_for(const struct request *, const struct addr *client,
	    struct decision *out);

/*
 * Whose rule gives the port with that index: the name of an origin, or qname.
 * A review after a reload asks for the rules of that name (A9).
 */
const struct dns_name *decision_label(const struct decision *,
	    unsigned int port, const struct dns_name *qname);

/* A question of the ordinary kind: class IN, opcode QUERY. */
bool	decision_is_plain(const struct dns_query *);

/* DS and DNSKEY: what a validator needs (D17). */
bool	decision_is_keys(uint16_t qtype);

#endif
