/*
 * Whole messages (RFC 1035 4.1, RFC 6891), checked to the last record.  Pure;
 * the work is linear in the size of the message (D21): the pointers of all its
 * names take DNS_STEPS_MAX steps at the most, and no octet of a name is looked at
 * twice (places.h).
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "wire.h"

#define DNS_HEADER_SIZE	12
#define DNS_MESSAGE_MAX	65535
#define DNS_SHORT_MAX	512	/* most have no more: room on the stack */
#define DNS_UDP_MIN	512	/* what every client can take (RFC 1035) */
#define DNS_EDNS_SIZE	1232	/* the most over UDP, asked or sent (D13, D25) */

enum {	/* header flags, host order */
	DNS_QR = 0x8000, DNS_OPCODE = 0x7800, DNS_AA = 0x0400,
	DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_RA = 0x0080, DNS_AD = 0x0020,
	DNS_CD = 0x0010, DNS_RCODE = 0x000f
};
#define DNS_OPCODE_OF(flags)	(((flags) & DNS_OPCODE) >> 11)
enum {
	DNS_OPCODE_QUERY = 0, DNS_OPCODE_IQUERY = 1, DNS_OPCODE_STATUS = 2,
	DNS_OPCODE_NOTIFY = 4, DNS_OPCODE_UPDATE = 5
};

enum {
	RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4, RCODE_REFUSED = 5,
	RCODE_BADVERS = 16	/* in part in OPT, RFC 6891 6.1.3 */
};

enum {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12,
	TYPE_MX = 15, TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_SRV = 33,
	TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43, TYPE_DNSKEY = 48,
	TYPE_SVCB = 64, TYPE_HTTPS = 65
};
enum { TYPE_SIG = 24, TYPE_TSIG = 250 };
enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_ANY = 255 };
enum { OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11, OPTION_PADDING = 12 };
enum { SVC_IPV4HINT = 4, SVC_IPV6HINT = 6 };	/* RFC 9460 14.3.2 */

struct dns_edns {
	bool		present;
	bool		dnssec_ok;	/* DO */
	uint8_t		version;
	uint16_t	udp_size;	/* as announced, not raised to 512 */
	size_t		offset;		/* of the OPT record (its owner) */
	size_t		length;		/* of the whole record */
	bool		hop;		/* has an option of one hop */
};

/*
 * True for an option that belongs to one hop (D1): COOKIE (RFC 7873), edns-tcp-
 * keepalive (RFC 7828), Padding (RFC 7830).
 */
bool	dns_option_of_hop(uint16_t code);

/* One record; rdata lies inside the message. */
struct dns_record {
	uint16_t	type;
	uint16_t	class;
	uint32_t	ttl;		/* as sent */
	size_t		ttl_offset;
	size_t		rdata;		/* offset */
	uint16_t	rdlength;
};

/* RFC 2181 8: one with the top bit set is none. */
static inline uint32_t
dns_ttl(const struct dns_record *r)
{
	return (r->ttl > INT32_MAX ? 0 : r->ttl);
}

/*
 * Read the record at c->pos of a message that was parsed, without a look into
 * its rdata, and move behind it.  owner may be NULL: then it is only skipped.
 */
DNS_MUSTCHECK enum dns_err dns_record_read(struct rcur *c,
    struct dns_name *owner, struct dns_record *out);

/*
 * The fields of the rdata of that type in that class, one character each: a
 * digit is that many octets, s a character string, n a name that may be
 * compressed, u one that may not, p SVCB parameters up to the end, * anything
 * up to the end.  A type that is not known is "*" (RFC 3597).  The rdata of a
 * parsed message has all of them, but may be empty in an UPDATE (RFC 2136
 * 2.4, 2.5).
 */
const char *dns_rdata_fields(uint16_t type, uint16_t class);

/*
 * A query.  has_question is false for a well-formed message with QDCOUNT 0.
 * strict: what D10 demands under -> beyond being well-formed, so: opcode
 * QUERY, exactly one question, nothing in the answer and authority sections,
 * nothing but at most one OPT in the additional section, and nothing behind.
 */
struct dns_query {
	uint16_t	id;
	uint16_t	flags;
	bool		has_question;
	bool		whole;		/* was read to its last record */
	bool		crowded;	/* it was not, and has many */
	bool		strict;
	bool		is_signed;	/* the last record: TSIG or SIG(0) */
	struct dns_name	qname;		/* as sent */
	uint16_t	qtype;
	uint16_t	qclass;
	size_t		question_end;	/* offset behind the question */
	size_t		length;		/* octets; what is behind is not of it */
	struct dns_edns	edns;
};

/*
 * Parse a client's message.  More than one question is DNS_EQDCOUNT (RFC
 * 9619).  The question's name may not be compressed.  If the result is neither
 * DNS_EHEADER (shorter than a header) nor DNS_EQR, then id and flags are valid
 * also on error; the question fields too if question_end is not 0.
 */
DNS_MUSTCHECK enum dns_err dns_query_parse(const uint8_t *msg, size_t len,
    struct dns_query *out);

/*
 * Parse header and question, and OPT beside its options if it comes first behind
 * these: what a refusal needs.  Nothing else is looked at, so it is not whole, all of it
 * counts as the message, and strict is what the counts say.  crowded: by the counts it has
 * more records than any message of the opcode QUERY has, which are OPT, and a
 * signature, or the SOA of IXFR.  Same conventions.
 */
DNS_MUSTCHECK enum dns_err dns_query_parse_head(const uint8_t *msg, size_t len,
    struct dns_query *out);

/* An upstream's answer; same conventions. */
struct dns_response {
	uint16_t	id;
	uint16_t	flags;
	uint16_t	rcode;		/* with the extended bits of OPT */
	bool		has_question;
	bool		is_signed;
	struct dns_name	qname;		/* as echoed */
	uint16_t	qtype;
	uint16_t	qclass;
	uint16_t	ancount;
	bool		has_alias;	/* some CNAME, DNAME, SVCB or HTTPS */
	size_t		question_end;	/* the answer section begins here */
	size_t		answer_end;
	size_t		length;
	struct dns_edns	edns;
};

/*
 * Parse an answer to its last record: every owner, every rdlength, and the rdata
 * of each type whose format we rely on or that may hold compressed names (RFC
 * 3597 4): A, AAAA, NS, CNAME, SOA, PTR, MX, and the like; SVCB and HTTPS
 * (RFC 9460) to their last parameter.
 */
DNS_MUSTCHECK enum dns_err dns_response_parse(const uint8_t *msg, size_t len,
    struct dns_response *out);

/*
 * Only the part that tells whether an answer belongs to a query (D5): header,
 * QR, opcode, and the question.  Cheap; comes before dns_response_parse.
 * exact_case: the name must be the same to the letter (--randomize-case).
 * Compares with the id, qname, qtype, qclass and opcode of q, has_question
 * included; but an error may come without a question (D15), since servers
 * that refuse a client, or do not understand it, leave that out.
 * DNS_OK: it belongs; any other: it does not.
 */
DNS_MUSTCHECK enum dns_err dns_response_matches(const uint8_t *msg, size_t len,
    const struct dns_query *q, uint16_t id, bool exact_case);

#endif
