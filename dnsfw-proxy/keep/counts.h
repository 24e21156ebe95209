/* What the workers have counted, for who asks at the control socket (U6). */
#ifndef KEEP_COUNTS_H
#define KEEP_COUNTS_H

#include <stdint.h>

#include "msg.h"

/* Worker number i says what it has counted so far. */
void	counts_take(unsigned int worker, const struct msg_counters *);

/*
 * The sums over all workers.  Returns the upstreams that do not answer some of them:
 * bit i is upstream i.
 */
uint8_t	counts_sum(struct counters *out);

#endif
