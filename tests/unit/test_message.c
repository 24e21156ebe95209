/* Whole messages: what is taken, and the exact reason for what is not. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "dns/message.h"

/* A header: id 0x1234, flags, and the four counts. */
#define H(flags, qd, an, ns, ar)					\
	"\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY	"\x01\x00"		/* RD */
#define ANSWER	"\x81\x80"		/* QR RD RA */
#define UPDATE	"\x28\x00"		/* opcode 5 */

/* The question: a.example IN A, at offset 12, 15 octets. */
#define QNAME	"\001a\007example\0"
#define Q	QNAME "\0\001\0\001"
#define AT_Q	"\300\014"
#define IN	"\0\001"
#define TTL	"\0\0\0\074"

/* OPT (RFC 6891 6.1.2): 1232 octets, DO. */
#define OPT	"\0\0\051\004\320\0\0\200\0\0\0"

#define PARSE_QUERY(octets, q)						\
	dns_query_parse((const uint8_t *)(octets), sizeof(octets) - 1, q)
#define PARSE(octets, r)						\
	dns_response_parse((const uint8_t *)(octets), sizeof(octets) - 1, r)

static struct dns_query q;
static struct dns_response r;

Test(message, D1_query)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert_eq(q.id, 0x1234);
	cr_assert_eq(q.flags, DNS_RD);
	cr_assert(q.has_question);
	cr_assert(q.strict);
	cr_assert_eq(q.qname.len, 11);
	cr_assert_eq(q.qname.labels, 2);
	cr_assert_eq(q.qtype, TYPE_A);
	cr_assert_eq(q.qclass, CLASS_IN);
	cr_assert_eq(q.question_end, 27);
	cr_assert_not(q.edns.present);
}

Test(message, D13_query_with_edns)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\1") Q
	    "\0\0\051\004\320\0\003\200\0\0\006\0\012\0\002ab", &q), DNS_OK);
	cr_assert(q.strict);
	cr_assert(q.edns.present);
	cr_assert(q.edns.dnssec_ok);
	cr_assert_eq(q.edns.version, 3);
	cr_assert_eq(q.edns.udp_size, 1232);
	cr_assert_eq(q.edns.offset, 27);
	cr_assert_eq(q.edns.length, 17);
}

Test(message, D8_no_header)
{
	static const uint8_t none[12] = { 0 };
	size_t len;

	for (len = 0; len < 12; len++) {
		cr_assert_eq(dns_query_parse(none, len, &q), DNS_EHEADER);
		cr_assert_eq(dns_response_parse(none, len, &r), DNS_EHEADER);
		cr_assert_eq(dns_response_matches(none, len, &q, 0, false),
		    DNS_EHEADER);
	}
}

Test(message, D10_query_or_answer)
{
	cr_assert_eq(PARSE_QUERY(H(ANSWER, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_EQR);
	cr_assert_eq(PARSE(H(QUERY, "\1", "\0", "\0", "\0") Q, &r), DNS_EQR);
}

/* RFC 9619: QDCOUNT is 0 or 1. */
Test(message, D10_one_question)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\2", "\0", "\0", "\0") Q Q, &q),
	    DNS_EQDCOUNT);
	cr_assert_eq(q.id, 0x1234);
	cr_assert_eq(q.flags, DNS_RD);
	cr_assert_eq(q.question_end, 0);
	cr_assert_eq(PARSE(H(ANSWER, "\2", "\0", "\0", "\0") Q Q, &r),
	    DNS_EQDCOUNT);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\0", "\0", "\0", "\0"), &q),
	    DNS_OK);
	cr_assert_not(q.has_question);
	cr_assert_not(q.strict);
	cr_assert_eq(q.question_end, DNS_HEADER_SIZE);
	cr_assert_eq(PARSE(H(ANSWER, "\0", "\0", "\0", "\0"), &r), DNS_OK);
	cr_assert_not(r.has_question);
	cr_assert_eq(r.answer_end, DNS_HEADER_SIZE);
}

