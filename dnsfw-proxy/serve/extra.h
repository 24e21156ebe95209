/*
 * Tries beside another one of the same exchange (D22).  Each has a socket that
 * another client may need for its first one, so there are as many as places, and
 * of them one client has no more than its share.
 */
#ifndef SERVE_EXTRA_H
#define SERVE_EXTRA_H

#include <stdbool.h>

#include "exchange_state.h"

/* Before the first exchange. */
void	extra_init(void);

/*
 * May the exchange have one more try, beside those that it has?  If not, that is
 * logged.
 */
bool	extra_may(const struct exchange *);

/*
 * The try that is to end before one more begins, or NULL: there is room.  Its
 * exchange is another one, and has another try.
 */
struct attempt *extra_in_the_way(void);

/* The try, which the exchange is about to have, is beside others. */
void	extra_take(const struct exchange *, struct attempt *);

/* The try, which its exchange still has, ends. */
void	extra_leave(struct attempt *);

/* What the exchange has of the first client's is of the other one. */
void	extra_pass(struct exchange *, const struct quota *from,
	    struct quota *to);

#endif
