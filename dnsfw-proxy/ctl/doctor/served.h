/* The dnsfw that runs. */
#ifndef DOCTOR_SERVED_H
#define DOCTOR_SERVED_H

#include "findings.h"
#include "settings.h"

struct list;

/* The list is that of the file, or NULL. */
void	served_look(const struct settings *, const struct list *,
	    struct findings *);

#endif