/* Cut anywhere, a message is too short; the question is valid once read. */
Test(message, D10_every_cut)
{
	static const uint8_t whole[] = H(QUERY, "\1", "\0", "\0", "\1") Q OPT;
	enum dns_err err;
	size_t len;

	for (len = 12; len < sizeof(whole) - 1; len++) {
		err = dns_query_parse(whole, len, &q);
		cr_assert_eq(err, len < 27 ? DNS_ESHORT : DNS_ECOUNT);
		cr_assert_eq(q.id, 0x1234);
		cr_assert_eq(q.question_end, len < 27 ? 0 : 27);
	}
	cr_assert_eq(dns_query_parse(whole, len, &q), DNS_OK);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q AT_Q IN IN TTL
	    "\0\004\012\0\0", &r), DNS_ESHORT);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q
	    "\001b\0" IN IN TTL "\0", &r), DNS_ESHORT);
	cr_assert_eq(r.question_end, 27);
}

/* They are not of the message; under -> they are an error. */
Test(message, D10_trailing_bytes)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert_eq(q.length, 27);
	cr_assert(q.strict);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q "\0", &q),
	    DNS_OK);
	cr_assert_eq(q.length, 27);
	cr_assert_not(q.strict);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q OPT, &q),
	    DNS_OK);
	cr_assert_eq(q.length, 27);
	cr_assert_not(q.edns.present);
	cr_assert_not(q.strict);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\0") Q Q, &r),
	    DNS_OK);
	cr_assert_eq(r.length, 27);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\1") Q OPT "\377",
	    &r), DNS_OK);
	cr_assert_eq(r.length, 38);
}

/* TSIG (RFC 8945 4.2) and SIG(0) (RFC 2931 3), if they are the last record. */
#define TSIG	"\001k\0" "\0\372\0\377\0\0\0\0" "\0\004\001h\0x"
#define SIG	"\0" "\0\030\0\377\0\0\0\0" "\0\023"
#define COVERED	"3456789012345678\0" /* and the signer's name */

Test(message, D1_signed)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\1") Q OPT, &q),
	    DNS_OK);
	cr_assert_not(q.is_signed);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\2") Q OPT TSIG,
	    &q), DNS_OK);
	cr_assert(q.is_signed);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\2") Q TSIG OPT,
	    &q), DNS_OK);
	cr_assert_not(q.is_signed);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\1") Q TSIG, &r),
	    DNS_OK);
	cr_assert(r.is_signed);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q TSIG, &r),
	    DNS_OK);
	cr_assert_not(r.is_signed);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\1") Q SIG "\0\0"
	    COVERED, &r), DNS_OK);
	cr_assert(r.is_signed);
	/* One of records, as of old (RFC 2535). */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\1") Q SIG "\0\001"
	    COVERED, &r), DNS_OK);
	cr_assert_not(r.is_signed);
}

Test(message, D10_counts_that_no_message_can_hold)
{
	cr_assert_eq(PARSE_QUERY("\x12\x34" QUERY "\0\1\xff\xff\xff\xff\xff\xff"
	    Q, &q), DNS_ECOUNT);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\1", "\1") Q OPT OPT, &r),
	    DNS_ECOUNT);
}

Test(message, D10_names_in_the_question)
{
	/* Even a pointer that would lead to a root octet of the header. */
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") "\300\004"
	    "\0\001" IN, &q), DNS_EPOINTER);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\0", "\0", "\0") "\300\004"
	    "\0\001" IN, &r), DNS_EPOINTER);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") "\101a\0"
	    "\0\001" IN, &q), DNS_ELABEL);
	cr_assert_eq(q.question_end, 0);
}

