/* The sets and maps of a listing of nft. */
#ifndef DOCTOR_NFTSET_H
#define DOCTOR_NFTSET_H

#include "nftlist.h"

/* Find them in the listing, and forget them. */
void	nftset_find(struct nftlist *);
void	nftset_forget(struct nftlist *);

/*
 * The elements of a set or map, of which the caller gets a reference.  NULL: not
 * known, or it is a set whose elements come and go, by packets or with time.
 */
json_t	*nftset_elements(const struct nftlist *, const char *table,
	    const char *name);

#endif
