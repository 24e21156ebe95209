/* Other servers of DNS on this host. */
#ifndef DOCTOR_LISTENERS_H
#define DOCTOR_LISTENERS_H

#include "settings.h"

/* Note each that clients may reach: the hook "input" is not looked at. */
void	listeners_look(const struct settings *, struct findings *);

#endif
