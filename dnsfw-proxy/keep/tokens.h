/*
 * A worker's share of what the kernel is asked to do in a second: transactions,
 * and grants in them (P7).  An honest worker that is asked for more has larger
 * batches instead, and asks for fewer grants than would have it shut out.
 */
#ifndef KEEP_TOKENS_H
#define KEEP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

/* Of so many workers, equal parts of so many records a second, and at once. */
void	tokens_open(unsigned int workers, unsigned int rate,
	    unsigned int burst);

/*
 * May the worker have a transaction now?  If not, ask again in a millisecond; one
 * that has flooded the kernel may in four seconds.
 */
bool	tokens_has(unsigned int worker);

/* It had one, with so many grants.  If that shuts it out, the log says so. */
void	tokens_take(unsigned int worker, size_t grants);

#endif
