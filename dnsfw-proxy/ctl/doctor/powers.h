/* Users and files: who could become what he should not be. */
#ifndef DOCTOR_POWERS_H
#define DOCTOR_POWERS_H

#include "findings.h"
#include "settings.h"

void	powers_look(const struct settings *, struct findings *);

#endif
