/*
 * At most four exchanges are open for one question, whatever else differs in
 * the queries (D24): each that is open is a chance for a forger.  The others
 * wait for their turn.  The clients take turns, and those of one client are in
 * the order in which they came: who asks for a name in a thousand ways is not
 * in the way of who asks for it once.
 */
#ifndef SERVE_TURNS_H
#define SERVE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#define TURNS_MAX	4	/* open exchanges of one question */

struct quota;
struct exchange;

/* Before the first exchange; there are never more than max. */
void	turns_init(uint32_t max);

/*
 * A new exchange of that client; question is the hash of its name, type and
 * class.  True: it is open, false: it waits.  Sets what the exchange has for
 * turns.
 */
bool	turns_take(struct exchange *, uint64_t question,
	    const struct quota *);

/*
 * Another client waits for the exchange, too.  If that has nothing else waiting
 * for its turn, the exchange need not wait for the rest of the first client's.
 */
void	turns_join(struct exchange *, const struct quota *);

/*
 * The exchange ends, open or not.  Returns the one that is open now in its
 * stead, or NULL.
 */
struct exchange *turns_leave(struct exchange *);

#endif
