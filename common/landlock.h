/* What Landlock is to deny: a ruleset, for who is confined by it. */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

/*
 * A new descriptor of a ruleset with what sandbox_landlock (sandbox.h) says, or
 * -1 where there is no Landlock, with why.  fatal() on another error.
 */
int	landlock_ruleset(const uint16_t *connect_ports, size_t n, int dir,
	    const char **why);

#endif
