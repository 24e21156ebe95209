/* A firewall as it would be. */
#ifndef DOCTOR_WHATIF_H
#define DOCTOR_WHATIF_H

#include "judge.h"
#include "ways.h"

/* What is no more: a rule, or without one the acceptance at the end of a chain. */
struct whatif_gone {
	uint32_t	rule, chain;	/* or MODEL_NONE */
};

/*
 * A packet of that kind between the clients behind iifs[i] and what is behind
 * oifs[k]; where none is known, between some.
 */
void	whatif_packet(const struct ways_world *, uint8_t family, size_t i,
	    size_t k, enum judge_kind, struct judge_packet *out);

/*
 * Would no answer come back to clients?  Then *closer is the chain with a hook that
 * drops them.
 */
bool	whatif_silent(const struct model *, const struct ways_world *,
	    uint8_t family, const struct whatif_gone *, uint32_t *closer);

/* Would what dnsfw did not grant be closed still, without the chain? */
bool	whatif_closed(const struct model *, const struct ways_world *,
	    uint8_t family, uint32_t chain);

#endif
