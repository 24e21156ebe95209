/*
 * What the keeper is told of counters and of the upstreams' health, for dnsfwctl
 * stats and its like (U6): a second after something has changed, at most once a
 * second.  Nothing waits for it.
 */
#ifndef SERVE_COUNT_H
#define SERVE_COUNT_H

void	count_init(void);

/* The end of a turn. */
void	count_turn(void);

#endif