Test(message, D4_strict)
{
	static const char *const record = Q TTL "\0\004\012\0\0\001";
	uint8_t buf[] = H(QUERY, "\1", "\0", "\0", "\0") Q
	    QNAME "\0\001" IN TTL "\0\004\012\0\0\001";
	size_t section;

	cr_assert_eq(memcmp(buf + 27, record, 25), 0);
	/* A record in any of the sections is well-formed, but not strict. */
	for (section = 0; section < 3; section++) {
		memset(buf + 6, 0, 6);
		buf[7 + 2 * section] = 1;
		cr_assert_eq(dns_query_parse(buf, sizeof(buf) - 1, &q),
		    DNS_OK);
		cr_assert_not(q.strict);
	}
	/* Any opcode but QUERY (NOTIFY, RFC 1996). */
	cr_assert_eq(PARSE_QUERY(H("\x20\x00", "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert_not(q.strict);
	cr_assert_eq(DNS_OPCODE_OF(q.flags), 4);
	/* OPT and one more. */
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\2") Q OPT
	    AT_Q "\377\0\0\377" "\0\0\0\0" "\0\0", &q), DNS_OK);
	cr_assert(q.edns.present);
	cr_assert_not(q.strict);
}

/* RFC 6891 6.1.1 */
Test(message, D10_one_OPT_in_its_place)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\2") Q OPT OPT,
	    &q), DNS_EOPT);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\1", "\0", "\0") Q OPT, &q),
	    DNS_EOPT);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\1", "\0") Q OPT, &q),
	    DNS_EOPT);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q OPT, &r),
	    DNS_EOPT);
	/* Another owner, and the root by way of a pointer. */
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\1") Q
	    "\001a" OPT, &q), DNS_EOPT);
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\1") Q
	    "\300\026" "\0\051\004\320\0\0\0\0\0\0", &q), DNS_EOPT);
}

/* RFC 6891 6.1.2: {code, length, data}, to the end of the rdata. */
Test(message, D10_options_of_OPT)
{
	static const struct {
		uint8_t		rdata[12];
		uint8_t		len;
		enum dns_err	want;
	} cases[] = {
		{ "\0\012\0\0", 4, DNS_OK },
		{ "\0\012\0\1x", 5, DNS_OK },
		{ "\0\012\0\1x\0\017\0\0", 9, DNS_OK },
		{ "\0", 1, DNS_ERDATA },
		{ "\0\012\0", 3, DNS_ERDATA },
		{ "\0\012\0\1", 4, DNS_ERDATA },
		{ "\0\012\0\0\0", 5, DNS_ERDATA },
		{ "\0\012\377\377", 4, DNS_ERDATA },
	};
	uint8_t buf[60] = H(QUERY, "\1", "\0", "\0", "\1") Q OPT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf[37] = cases[i].len;
		memcpy(buf + 38, cases[i].rdata, cases[i].len);
		cr_assert_eq(dns_query_parse(buf, 38U + cases[i].len, &q),
		    cases[i].want, "case %zu", i);
	}
}

/* One record behind the question, with that type, class and rdata. */
static enum dns_err
parse_record(const char *flags, uint16_t type, uint16_t class,
    const void *rdata, size_t len)
{
	uint8_t buf[600] = H(ANSWER, "\1", "\1", "\0", "\0") Q;
	struct wcur w = { .buf = buf, .len = sizeof(buf), .pos = 2 };

	wcur_bytes(&w, flags, 2);
	w.pos = 27;
	wcur_u16(&w, 0xc00c);
	wcur_u16(&w, type);
	wcur_u16(&w, class);
	wcur_u32(&w, 60);
	wcur_u16(&w, (uint16_t)len);
	wcur_bytes(&w, rdata, len);
	cr_assert_not(w.overflow);
	if (flags[0] & 0x80)
		return (dns_response_parse(buf, w.pos, &r));
	return (dns_query_parse(buf, w.pos, &q));
}

