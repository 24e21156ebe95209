/* Grants that are about to end live on while their connections do (--hold-live). */
#ifndef KEEP_HOLD_H
#define KEEP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_MAX	4096	/* that are looked for in one walk */

/* To be called in every turn; ms until it wants to be called again, or -1. */
int	hold_step(void);

/* The end of a walk; for connections_open(). */
void	hold_seen(bool known);

/* How many were held, for the statistics. */
uint64_t hold_count(void);

#endif
