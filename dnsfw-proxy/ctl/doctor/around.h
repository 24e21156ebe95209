/* What of a firewall lets clients go around dnsfw. */
#ifndef DOCTOR_AROUND_H
#define DOCTOR_AROUND_H

#include "findings.h"
#include "guard.h"
#include "ways.h"

/* Of the families of which packets go through this host; IPv4 first. */
void	around_find(const struct model *, const struct guard *,
	    const struct ways_world *, const bool forwards[2],
	    struct findings *);

#endif