/* Good rdata; each shorter and each longer one must be refused. */
static void
expect_format(uint16_t type, const char *rdata, size_t len)
{
	uint8_t longer[64] = { 0 };
	size_t n;

	cr_assert_eq(parse_record(ANSWER, type, CLASS_IN, rdata, len),
	    DNS_OK, "type %u", type);
	for (n = 0; n < len; n++)
		cr_assert_eq(parse_record(ANSWER, type, CLASS_IN, rdata, n),
		    DNS_ERDATA, "type %u cut at %zu", type, n);
	memcpy(longer, rdata, len);
	cr_assert_eq(parse_record(ANSWER, type, CLASS_IN, longer, len + 1),
	    DNS_ERDATA, "type %u", type);
}

Test(message, D10_rdata_of_each_type)
{
	static const uint16_t name[] = { TYPE_NS, 3, 4, TYPE_CNAME, 7, 8, 9,
	    TYPE_PTR, TYPE_DNAME };
	static const uint16_t preference[] = { TYPE_MX, 18, 21, 36 };
	size_t i;

	expect_format(TYPE_A, "\012\0\0\001", 4);
	expect_format(TYPE_AAAA, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001",
	    16);
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		expect_format(name[i], AT_Q, 2);
		expect_format(name[i], "\001b" AT_Q, 4);
		expect_format(name[i], "\001b\0", 3);
	}
	for (i = 0; i < sizeof(preference) / sizeof(preference[0]); i++)
		expect_format(preference[i], "\0\012\001b" AT_Q, 6);
	expect_format(14, AT_Q "\001b" AT_Q, 6);		/* MINFO */
	expect_format(17, "\001b\0" AT_Q, 5);			/* RP */
	expect_format(26, "\0\012" AT_Q AT_Q, 6);		/* PX */
	expect_format(TYPE_SOA, AT_Q "\001b" AT_Q
	    "\0\0\0\001\0\0\0\002\0\0\0\003\0\0\0\004\0\0\0\005", 26);
	expect_format(TYPE_SRV, "\0\001\0\002\0\003" AT_Q, 8);
	expect_format(35, "\0\001\0\002\001u\003E2U\0\0", 12);	/* NAPTR */
	expect_format(TYPE_HTTPS, "\0\001\0", 3);
	expect_format(TYPE_SVCB, "\0\001\001b\0", 5);
}

/* RFC 3597 5: a type that is not known is opaque, and may be empty. */
Test(message, D1_unknown_types_pass)
{
	static const uint16_t types[] = { 10, TYPE_TXT, 99, 65280 };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cr_assert_eq(parse_record(ANSWER, types[i], CLASS_IN, "", 0),
		    DNS_OK);
		cr_assert_eq(parse_record(ANSWER, types[i], CLASS_IN,
		    "\300\377\100", 3), DNS_OK);
	}
	/* The address of another class is another format. */
	cr_assert_eq(parse_record(ANSWER, TYPE_A, CLASS_CH, AT_Q "\0\001", 4),
	    DNS_OK);
	cr_assert_eq(parse_record(ANSWER, TYPE_A, CLASS_CH, "", 0), DNS_OK);
	/* A name server's name is the same in all. */
	cr_assert_eq(parse_record(ANSWER, TYPE_NS, CLASS_CH, "", 0),
	    DNS_ERDATA);
}

/* RFC 2136 2.4, 2.5: classes ANY and NONE without rdata, there alone. */
Test(message, D4_updates_without_rdata)
{
	cr_assert_eq(parse_record(UPDATE, TYPE_A, CLASS_ANY, "", 0), DNS_OK);
	cr_assert_eq(parse_record(UPDATE, TYPE_NS, CLASS_ANY, "", 0), DNS_OK);
	cr_assert_eq(parse_record(UPDATE, TYPE_NS, 254, "", 0), DNS_OK);
	cr_assert_eq(parse_record(UPDATE, TYPE_NS, CLASS_IN, "", 0),
	    DNS_ERDATA);
	cr_assert_eq(parse_record(UPDATE, TYPE_NS, 254, "\001", 1),
	    DNS_ERDATA);
	cr_assert_eq(parse_record(QUERY, TYPE_NS, CLASS_ANY, "", 0),
	    DNS_ERDATA);
}

