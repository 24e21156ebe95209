/* What of a firewall lets clients go around dnsfw. */
#ifndef DOCTOR_AROUND_H
#define DOCTOR_AROUND_H

#include "findings.h"
#include "guard.h"
#include "ways.h"

/* What of one family is to be looked at. */
struct around_family {
	bool		forwards;	/* packets go through this host */
	bool		wanted;		/* the list has clients of it */
};

/* IPv4 first. */
void	around_find(const struct model *, const struct guard *,
	    const struct ways_world *, const struct around_family families[2],
	    struct findings *);

#endif
