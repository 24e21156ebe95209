/* What would be refused, but for --audit. */
#include "audit.h"

#include <stdio.h>

#include "accesslog.h"
#include "addrtext.h"
#include "counters.h"
#include "kind.h"
#include "policy.h"
#include "settings.h"
#include "tell.h"

/*
 * "-| name = 0.0.0.0" is a block in other words; so is this host's loopback.  A
 * name with another address is told that, which is no refusal.
 */
static bool
is_nowhere(const struct addr *a)
{
	const struct addr zero = { .family = a->family };

	return (addr_equal(a, &zero) || addr_is_loopback(a));
}

/* What the list has against it; NULL: nothing. */
static const char *
objection(const struct request *r, const struct acl_decision *d,
    char *text, size_t size)
{
	uint32_t line = d->line;
	const char *file;
	bool grants;

	switch (d->verdict) {
	case ACL_NOMATCH:
		return ("would be refused: no ACL rule allows it");
	case ACL_BLOCK:
		break;
	case ACL_LOCAL:
		if (!is_nowhere(&d->local))
			return (NULL);
		break;
	case ACL_ALLOW:
		return (kind_check(&r->dns, d, &grants) == NULL ? NULL :
		    "would be refused: not this query type");
	}
	file = policy_place(&line);
	snprintf(text, size, "would be blocked by ACL line %u%s%s", line,
	    file[0] == '\0' ? "" : " of ", file);
	return (text);
}

const char *
audit_reason(const struct request *r, const struct acl_decision *d)
{
	static const struct acl_decision resolve = { .verdict = ACL_ALLOW,
	    .resolve = true };
	static char text[MSG_REASON_SIZE];
	bool grants;

	/* What no ~> NAME would let through is none of the list's doing. */
	if (settings.config.audit == 0 ||
	    kind_check(&r->dns, &resolve, &grants) != NULL)
		return (NULL);
	return (objection(r, d, text, sizeof(text)));
}

void
audit_tell(const struct request *r, const char *reason)
{
	counters.audited++;
	access_log(ACCESS_AUDIT, r, ACCESS_NONE);
	tell(REFUSAL_AUDIT, r, reason);
}