/* RFC 9460 2.2 */
Test(message, G6_parameters_of_SVCB)
{
	static const struct {
		uint8_t		rdata[40];
		size_t		len;
		enum dns_err	want;
	} cases[] = {
		{ "\0\001\0\0\004\0\004\012\0\0\001", 11, DNS_OK },
		{ "\0\001\0\0\001\0\003\002h2\0\003\0\002\001\273", 16,
		    DNS_OK },
		{ "\0\001\0\0\006\0\020", 23, DNS_OK },
		{ "\0\0\001b\0\0\004\0\004\012\0\0\001", 13, DNS_OK },
		{ "\0\001\0\0\0\0\0\377\377\0\0", 11, DNS_OK },
		/* Keys twice, and in the wrong order. */
		{ "\0\001\0\0\003\0\0\0\003\0\0", 11, DNS_ERDATA },
		{ "\0\001\0\0\003\0\0\0\001\0\0", 11, DNS_ERDATA },
		{ "\0\001\0\377\377\0\0\0\0\0\0", 11, DNS_ERDATA },
		/* Hints of part of an address, or none. */
		{ "\0\001\0\0\004\0\0", 7, DNS_ERDATA },
		{ "\0\001\0\0\004\0\003\012\0\0", 10, DNS_ERDATA },
		{ "\0\001\0\0\006\0\0", 7, DNS_ERDATA },
		{ "\0\001\0\0\006\0\014", 19, DNS_ERDATA },
		/* A parameter that ends behind the rdata, or not at its end. */
		{ "\0\001\0\0\004\0\005\012\0\0\001", 11, DNS_ERDATA },
		{ "\0\001\0\0\004\0\004\012\0\0\001\0", 12, DNS_ERDATA },
		{ "\0\001\0\0\007\377\377", 7, DNS_ERDATA },
		/* The target may not be compressed. */
		{ "\0\001" AT_Q, 4, DNS_EPOINTER },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(parse_record(ANSWER, TYPE_HTTPS, CLASS_IN,
		    cases[i].rdata, cases[i].len), cases[i].want,
		    "case %zu", i);
}

/* RFC 1035 4.1.4, RFC 9267 2 */
Test(message, D10_names_in_rdata)
{
	uint8_t big[300];
	size_t i;

	cr_assert_eq(parse_record(ANSWER, TYPE_CNAME, CLASS_IN, "\300\047",
	    2), DNS_EPOINTER);
	cr_assert_eq(parse_record(ANSWER, TYPE_CNAME, CLASS_IN, "\101b\0", 3),
	    DNS_ELABEL);
	/* It would go on in the octets behind the rdata. */
	cr_assert_eq(parse_record(ANSWER, TYPE_CNAME, CLASS_IN, "\004abc", 4),
	    DNS_ERDATA);
	for (i = 0; i < sizeof(big); i++)
		big[i] = i % 2 == 0 ? 1 : 'a';
	cr_assert_eq(parse_record(ANSWER, TYPE_CNAME, CLASS_IN, big,
	    sizeof(big)), DNS_ENAME);
}

/*
 * The id, the TTLs and the EDNS size change on the way.  A name that leads
 * through them would be another one for the client than it was here.
 */
Test(message, D10_no_name_leads_through_what_we_change)
{
	/* Pointers into the header: the id, the counts. */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q
	    "\300\004" IN IN TTL "\0\004\012\0\0\001", &r), DNS_EPOINTER);
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q
	    "\300\010" IN IN TTL "\0\004\012\0\0\001", &r), DNS_EPOINTER);
	/* The TTL of the record before (offset 33) reads as "b". */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\2", "\0", "\0") Q
	    AT_Q IN IN "\001b\0\0" "\0\004\012\0\0\001"
	    "\300\041" IN IN TTL "\0\004\012\0\0\001", &r), DNS_EPOINTER);
	/* The own TTL, from the rdata. */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\1", "\0", "\0") Q
	    AT_Q "\0\005" IN "\001b\0\0" "\0\002\300\041", &r), DNS_EPOINTER);
	/* A label that begins in the rdata and ends in the next TTL. */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\3", "\0", "\0") Q
	    AT_Q "\0\020" IN TTL "\0\002\001\013"
	    AT_Q IN IN "\0\0\0\0" "\0\004\012\0\0\001"
	    "\300\050" IN IN TTL "\0\004\012\0\0\001", &r), DNS_EPOINTER);
	/* The rdata of a record that is not known is as it was. */
	cr_assert_eq(PARSE(H(ANSWER, "\1", "\2", "\0", "\0") Q
	    AT_Q "\377\001" IN TTL "\0\003\001b\0"
	    "\300\047" IN IN TTL "\0\004\012\0\0\001", &r), DNS_OK);
}

