/*
 * The stamps (stamps.h): every netlink message that the helper will ever send,
 * made by libmnl and libnftnl, with the holes found.
 */
#ifndef START_MAKE_H
#define START_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "stamps.h"

/* What they are to be about. */
struct stamps_wish {
	bool		ipset;		/* --firewall iptables, else nftables */
	bool		flows;		/* list connections: --hold-live, and */
	bool		kill;		/* end them: --kill-connections */
	uint8_t		table_family;	/* NFPROTO_*; nftables */
	const char	*table;		/* nftables */
	const char	*chain;
	uint32_t	max_grants;
};

/* Fills in ->at, which is zero, and nothing else.  fatal() on error. */
void	stamps_make(const struct stamps_wish *, struct stamps *);

#endif
