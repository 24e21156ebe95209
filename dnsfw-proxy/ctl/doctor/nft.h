/* A firewall as "nft -j list ruleset" tells it. */
#ifndef DOCTOR_NFT_H
#define DOCTOR_NFT_H

#include <jansson.h>

#include "guard.h"
#include "model.h"
#include "run.h"

/*
 * The elements of a set or map that is named and not in the listing: an array, of
 * which the caller gets a reference; NULL: not known.
 */
typedef json_t *nft_elements(void *arg, const char *table, const char *set);

/*
 * Read a listing, whose text is changed where it is no UTF-8.  Tables that are
 * iptables' own and told by iptables-save are passed over: skip[] are the names of
 * their tables here, as "ip filter", and ends with NULL.  Returns -1 if it is no
 * listing.
 */
int	nft_parse(struct model *, const struct guard *, char *text, size_t len,
	    const char *const *skip, nft_elements *elements, void *arg);

/* Ask nft for the ruleset of this network namespace. */
enum run_result nft_read(struct model *, const struct guard *,
	    const char *const *skip);

#endif
