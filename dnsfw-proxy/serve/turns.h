/*
 * At most four exchanges are open for one question, whatever else differs in
 * the queries (D24): each that is open is a chance for a forger.  The others
 * wait for their turn, in the order in which they came.
 */
#ifndef SERVE_TURNS_H
#define SERVE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#define TURNS_MAX	4	/* open exchanges of one question */

struct exchange;

/* Before the first exchange; there are never more than max. */
void	turns_init(uint32_t max);

/*
 * A new exchange; question is the hash of its name, type and class.  True: it
 * is open, false: it waits.  Sets turn and queued of the exchange.
 */
bool	turns_take(struct exchange *, uint64_t question);

/*
 * The exchange ends, open or not.  Returns the one that is open now in its
 * stead, or NULL.
 */
struct exchange *turns_leave(struct exchange *);

#endif
