/* What the stamps are to be about. */
#ifndef STAMP_WISH_H
#define STAMP_WISH_H

#include <stdbool.h>
#include <stdint.h>

struct stamps_wish {
	bool		ipset;		/* --firewall iptables, else nftables */
	bool		flows;		/* list connections: --hold-live, and */
	bool		kill;		/* end them: --kill-connections */
	uint8_t		table_family;	/* NFPROTO_*; nftables */
	const char	*table;		/* nftables */
	const char	*chain;
	uint32_t	max_grants;
};

#endif
