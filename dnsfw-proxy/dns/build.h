/*
 * Messages that are made or changed here (D2, D3, D13).  Pure.
 */
#ifndef DNS_BUILD_H
#define DNS_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "message.h"

#define DNS_LOCAL_TTL	60	/* seconds, of what is answered here (D3, D18) */

/* Extended DNS Errors (RFC 8914, IANA registry). */
enum dns_ede {
	EDE_NONE = -1,
	EDE_OTHER = 0, EDE_FORGED = 4, EDE_BLOCKED = 15, EDE_FILTERED = 17,
	EDE_PROHIBITED = 18, EDE_NOT_SUPPORTED = 21, EDE_NO_REACHABLE = 22,
	EDE_NETWORK_ERROR = 23
};

/*
 * Write an answer of our own to the query q (parsed from msg): QR, RA, the
 * query's id, opcode, RD and CD, its question (from msg, to the letter), and,
 * if it had an OPT, an OPT with udp_size DNS_EDNS_SIZE, its DO bit, and the
 * EDE with its text (ASCII, may be NULL).  local, if not NULL, is answered as
 * one A or AAAA record with DNS_LOCAL_TTL if the question's class is IN and
 * its type is of that family; for another type there is no record.
 *
 * NXDOMAIN, and NOERROR without a record, carry an SOA with DNS_LOCAL_TTL, in
 * its MINIMUM, too: without it resolvers behind us may not cache them (RFC 2308
 * 5), and ask again each time (D18).  Its owner is the queried name itself where
 * we can: so a cache learns nothing about another name, such as an ancestor
 * that is allowed and has a true SOA.  But a name with an SOA exists, and for
 * one that does not its parent has to do (dnsmasq takes NXDOMAIN for NODATA
 * else, and asks once more).  Both are the name's or above it, as caches demand.
 *
 * limit: the most that the client can take.  What does not fit loses the EDE's
 * text, then the SOA, then the EDE, and becomes header, question and TC.
 * Returns the length, or 0 if even a header does not fit into size.
 */
size_t	dns_build_reply(const uint8_t *msg, const struct dns_query *q,
	    uint16_t rcode, enum dns_ede ede, const char *text,
	    const struct addr *local, size_t limit, uint8_t *out, size_t size);

/*
 * A reply to a message whose header alone could be read: the header, with
 * rcode and no question (D8).  Returns DNS_HEADER_SIZE.
 */
size_t	dns_build_header_reply(uint16_t id, uint16_t flags, uint16_t rcode,
	    uint8_t out[DNS_HEADER_SIZE]);

/* Set the id. */
void	dns_set_id(uint8_t *msg, uint16_t id);

/* Announce at most DNS_EDNS_SIZE upstream: lower the class field of OPT. */
void	dns_limit_edns(uint8_t *msg, const struct dns_edns *edns);

/*
 * What a client gets over UDP at the most: 512 without EDNS, else the size that
 * it announced, but at least 512 and at most DNS_EDNS_SIZE: few octets that
 * somebody sends in its name shall not become many (D25).
 */
size_t	dns_udp_limit(const struct dns_query *q);

/*
 * Cut an upstream's answer r, in place, to its header and question with TC
 * set; keeps the OPT record if there is one and it fits into limit.  Returns
 * the new length.
 */
size_t	dns_truncate(uint8_t *msg, size_t len, const struct dns_response *r,
	    size_t limit);

/*
 * Append an Extended DNS Error to the OPT record of an answer of len octets, if
 * it has one at its end and the result is not above limit.  Lengthens
 * edns->length.  Returns the new length.
 */
size_t	dns_append_ede(uint8_t *msg, size_t len, size_t limit,
	    struct dns_edns *edns, enum dns_ede ede, const char *text);

/* Put the spelling of q's question into the echoed question of an answer. */
void	dns_restore_question(uint8_t *msg, const struct dns_query *q);

#endif
