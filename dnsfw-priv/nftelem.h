/*
 * The sets of --firewall nftables (F2): shared by nftset.c, which makes them,
 * nftelem.c, which fills them, and watch.c, which looks after them.
 */
#ifndef PRIV_NFTSET_H
#define PRIV_NFTSET_H

#include <stdint.h>

#include "backend.h"
#include "clock.h"
#include "nlsock.h"

#define NFTSET_NAME_MAX	63	/* bytes, of --table and of --chain */
#define NFTSET_UNIT	(CLOCK_SECOND / 1000)	/* of timeouts */

struct nftset {
	const char	*suffix;	/* of the name, after the chain's */
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		bit;		/* MSG_FAMILY_* */
	uint8_t		local;
	uint32_t	key_type;
	uint32_t	key_len;
	char		name[NFTSET_NAME_MAX + sizeof("_ipv4_allow_local")];
};

extern struct nftset nftset_sets[BACKEND_KINDS];

/* A message about elements of the set of that name in our table. */
struct nlmsghdr *nftset_message(uint16_t type, uint16_t flags,
	    const char *name);

/* Of struct backend. */
int	nftelem_list(uint8_t families, backend_found *found, void *arg);
void	nftelem_add(struct backend_add *adds, size_t n);
void	nftelem_remove(struct backend_add *removals, size_t n);

#endif
