/* Where clients are, and the way out of this host. */
#ifndef DOCTOR_WORLD_H
#define DOCTOR_WORLD_H

#include "settings.h"
#include "ways.h"

struct list;

/*
 * Find out by the addresses where dnsfw listens, this host's interfaces and routes,
 * and the clients of the list, if there is one.
 */
void	world_find(struct ways_world *, const struct settings *,
	    const struct list *);

/* The addresses of this host; returns how many there are. */
size_t	world_own(struct addr *out, size_t most);

#endif
