/*
 * --audit (U8): what the list would refuse is resolved as under ~>, and told.
 * What has to do with the message and not with the list is refused as ever.
 */
#ifndef SERVE_AUDIT_H
#define SERVE_AUDIT_H

#include "../acl/decide.h"
#include "request.h"

/*
 * What the list says against the request, until the next call; NULL: nothing, or
 * it is refused as ever.
 */
const char *audit_reason(const struct request *, const struct acl_decision *);

/* Count it, for the log and for who asks why. */
void	audit_tell(const struct request *, const char *reason);

#endif
