/* The rules of a listing of nft. */
#ifndef DOCTOR_NFTRULE_H
#define DOCTOR_NFTRULE_H

#include "nftlist.h"

/* Is it one that iptables does not make, nor tells rightly? */
bool	nftrule_is_native(const json_t *rule);

/* Add the rule to the model, as one or more. */
void	nftrule_read(struct nftlist *, const json_t *rule,
	    const char *table);

#endif
