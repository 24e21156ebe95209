/*
 * An order becomes netlink messages: what is allowed is stamped, what is not is
 * refused.  Pure but for the index of an ipset.
 */
#ifndef HELPER_ACT_H
#define HELPER_ACT_H

#include "bounds.h"
#include "stamps.h"

/* Three for each grant, and two around the batch. */
#define ACT_MESSAGES_MAX	(3 * ORDER_BATCH_MAX + 2)

/* What became of one record. */
struct act {
	const struct stamps *stamps;
	size_t		nrefused, nsent;
	struct order_refused refused[ORDER_BATCH_MAX];
	uint32_t	sent[ORDER_BATCH_MAX];	/* seq of what is in out */
	int		fd;			/* to which out is to go */
	size_t		len;			/* bytes of out; 0: nothing */
	size_t		last;			/* the message to be answered */
	bool		missing;		/* these options lack a stamp */
	uint8_t		out[ACT_MESSAGES_MAX * STAMPS_BYTES] __attribute__((aligned(4)));
};

/*
 * A whole record of the keeper; len is not 0.  Returns ORDER_OK, or what is wrong with it:
 * then nothing of it is to be sent.
 */
enum order_err	act_fill(struct act *, const struct bounds *, const uint8_t *record,
		    size_t len);

/* All that is in out was not taken: it becomes refused instead. */
void	act_undo(struct act *);

#endif
