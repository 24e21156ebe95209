/* The addresses of --bind and --upstream, as this host has them. */
#ifndef OPTIONS_HOSTS_H
#define OPTIONS_HOSTS_H

#include "keepconf.h"

/*
 * Find the interfaces of link-local ones.  One that is not there is waited for, as
 * long as it takes, if a service manager wants to be told when we serve (O2):
 * nothing can be bound, or sent, without its number.  Otherwise it is fatal.
 */
void	hosts_zones(struct keepconf *);

/*
 * An upstream must not be one of our own sockets: exit status 2.  Where --bind
 * is a wildcard those are on all addresses that this host has now.
 */
void	hosts_upstreams(const struct keepconf *);

#endif
