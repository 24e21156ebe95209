/* Servers of DNS over HTTPS, as far as lists allow them. */
#ifndef DOCTOR_DOH_H
#define DOCTOR_DOH_H

#include "findings.h"

struct list;

void	doh_look(const struct list *, struct findings *);

#endif
