/*
 * What dnsfw has told this process, for ever: keepconf.h and, with a firewall,
 * stamps.h, of which only the limits are for here.
 */
#ifndef KEEP_CONF_H
#define KEEP_CONF_H

#include "keepconf.h"
#include "stamps.h"

extern const struct keepconf *conf;
extern const struct limits *conf_limits;	/* NULL: no firewall */

/*
 * Map both, which must be sealed.  Before the confinement.  fatalx() if this is
 * not what dnsfw started.
 */
void	conf_open(void);

#endif
