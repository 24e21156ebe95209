/*
 * What the keeper is told of answers with --audit, for dnsfwctl suggest (U8).
 *
 * They are collected, and leave together when there are MSG_SEEN_MAX, or half a
 * second after the first.  Nothing waits for them: what a flood has too many of,
 * and what the channel has no room for, is only counted.  In a flood of one client
 * something is spared for others.
 */
#ifndef SERVE_OBSERVE_H
#define SERVE_OBSERVE_H

#include "answer.h"
#include "request.h"

#define OBSERVE_RATE	1000	/* in a second, and at once; */
#define OBSERVE_SPARED	100	/* and of others */

void	observe_init(void);

/* The request is answered with that. */
void	observe(const struct request *, struct answer *);

/* The end of a turn: send what was collected if that is due. */
void	observe_turn(void);

#endif
