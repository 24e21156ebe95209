/*
 * The names of one message while it is parsed: each is checked, and no octet is
 * looked at twice, however many pointers lead to it (D21).  Pure.
 *
 * A name of 127 labels, and 4,096 pointers to it: who follows them all walks
 * over half a million labels.  So what was found at a place is kept: how long
 * the name is from there on.  A pointer to a place that is known costs one step.
 * The table has an entry for every place that a pointer can reach: a smaller
 * one, where places are pushed out, would leave it to the sender which ones.
 * Only as much of it is used, and cleared, as the message is long; who parses
 * brings it, with room for that.
 */
#ifndef DNS_PLACES_H
#define DNS_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "wire.h"

/* A pointer has 14 bits, and the run of labels there at most 256 octets. */
#define DNS_POINTER_REACH (0x4000 + 256)

/* Where a label, a pointer or the root of a checked name begins. */
struct dns_place {
	uint8_t	len;	/* octets of the name from here on; 0: not known */
	uint8_t	hops;	/* pointers from here on */
	uint8_t	run;	/* octets up to the next pointer or root, less one */
};

/*
 * own has a bit for each octet of the header and of the fixed fields of the
 * records so far.  Some of these are changed on the way (id, TTL, EDNS size), so
 * no name may lead through them: the name that was checked would not be the one
 * that is sent (D10).  Nor may a pointer stand in the question, whose letters
 * may change their case on the way: an octet of a label would be half of it.
 */
struct dns_places {
	struct dns_place *place;	/* an entry an octet */
	size_t		 n;
	size_t		 question_end;	/* no pointer stands before it */
	unsigned int	 steps;		/* pointers of all names so far */
	uint8_t		 own[DNS_POINTER_REACH / 8];
};

/*
 * Nothing is known of a message of len octets.  place has room for
 * dns_places_room(len) entries, and they need no value.
 */
static inline size_t
dns_places_room(size_t len)
{
	return (len < DNS_POINTER_REACH ? len : DNS_POINTER_REACH);
}
void	dns_places_begin(struct dns_places *, struct dns_place *place,
	    size_t len);

/* The octets from one offset to another are our own. */
void	dns_places_own(struct dns_places *, size_t from, size_t to);

/*
 * Check the name at c->pos and move behind it.  The names of a message are
 * checked in its order.  What dns_name_read() would not take is the same error;
 * DNS_EPOINTER also if the name leads through what is ours, and DNS_ESTEPS if
 * the names so far lead over more than DNS_STEPS_MAX pointers, each as often as
 * it is met.
 */
DNS_MUSTCHECK enum dns_err dns_places_check(struct dns_places *,
    struct rcur *c, bool pointers);

#endif
