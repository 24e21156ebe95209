/*
 * Somebody who asks at the control socket (U2), and what is told: fixed-size
 * records, some in each step, and an END.
 */
#ifndef KEEP_ASKER_H
#define KEEP_ASKER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct asker {
	int		fd;		/* -1: none */
	uid_t		uid;
	uint8_t		what;		/* under way; 0: it may ask */
	uint8_t		code;		/* enum control_code, of the END */
	struct addr	client;		/* family 0: all */
	uint32_t	cursor;		/* of the ledger's places, and others' */
	uint16_t	list;		/* generation that they are of */
	uint64_t	told;		/* number of the last refusal */
	uint32_t	count;
	uint64_t	deadline;	/* ns: of progress */
};

/* The keeper's start. */
void	asker_begin(void);

/* A turn: so many places of the ledger, and of others, are looked at for all. */
void	asker_turn(void);

/* It has CONTROL_SECONDS from now on. */
void	asker_progress(struct asker *);

void	asker_drop(struct asker *);

/* Nothing more of what was asked is told; code is enum control_code. */
void	asker_end(struct asker *, uint8_t code);

/* A step of what is under way.  Returns true if grants were revoked. */
bool	asker_answer(struct asker *);

/*
 * What poll has to tell of it before the next step; 0: something else than the
 * asker is waited for.
 */
short	asker_awaits(const struct asker *);

#endif
