/* Public suffixes: names under which anybody can register one (U3). */
#ifndef CTL_SUFFIX_H
#define CTL_SUFFIX_H

#include <stdbool.h>

#include "../dns/name.h"

/*
 * Is it in the public suffix list?  False for what that does not mention, and
 * without libpsl for all.
 */
bool	suffix_is_public(const struct dns_name *);

/* Are there any that are known? */
bool	suffix_known(void);

#endif
