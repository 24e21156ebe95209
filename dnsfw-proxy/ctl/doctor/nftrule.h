/* The rules of a listing of nft. */
#ifndef DOCTOR_NFTRULE_H
#define DOCTOR_NFTRULE_H

#include <jansson.h>

#include "guard.h"
#include "model.h"

#define NFTRULE_TABLE_MAX	256	/* octets of "inet filter", with NUL */

/*
 * The elements of a set or map that is named and not in the listing: an array, of
 * which the caller gets a reference; NULL: not known.
 */
typedef json_t *nft_elements(void *arg, const char *table, const char *set);

/* The listing that is read. */
struct nftrule_listing {
	struct model	*m;
	const struct guard *guard;
	const json_t	*all;
	json_t		*sets, *changing;	/* by table and name */
	nft_elements	*elements;
	void		*arg;
	uint32_t	expanded;	/* elements that were taken apart */
};

/* A text of the object, or "". */
const char *nftrule_member(const json_t *object, const char *key);

/* The table of a chain, rule or set, and whom it is for: 0: not for us. */
void	nftrule_table(const json_t *object, char out[NFTRULE_TABLE_MAX]);
uint8_t	nftrule_families(const json_t *object);

/* Is it one that iptables does not make, nor tells rightly? */
bool	nftrule_is_native(const json_t *rule);

/* Add the rule to the model, as one or more. */
void	nftrule_read(struct nftrule_listing *, const json_t *rule,
	    const char *table);

#endif
