/*
 * The names that give a grant, too, and end before that which is its own (G15):
 * the ledger has such a struct for each entry.
 */
#ifndef KEEP_OTHERS_H
#define KEEP_OTHERS_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define LEDGER_NAMES	4	/* that a grant remembers (G15) */

/* A name that gives the grant, and the end that its own answer gave it. */
struct ledger_name {
	uint64_t	end;		/* ns of clock_now() */
	char		label[MSG_LABEL_SIZE];
};

#define OTHERS	(LEDGER_NAMES - 1)

struct others {
	struct ledger_name at[OTHERS];	/* end 0: none */
};

/* Enter a name where it is already, or instead of that which ends first. */
void	others_put(struct others *, const char *label, uint64_t end);

/* Take one out, and all. */
void	others_drop(struct others *, const char *label);
void	others_clear(struct others *);

/* Those that end after now into out, which has room; returns how many. */
size_t	others_list(const struct others *, uint64_t now,
	    struct ledger_name *out);

/* The one that ends last; its end is 0 if there is none. */
struct ledger_name *others_last(struct others *);

/* None ends later than that. */
void	others_shorten(struct others *, uint64_t end);

#endif
