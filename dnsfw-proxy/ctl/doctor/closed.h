/* What of a firewall closes what dnsfw opens. */
#ifndef DOCTOR_CLOSED_H
#define DOCTOR_CLOSED_H

#include "findings.h"
#include "guard.h"
#include "ways.h"

/* A rule leads to dnsfw's chain. */
void	closed_find(const struct model *, const struct guard *,
	    const struct ways_world *, uint8_t family, uint64_t *steps,
	    struct findings *);

#endif