Test(message, D6_response)
{
	cr_assert_eq(PARSE(H("\x87\x83", "\1", "\2", "\1", "\1") Q
	    AT_Q "\0\005" IN TTL "\0\004\001b" AT_Q
	    "\300\047" IN IN TTL "\0\004\012\0\0\001"
	    AT_Q "\0\002" IN TTL "\0\002" AT_Q
	    "\0\0\051\004\320\002\0\0\0\0\0", &r), DNS_OK);
	cr_assert_eq(r.id, 0x1234);
	cr_assert_eq(r.flags, 0x8783);
	/* NXDOMAIN and the upper bits of OPT, RFC 6891 6.1.3. */
	cr_assert_eq(r.rcode, 0x23);
	cr_assert(r.has_question);
	cr_assert_eq(r.qname.len, 11);
	cr_assert_eq(r.qtype, TYPE_A);
	cr_assert_eq(r.qclass, CLASS_IN);
	cr_assert_eq(r.ancount, 2);
	cr_assert_eq(r.question_end, 27);
	cr_assert_eq(r.answer_end, 27 + 16 + 16);
	cr_assert_eq(r.edns.offset, 59 + 14);
	cr_assert_eq(r.edns.length, 11);
	cr_assert_not(r.edns.dnssec_ok);
}

static enum dns_err
matches(const char *msg, size_t len, uint16_t id, bool exact_case)
{
	return (dns_response_matches((const uint8_t *)msg, len, &q, id,
	    exact_case));
}

#define MATCHES(octets, id, exact)	\
	matches(octets, sizeof(octets) - 1, id, exact)

Test(message, D5_answers_to_another_question)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") Q, 0x1234,
	    true), DNS_OK);
	/* The rest of the message is not looked at. */
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\7", "\0", "\0") Q "x", 0x1234,
	    true), DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") Q, 0x1235,
	    false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(QUERY, "\1", "\0", "\0", "\0") Q, 0x1234,
	    false), DNS_EQR);
	cr_assert_eq(MATCHES(H("\xa1\x80", "\1", "\0", "\0", "\0") Q, 0x1234,
	    false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(ANSWER, "\0", "\0", "\0", "\0"), 0x1234,
	    false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(ANSWER, "\2", "\0", "\0", "\0") Q Q, 0x1234,
	    false), DNS_EQDCOUNT);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") QNAME
	    "\0\034" IN, 0x1234, false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") QNAME
	    "\0\001\0\003", 0x1234, false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0")
	    "\001b\007example\0" "\0\001" IN, 0x1234, false), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") QNAME "\0\001",
	    0x1234, false), DNS_ESHORT);
}

Test(message, D5_letter_case)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0")
	    "\001a\007exAmple\0" "\0\001" IN, &q), DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") Q, 0x1234,
	    false), DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") Q, 0x1234,
	    true), DNS_EQUESTION);
}

