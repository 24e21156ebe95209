/*
 * What an answer's records mean for grants (G3, G4, G6), and which names it
 * leads to (D14).  Pure.
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "links.h"
#include "message.h"

#define DNS_CHAIN_MAX	16	/* CNAMEs (and SVCB aliases) that are followed */
#define DNS_LEADS_MAX	64	/* records that lead to targets */
/* As many A records as fit into the largest message. */
#define DNS_ADDRESSES_MAX 4096

struct dns_address {
	struct addr	addr;
	uint32_t	ttl;	/* seconds, of its own record (RFC 2181 8) */
};

/*
 * Collect the addresses of class IN in the answer section whose owner is the
 * queried name, or is reached from it through the CNAMEs of this answer, in
 * any order, each owner visited once: A and AAAA records, and the ipv4hint and
 * ipv6hint of HTTPS and SVCB records (their alias mode and target names are
 * followed like CNAMEs inside the answer).  r is the parsed msg.
 * An address that appears several times is reported once, with its greatest
 * TTL.  TTLs with the top bit set read as 0.
 * Stores at most max and returns DNS_OK with *n, or DNS_EFULL.  The work is
 * linear in the size of the message (D21).  DNS_ECOUNT: as dns_links_read() says.
 */
DNS_MUSTCHECK enum dns_err dns_answer_addresses(const uint8_t *msg, size_t len,
    const struct dns_response *r, dns_hash_fn *hash, struct dns_address *out,
    size_t max, size_t *n);

/*
 * The addresses so far.  Where they are depends on a key that nobody knows who
 * chooses addresses.
 */
#define DNS_ADDRESS_SLOTS	(2 * DNS_ADDRESSES_MAX)	/* a power of two */

struct dns_collection {
	struct dns_address *out;
	size_t		 max;
	size_t		 n;
	dns_hash_fn	*hash;
	uint16_t	 slot[DNS_ADDRESS_SLOTS];	/* an index, plus 1, or 0 */
};

/*
 * The same, from what dns_links_read() has said of msg: the second half of it, in
 * pieces.  The numbers of the queried name, and of the names that it leads to, and
 * the link that is next for one of them.
 */
struct dns_follow {
	uint16_t	 name[1 + DNS_CHAIN_MAX];
	size_t		 nnames, at;
	size_t		 link;
	struct dns_collection addresses;
};

void	dns_follow_begin(struct dns_follow *, const struct dns_link *links,
	    size_t nlinks, dns_hash_fn *hash, struct dns_address *out, size_t max);

/*
 * Collect the addresses of that many links more.  *more: there are others; if not,
 * there are addresses.n.
 */
DNS_MUSTCHECK enum dns_err dns_follow_some(struct dns_follow *,
    const uint8_t *msg, const struct dns_response *r,
    const struct dns_link *links, size_t nlinks, size_t max, bool *more);

/* A name that an answer leads to. */
struct dns_target {
	struct dns_name	name;		/* as sent */
	uint32_t	ttl;		/* of the record that leads there */
};

/*
 * Collect the names that the queried name leads to in the answer section, in
 * any order, each once with its greatest TTL: through CNAME records, through
 * DNAME records (RFC 6672 2.2: also those that a resolver has to substitute by
 * itself), and the targets of SVCB and HTTPS records (RFC 9460) but for ".".
 * Loops end; the queried name is none of them.  At most DNS_CHAIN_MAX; if there
 * are as many, there may be more.
 * DNS_EFULL: there are more than DNS_LEADS_MAX such records, and what those
 * behind lead to is left out: a whole message of them would be too much work.
 */
DNS_MUSTCHECK enum dns_err dns_answer_targets(const uint8_t *msg, size_t len,
    const struct dns_response *r, struct dns_target out[DNS_CHAIN_MAX],
    size_t *n);

/* Lower every TTL of the answer section that is above cap, in place. */
void	dns_answer_cap_ttl(uint8_t *msg, size_t len,
	    const struct dns_response *r, uint32_t cap);

#endif
