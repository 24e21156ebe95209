/*
 * The records of an answer section that have addresses, or lead on to names that
 * do, by the numbers of these names (numbers.h).  Pure; the work is linear in the
 * size of the message (D21).
 */
#ifndef DNS_LINKS_H
#define DNS_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "numbers.h"

/* As many records as fit into the largest message; and the question. */
#define DNS_RECORDS_MAX	(DNS_MESSAGE_MAX / 11)
#define DNS_LINKS_ROOM	(1 + DNS_RECORDS_MAX)

#define DNS_LINK_NOWHERE UINT16_MAX

struct dns_link {
	uint16_t	owner;		/* number */
	uint16_t	target;		/* number, or DNS_LINK_NOWHERE */
	uint16_t	at;		/* offset of the record */
};

/* A, AAAA, CNAME, SVCB or HTTPS, of class IN. */
bool	dns_link_is(const struct dns_record *);

/*
 * The records of msg, whose parse is r; out[0] is the question.  Without one there
 * is nothing.  DNS_ECOUNT: the names have more than DNS_NUMBERS_MAX labels that are
 * not the same.
 */
DNS_MUSTCHECK enum dns_err dns_links_read(const uint8_t *msg,
    const struct dns_response *r, dns_hash_fn *hash,
    struct dns_link out[DNS_LINKS_ROOM], size_t *n);

#endif
