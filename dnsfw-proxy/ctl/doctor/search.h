/*
 * Where a packet goes around dnsfw.  Each rule that accepts or lets pass, and each
 * end of a chain that does, is tried with a packet made for it; what drops that
 * packet is avoided, as far as it can be.
 */
#ifndef DOCTOR_SEARCH_H
#define DOCTOR_SEARCH_H

#include "ways.h"

#define SEARCH_STEPS_MAX	200000000ULL	/* rules that are looked at */

/* What is found: a packet, and what becomes of it.  False: it is enough. */
typedef bool search_fn(void *arg, const struct judge_packet *,
    const struct judgement *);

/*
 * Tell of packets of that family, and what becomes of each.  False: there was more
 * than could be tried.
 */
bool	search_each(const struct model *, const struct ways_world *,
	    uint8_t family, uint64_t *steps, search_fn *fn, void *arg);

#endif
