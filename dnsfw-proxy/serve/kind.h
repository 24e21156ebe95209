/* Which kinds of messages are allowed under which rules (D4, A5).  Pure. */
#ifndef SERVE_KIND_H
#define SERVE_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "../acl/decide.h"
#include "../dns/message.h"

/* What is wrong, for the log. */
extern const char kind_unknown_opcode[], kind_not_allowed[];

/*
 * An opcode that says what the message is about, so that the rules can decide.
 * Of DSO (RFC 8490), for one, nothing is known here but that there is no such
 * thing: NOTIMP.
 */
bool	kind_is_known(const struct dns_query *);

/* What only "~> *" admits (A5): NULL, or what is wrong, and the answer's rcode. */
const char *kind_check_message(const struct dns_query *,
	    const struct acl_decision *, uint16_t *rcode);

/*
 * Is this kind of message allowed under these rules (D4, A5)?  Returns NULL,
 * or what is wrong.  *grants: whether the answer's addresses are to be granted.
 */
const char *kind_check(const struct dns_query *, const struct acl_decision *,
	    bool *grants);

/* One whose answer has addresses to connect to. */
bool	kind_is_address(uint16_t qtype);

/*
 * Is it let through, by all that is said of it?  Also an answer is, if the list has
 * changed since it was asked for.
 */
bool	kind_is_allowed(const struct dns_query *, const struct acl_decision *,
	    bool *grants);

#endif
