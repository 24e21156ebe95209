/* Other servers of DNS on this host. */
#ifndef DOCTOR_LISTENERS_H
#define DOCTOR_LISTENERS_H

#include "model.h"
#include "settings.h"
#include "ways.h"

/*
 * Tell of each that clients reach, or may reach.  The model may be NULL: what the
 * firewall has is not known.
 */
void	listeners_look(const struct settings *, const struct model *,
	    const struct ways_world *, struct findings *);

#endif
