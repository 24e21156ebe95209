/*
 * Numbers instead of the names of a message, so that to compare two of them
 * takes one step however long they are (D21).  Pure.
 *
 * A number is a label and the number of the name behind it.  So no octet of a
 * name is looked at twice, and equal names (without regard to ASCII case) have
 * the same number.
 */
#ifndef DNS_NUMBERS_H
#define DNS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "places.h"
#include "wire.h"

/* No answer to a question has as many; those of more are refused. */
#define DNS_NUMBERS_MAX	16384

/*
 * A hash under a key that strangers do not know.  Only the work depends on it:
 * where two labels have the same one, they are compared.
 */
typedef uint64_t dns_hash_fn(const void *data, size_t len);

struct dns_number {
	uint16_t	label;		/* offset */
	uint16_t	rest;		/* number of the name behind it */
};

/* Who uses it has the tables, of which nothing is read before it was written. */
struct dns_numbers {
	const uint8_t	*msg;
	size_t		 len;
	dns_hash_fn	*hash;
	uint16_t	*at;		/* by offset: a number, plus 1, or 0 */
	size_t		 nat;
	struct dns_number *number;	/* from 1 on; 0 is the root */
	size_t		 max;
	size_t		 n;
	uint16_t	*slot;		/* by hash: a number, or 0 */
	size_t		 nslots;	/* a power of two, above max */
};

/*
 * Begin with a parsed message.  at has dns_places_room(len) entries, number has
 * max and slot nslots of them.
 */
void	dns_numbers_begin(struct dns_numbers *, const uint8_t *msg, size_t len,
	    dns_hash_fn *hash, uint16_t *at, struct dns_number *number,
	    size_t max, uint16_t *slot, size_t nslots);

/*
 * The number of the name at c->pos, and c behind it.  The root is 0.  DNS_ECOUNT:
 * all numbers are in use.
 */
DNS_MUSTCHECK enum dns_err dns_numbers_read(struct dns_numbers *,
    struct rcur *c, uint16_t *number);

#endif
