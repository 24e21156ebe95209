/*
 * A packet of a client that some matches of rules hold for, and others do not.
 * Each match is of one field; so what suits all of them is found, if there is
 * such a value, by the ends of what they name.
 */
#ifndef DOCTOR_SOLVE_H
#define DOCTOR_SOLVE_H

#include "ways.h"

#define SOLVE_WANTS_MAX	1500

struct solve {
	const struct model *m;
	const struct ways_world *world;
	uint8_t		family;
	uint64_t	*steps;
	struct solve_want {
		uint32_t	match;	/* in model.matches */
		bool		hold;
	} wants[SOLVE_WANTS_MAX];
	size_t		n;
	bool		cut;		/* there were more values than are tried */
};

/* False: no client has such a packet. */
bool	solve_packet(struct solve *, struct judge_packet *out);

/* Is it an address that is of no use in the internet? */
bool	solve_is_inner(const struct addr *);

#endif
