/* A listing of nft, as far as it is read, and what all parts of it have. */
#ifndef DOCTOR_NFTLIST_H
#define DOCTOR_NFTLIST_H

#include <jansson.h>

#include "guard.h"
#include "model.h"

#define NFTLIST_TABLE_MAX	256	/* octets of "inet filter", with NUL */

/*
 * The elements of a set or map that is named and not in the listing: an array, of
 * which the caller gets a reference; NULL: not known.
 */
typedef json_t *nft_elements(void *arg, const char *table, const char *set);

/* The listing that is read. */
struct nftlist {
	struct model	*m;
	const struct guard *guard;
	const json_t	*all;
	json_t		*sets, *changing;	/* by table and name */
	nft_elements	*elements;
	void		*arg;
	uint32_t	expanded;	/* elements that were taken apart */
};

/* A text of the object, or "". */
const char *nftlist_member(const json_t *object, const char *key);

/* The table of a chain, rule or set, and whom it is for: 0: not for us. */
void	nftlist_table(const json_t *object, char out[NFTLIST_TABLE_MAX]);
uint8_t	nftlist_families(const json_t *object);

#endif
