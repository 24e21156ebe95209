/*
 * The sets of --firewall nftables (F2) and their elements.  nft.c makes the
 * sets, and watch.c looks after them.
 */
#ifndef KEEP_NFTELEM_H
#define KEEP_NFTELEM_H

#include <stdint.h>

#include "backend.h"

#define NFTSET_NAME_MAX	63	/* bytes, of --table and of --chain */

/* nft's numbers for the types of a key's fields, six bits each. */
#define NFTSET_IPV4	7U
#define NFTSET_IPV6	8U
#define NFTSET_PROTO	12U
#define NFTSET_SERVICE	13U
#define NFTSET_BITS	6

struct nftset {
	const char	*suffix;	/* of the name, after the chain's */
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		local;
	uint32_t	key_type;
	uint32_t	key_len;
	char		name[NFTSET_NAME_MAX + sizeof("_ipv4_allow_local")];
};

extern struct nftset nftelem_sets[BACKEND_KINDS];

/* Before anything else: give the sets their names. */
void	nftelem_open(const char *chain);

/* Of struct backend. */
int	nftelem_entries(size_t kind, struct list *);
enum list_step nftelem_entries_step(size_t kind, struct list *,
	    unsigned int datagrams, backend_found *found, void *arg);
void	nftelem_add(struct backend_batch *);
void	nftelem_remove(struct backend_batch *);
void	nftelem_test(struct backend_batch *);

#endif
