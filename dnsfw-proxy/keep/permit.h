/* What may be granted at all, as far as the keeper can say (P7, G8). */
#ifndef KEEP_PERMIT_H
#define KEEP_PERMIT_H

#include "msg.h"

/*
 * By root's limits, this host's addresses and the families: OK, FORBIDDEN or
 * OUTSIDE.  What the policy allows is the helper's affair, and the compiler's.
 */
enum msg_result_code permit_grant(const struct msg_grant *);

#endif
