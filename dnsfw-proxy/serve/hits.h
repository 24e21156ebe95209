/*
 * How often each rule matched (U6): counted here, and told to the keeper a second
 * later, some at a time.  Nothing waits for it, and what the channel has no room
 * for is told later.  Lines above MSG_LINES_MAX are not counted.
 */
#ifndef SERVE_HITS_H
#define SERVE_HITS_H

#include "../acl/decide.h"

#define HITS_RECORDS	16	/* in a second */

void	hits_init(void);

/* A query was decided by the list that is in force. */
void	hits_count(const struct acl_decision *);

/*
 * Another list comes.  It may be the same text, so what is known of the one before
 * is told; what there is no room for is lost.
 */
void	hits_forget(void);

/* The end of a turn: tell what is due. */
void	hits_turn(void);

#endif
