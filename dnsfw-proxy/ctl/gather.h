/* Where what clients want is learned: from a dnsfw that observes, or from logs. */
#ifndef CTL_GATHER_H
#define CTL_GATHER_H

#include <stdint.h>

#include "wants.h"

/*
 * Ask the dnsfw that runs; *lost: answers that it had no room for.  Returns an exit
 * status, with the reason on stderr.
 */
int	gather_live(struct wants *, const char *control, uint32_t *lost);

/* Read an access log of either form; "-": standard input.  The same. */
int	gather_log(struct wants *, const char *path);

#endif