Test(message, D5_no_question)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\0", "\0", "\0", "\0"), &q),
	    DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\0", "\0", "\0", "\0"), 0x1234, true),
	    DNS_OK);
	cr_assert_eq(MATCHES(H(ANSWER, "\1", "\0", "\0", "\0") Q, 0x1234,
	    false), DNS_EQUESTION);
}

/* An error may lack the question, and nothing else of D5. */
Test(message, D15_an_error_without_its_question)
{
	cr_assert_eq(PARSE_QUERY(H(QUERY, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert_eq(MATCHES(H("\x81\x85", "\0", "\0", "\0", "\0"), 0x1234,
	    true), DNS_OK);
	cr_assert_eq(MATCHES(H("\x80\x01", "\0", "\0", "\0", "\1") OPT,
	    0x1234, false), DNS_OK);
	cr_assert_eq(MATCHES(H("\x81\x80", "\0", "\0", "\0", "\0"), 0x1234,
	    true), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H("\x81\x85", "\0", "\0", "\0", "\0"), 0x1235,
	    true), DNS_EQUESTION);
	cr_assert_eq(MATCHES(H("\x01\x05", "\0", "\0", "\0", "\0"), 0x1234,
	    true), DNS_EQR);
	cr_assert_eq(MATCHES(H("\xa1\x85", "\0", "\0", "\0", "\0"), 0x1234,
	    true), DNS_EQUESTION);
	/* One that is there has to be the right one. */
	cr_assert_eq(MATCHES(H("\x81\x85", "\1", "\0", "\0", "\0") QNAME
	    "\0\034" IN, 0x1234, false), DNS_EQUESTION);
}

/* --- the head of a long one (D21) --- */

#define PARSE_HEAD(octets, q)						\
	dns_query_parse_head((const uint8_t *)(octets), sizeof(octets) - 1, q)

Test(message, D21_head)
{
	/* Whatever is behind the question. */
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\2") Q "\1?", &q),
	    DNS_OK);
	cr_assert(q.has_question && q.id == 0x1234 && q.qtype == TYPE_A);
	cr_assert(q.question_end == 27 && q.length == 29);
	cr_assert_not(q.whole || q.strict || q.edns.present);
	/* Nothing is in the way of one that nothing follows. */
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_OK);
	cr_assert(q.strict && !q.whole);
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\1") Q, &q),
	    DNS_OK);
	cr_assert_not(q.strict);
	cr_assert_eq(PARSE_HEAD(H(ANSWER, "\1", "\0", "\0", "\0") Q, &q),
	    DNS_EQR);
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\2", "\0", "\0", "\0") Q, &q),
	    DNS_EQDCOUNT);
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\0") QNAME, &q),
	    DNS_ESHORT);
	cr_assert_eq(q.question_end, 0);
}

/* What OPT says counts, but for its options. */
Test(message, D21_head_with_opt)
{
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\1") Q
	    "\0\0\051\004\320\0\003\200\0\0\003???", &q), DNS_OK);
	cr_assert(q.strict && q.edns.present && q.edns.dnssec_ok);
	cr_assert(q.edns.version == 3 && q.edns.udp_size == 1232);
	cr_assert(q.edns.offset == 27 && q.edns.length == 14);
	/* Its rdata is to be there. */
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\1") Q
	    "\0\0\051\004\320\0\003\200\0\0\003??", &q), DNS_ESHORT);
	/* Behind another record it is not looked for. */
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\0", "\0", "\2") Q
	    "\0\0\020" IN TTL "\0\0" OPT, &q), DNS_OK);
	cr_assert_not(q.strict || q.edns.present);
	/* In another section it is none. */
	cr_assert_eq(PARSE_HEAD(H(QUERY, "\1", "\1", "\0", "\1") Q OPT OPT,
	    &q), DNS_OK);
	cr_assert_not(q.strict || q.edns.present);
}
