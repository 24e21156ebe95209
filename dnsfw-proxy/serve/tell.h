/*
 * What the keeper is told of refusals and failures, for dnsfwctl why (U5): those
 * that the access log has with --log-level refused.
 *
 * They are collected, and leave together when there are MSG_REFUSALS_MAX, or a
 * second after the first.  Nothing waits for them: what a flood has too many of,
 * and what the channel has no room for, is only counted.  In a flood of one client
 * something is spared for others.
 */
#ifndef SERVE_TELL_H
#define SERVE_TELL_H

#include "msg.h"
#include "request.h"

#define TELL_RATE	1000	/* in a second, and at once; */
#define TELL_SPARED	100	/* and of others */

void	tell_init(void);

/* The request got no answer, or another one; reason is printable ASCII. */
void	tell(enum msg_refusal_kind, const struct request *, const char *reason);

/* The end of a turn: send what was collected if that is due. */
void	tell_turn(void);

#endif
