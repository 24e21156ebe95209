/* Stamps of --firewall iptables: sets, elements, rules, and what is read. */
#ifndef START_MAKE_IPSET_H
#define START_MAKE_IPSET_H

#include "stamps.h"
#include "wish.h"

void	make_ipset(const struct stamps_wish *, struct stamps *);

#endif
