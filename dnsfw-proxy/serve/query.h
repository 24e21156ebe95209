/*
 * One request of a client, from its first byte to its answer.
 *
 *	query_receive ─► refused, answered here, malformed: replied at once
 *	      └► exchange_join ─► query_answered ─► verdict_answer ─► query_leaves
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <stdbool.h>

#include "asker.h"

/* Before the first client. */
void	query_init(void);

/* A message from a client, as the fronts say. */
asker_receive query_receive;

/* Look at the deadlines.  False: there is none. */
bool	query_tick(void);

#endif
