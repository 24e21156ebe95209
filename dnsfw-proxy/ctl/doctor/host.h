/* What of the kernel dnsfw needs. */
#ifndef DOCTOR_HOST_H
#define DOCTOR_HOST_H

#include "findings.h"
#include "settings.h"
#include "ways.h"

/* Are packets of that family forwarded? */
bool	host_forwards(uint8_t family);

void	host_look(const struct settings *, const struct ways_world *,
	    struct findings *);

#endif
