/*
 * Room for what a function needs until it returns, and is too large for the
 * stack: a message, the addresses of one.  What is taken last is given back
 * first; who breaks that would use octets of somebody else, and ends the
 * process.
 */
#ifndef SERVE_SCRATCH_H
#define SERVE_SCRATCH_H

#include <stddef.h>

/* What all functions that call each other need at once, with their messages. */
#define SCRATCH_SIZE	(512U << 10)	/* octets */

/* So many octets, aligned for any type, with what they had before. */
void	*scratch_take(size_t size);

/* The newest that is taken is needed no more. */
void	scratch_give(void *at);

#endif
