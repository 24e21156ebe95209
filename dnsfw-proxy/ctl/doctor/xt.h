/* A firewall as iptables-save tells it. */
#ifndef DOCTOR_XT_H
#define DOCTOR_XT_H

#include "guard.h"
#include "model.h"

/*
 * Read what iptables-save or another of its kind wrote; program is "iptables" or
 * "ip6tables" (whose sets may be dnsfw's), or another word for the tables.  A rule
 * that is not understood is in the model as such.  The table of the name without
 * is passed over, unless that is NULL.
 */
void	xt_parse(struct model *, const struct guard *, const char *program,
	    uint8_t family, const char *without, const char *text);

#endif
