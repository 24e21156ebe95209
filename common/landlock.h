/* What Landlock is to deny: a ruleset, for who is confined by it. */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

#define LANDLOCK_ABI_TCP 4	/* the first that can limit TCP: Linux 6.7 */

/* What this kernel's Landlock can; -1 with errno: there is none. */
int	landlock_abi(void);

/*
 * A new descriptor of a ruleset with what sandbox_landlock (sandbox.h) says, or
 * -1 where there is no Landlock, with why.  fatal() on another error.
 */
int	landlock_ruleset(const uint16_t *connect_ports, size_t n, int dir,
	    const char **why);

#endif
