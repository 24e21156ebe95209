/*
 * One repair, and what is known between two: passed among repair.c, which has the
 * states, repairsteps.c, which does what they are for, and nobody else.
 */
#ifndef KEEP_REPAIRING_H
#define KEEP_REPAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "chains.h"
#include "kernel/backend.h"
#include "takeover.h"

enum repair_state {
	STAY = 0,	/* no state: an event that changes nothing */
	IDLE,		/* all that can be is there, as far as is known */
	QUIET,		/* something has gone: until nobody deletes any more */
	LOOK,		/* which families have their chain? */
	COMPARE,	/* what do the sets have? */
	EXPEL,		/* what is no grant goes out of them */
	PREPARE,	/* sets and rules */
	FILL,		/* a set that is to replace one */
	MEND,		/* what is missing of grants goes in */
	PAUSE,		/* something failed, or was just done: wait */
	STATES
};

enum repair_event {
	LOST = 0,	/* something of ours has gone, says the kernel */
	ADDED,		/* something came into our table or chain */
	UNSURE,		/* something may be there or not */
	MISSING,	/* something of ours is not there: seen by looking */
	DUE,		/* it is time */
	DONE,		/* what the state does is done */
	NOTHING,	/* there was nothing to be done */
	AGAIN,		/* there is more of it; or it has to be done anew */
	FAILED,		/* it cannot be done now */
	EVENTS
};

struct repairing {
	/* Of one repair, from the first event to IDLE: */
	enum repair_state state;
	uint64_t	until;		/* QUIET, PAUSE: ns */
	uint64_t	latest;		/* QUIET: ns, at most until then */
	uint64_t	begin;		/* ns: for the log */
	bool		failed;		/* PAUSE is for that */
	uint64_t	pause;		/* ns: the last one for that */
	bool		needed;		/* there is something to compare */
	bool		lost;		/* the same since COMPARE: see transitions */
	bool		unsure;
	bool		added;
	bool		visible;	/* it is worth a line in the log */
	uint32_t	doubt;		/* the ledger's, before COMPARE */
	uint8_t		target;		/* families with their chain */
	struct takeover	takeover;
	struct backend_prepare prepare;
	uint32_t	removed;
	/* Of all of them: */
	struct chains	chains;
	uint64_t	next_look;	/* IDLE: ns, at what sends no events */
	uint64_t	next_compare;	/* ns, for somebody's answers */
	bool		was_stuck;	/* the helper, when it was last looked at */
};

#endif
