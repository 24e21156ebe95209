/* Look-ups in an image: private to this folder.  Pure, safe with any image. */
#ifndef ACL_FIND_H
#define ACL_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* The subnet with exactly this base, masked, and prefix length; NULL: none. */
const struct image_subnet *find_subnet(const struct acl_image *,
		    const struct addr *base, uint8_t prefix);

/*
 * The next subnet that contains the client, from the longest prefix on; NULL:
 * there is none.  *i counts the prefix lengths, from 0; base, the client's address
 * at first, is masked on the way.
 */
const struct image_subnet *find_next_subnet(const struct acl_image *,
		    struct addr *base, unsigned int *i);

/*
 * The record for the name's suffix of that depth, as a wildcard or exactly; the
 * name is folded, and the suffixes are its own.
 */
const struct image_record *find_record(const struct acl_image *,
		    uint32_t set, bool wildcard, const struct dns_name *,
		    const struct image_suffixes *, unsigned int depth);

/* Is the name, folded, above one that the set's rules allow? */
bool		find_ancestor(const struct acl_image *, uint32_t subnet,
		    const struct dns_name *, const struct image_suffixes *);

/*
 * What a walk does with a record, whose pattern has so many labels; true ends the
 * walk.
 */
typedef bool find_take(void *arg, const struct image_record *,
		    unsigned int depth);

/*
 * The way of a decision (A4): every record that matches all that the client, a
 * subnet or an address with its whole length, and the pattern match: the name, or
 * those below it, with wildcard.  From the most specific one on; the pattern's own
 * is the first, if there is one.  name, in any case, may be NULL: none.
 */
void		find_walk(const struct acl_image *, const struct addr_net *client,
		    const struct dns_name *name, bool wildcard,
		    find_take *take, void *arg);

/*
 * The part of that way which one subnet has, for a folded name; and what of it
 * the wildcards are, from that depth on.  True: take ended it.
 */
bool		find_walk_subnet(const struct acl_image *,
		    const struct image_subnet *, const struct dns_name *,
		    const struct image_suffixes *, bool wildcard,
		    find_take *take, void *arg);
bool		find_walk_wildcards(const struct acl_image *,
		    const struct image_subnet *, const struct dns_name *,
		    const struct image_suffixes *, unsigned int depth,
		    find_take *take, void *arg);

#endif
