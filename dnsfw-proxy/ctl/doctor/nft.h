/* A firewall as "nft -j list ruleset" tells it. */
#ifndef DOCTOR_NFT_H
#define DOCTOR_NFT_H

#include "guard.h"
#include "model.h"
#include "nftrule.h"
#include "run.h"

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
