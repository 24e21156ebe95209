/*
 * The sets of --firewall nftables (F2) and their elements.  nftset.c makes the
 * sets, and watch.c looks after them.
 */
#ifndef PRIV_NFTELEM_H
#define PRIV_NFTELEM_H

#include <stdint.h>

#include "backend.h"
#include "clock.h"
#include "nlsock.h"

#define NFTSET_NAME_MAX	63	/* bytes, of --table and of --chain */
#define NFTSET_UNIT	(CLOCK_SECOND / 1000)	/* of timeouts */

/* nft's numbers for the types of a key's fields, six bits each. */
#define NFTSET_IPV4	7U
#define NFTSET_IPV6	8U
#define NFTSET_PROTO	12U
#define NFTSET_SERVICE	13U
#define NFTSET_BITS	6

struct nftset {
	const char	*suffix;	/* of the name, after the chain's */
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		bit;		/* MSG_FAMILY_* */
	uint8_t		local;
	uint32_t	key_type;
	uint32_t	key_len;
	char		name[NFTSET_NAME_MAX + sizeof("_ipv4_allow_local")];
};

extern struct nftset nftelem_sets[BACKEND_KINDS];

/* Before anything else: give the sets their names.  c must stay. */
void	nftelem_open(const struct backend_config *c);

/* Of struct backend. */
int	nftelem_list(uint8_t families, backend_found *found, void *arg);
void	nftelem_add(struct backend_add *adds, size_t n);
void	nftelem_remove(struct backend_add *removals, size_t n);

#endif
