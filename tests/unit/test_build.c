/* Messages that are made or changed here, octet by octet. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "dns/build.h"

/* WwW.nl, at offset 12, 12 octets with type and class. */
#define QNAME	"\003WwW\002nl\0"
#define HEAD(flags, an, ar)						\
	"\x12\x34" flags "\0\1\0" an "\0\0\0" ar
#define HEAD_SOA(flags, ar)						\
	"\x12\x34" flags "\0\1\0\0\0\1\0" ar
/* 60 seconds; the rest is RFC 6303 3. */
#define SOA_OF(owner)							\
	owner "\0\006\0\001\0\0\0\074\0\046"				\
	owner "\006nobody\007invalid\0\0\0\0\001"			\
	"\0\0\016\020\0\0\004\260\0\011\072\200\0\0\0\074"
#define SOA	SOA_OF("\300\014")	/* of the queried name, */
#define SOA_UP	SOA_OF("\300\020")	/* and of its parent, "nl" */
#define OPT_ASK	"\0\0\051\020\0\0\0\200\0\0\0"
#define OPT_OWN	"\0\0\051\004\320\0\0\200\0\0"

static uint8_t query[600];
static size_t query_len;
static struct dns_query q;
static uint8_t out[DNS_MESSAGE_MAX];

static void
ask(const char *octets, size_t len)
{
	memcpy(query, octets, len);
	query_len = len;
	cr_assert_eq(dns_query_parse(query, len, &q), DNS_OK);
}

#define ASK(octets)	ask(octets, sizeof(octets) - 1)

static void
expect(size_t len, const char *want, size_t want_len)
{
	cr_assert_eq(len, want_len, "%zu octets", len);
	cr_assert_eq(memcmp(out, want, len), 0);
}

#define EXPECT(len, octets)	expect(len, octets, sizeof(octets) - 1)

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

static size_t
reply(uint16_t rcode, enum dns_ede ede, const char *text,
    const struct addr *local, size_t limit)
{
	memset(out, 0xaa, sizeof(out));
	return (dns_build_reply(query, &q, rcode, ede, text, local, limit,
	    out, sizeof(out)));
}

/* D2: id, opcode, RD, CD, the question to the letter; not AD, not Z. */
Test(build, D2_echo_of_the_query)
{
	ASK(HEAD("\x01\x30", "\0", "\0") QNAME "\0\020\0\003");
	EXPECT(reply(RCODE_REFUSED, EDE_BLOCKED, "no", NULL, 512),
	    HEAD("\x81\x95", "\0", "\0") QNAME "\0\020\0\003");
	ASK(HEAD("\x20\x00", "\0", "\0") QNAME "\0\006\0\001");
	EXPECT(reply(RCODE_NOTIMP, EDE_NONE, NULL, NULL, 512),
	    HEAD("\xa0\x84", "\0", "\0") QNAME "\0\006\0\001");
}

/* RFC 8914 2, RFC 6891 6.1.3 */
Test(build, D2_extended_errors)
{
	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\001\0\001" OPT_ASK);
	EXPECT(reply(RCODE_REFUSED, EDE_BLOCKED, "no rule", NULL, 512),
	    HEAD("\x81\x85", "\0", "\1") QNAME "\0\001\0\001" OPT_OWN
	    "\015\0\017\0\011\0\017no rule");
	EXPECT(reply(RCODE_SERVFAIL, EDE_OTHER, NULL, NULL, 512),
	    HEAD("\x81\x82", "\0", "\1") QNAME "\0\001\0\001" OPT_OWN
	    "\006\0\017\0\002\0\0");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, "unused", NULL, 512),
	    HEAD_SOA("\x81\x80", "\1") QNAME "\0\001\0\001" SOA
	    OPT_OWN "\0");
	/* BADVERS is 16: the upper bits are in OPT. */
	EXPECT(reply(16, EDE_NONE, NULL, NULL, 512),
	    HEAD("\x81\x80", "\0", "\1") QNAME "\0\001\0\001"
	    "\0\0\051\004\320\001\0\200\0\0\0");
}

Test(build, D3_local_answers)
{
	struct addr v4 = address("192.0.2.1"), v6 = address("2001:db8::1");

	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\001\0\001");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v4, 512),
	    HEAD("\x81\x80", "\1", "\0") QNAME "\0\001\0\001"
	    "\300\014\0\001\0\001\0\0\0\074\0\004\300\0\002\001");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v6, 512),
	    HEAD_SOA("\x81\x80", "\0") QNAME "\0\001\0\001" SOA);
	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\034\0\001" OPT_ASK);
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v6, 512),
	    HEAD("\x81\x80", "\1", "\1") QNAME "\0\034\0\001"
	    "\300\014\0\034\0\001\0\0\0\074\0\020"
	    "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001" OPT_OWN "\0");
	/* Another type (MX, ANY), another class. */
	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\017\0\001");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v4, 512),
	    HEAD_SOA("\x81\x80", "\0") QNAME "\0\017\0\001" SOA);
	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\377\0\001");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v4, 512),
	    HEAD_SOA("\x81\x80", "\0") QNAME "\0\377\0\001" SOA);
	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\001\0\003");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, &v4, 512),
	    HEAD("\x81\x80", "\0", "\0") QNAME "\0\001\0\003");
}

/* RFC 2308: a "no" that a cache may keep; what is no such answer has no SOA. */
Test(build, D18_negative_answers)
{
	struct addr v4 = address("192.0.2.1");

	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\034\0\001" OPT_ASK);
	EXPECT(reply(RCODE_NXDOMAIN, EDE_BLOCKED, "no", NULL, 512),
	    HEAD_SOA("\x81\x83", "\1") QNAME "\0\034\0\001" SOA_UP OPT_OWN
	    "\010\0\017\0\004\0\017no");
	EXPECT(reply(RCODE_NOERROR, EDE_FORGED, NULL, &v4, 512),
	    HEAD_SOA("\x81\x80", "\1") QNAME "\0\034\0\001" SOA OPT_OWN
	    "\006\0\017\0\002\0\004");
	EXPECT(reply(RCODE_REFUSED, EDE_NONE, NULL, NULL, 512),
	    HEAD("\x81\x85", "\0", "\1") QNAME "\0\034\0\001" OPT_OWN
	    "\0");
	/* The root, which is all that an SOA of the root is for. */
	ASK(HEAD("\x01\x00", "\0", "\0") "\0\0\001\0\001");
	EXPECT(reply(RCODE_NXDOMAIN, EDE_NONE, NULL, NULL, 512),
	    HEAD_SOA("\x81\x83", "\0") "\0\0\001\0\001" SOA);
	ASK(HEAD("\x01\x00", "\0", "\0") "\002nl\0\0\001\0\001");
	EXPECT(reply(RCODE_NXDOMAIN, EDE_NONE, NULL, NULL, 512),
	    HEAD_SOA("\x81\x83", "\0") "\002nl\0\0\001\0\001"
	    SOA_OF("\300\017"));
	/* Other classes; NOTIFY, and UPDATE, where it would be an update. */
	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\001\0\003");
	EXPECT(reply(RCODE_NXDOMAIN, EDE_NONE, NULL, NULL, 512),
	    HEAD("\x81\x83", "\0", "\0") QNAME "\0\001\0\003");
	ASK(HEAD("\x20\x00", "\0", "\0") QNAME "\0\006\0\001");
	EXPECT(reply(RCODE_NOERROR, EDE_NONE, NULL, NULL, 512),
	    HEAD("\xa0\x80", "\0", "\0") QNAME "\0\006\0\001");
	ASK(HEAD("\x28\x00", "\0", "\0") QNAME "\0\006\0\001");
	EXPECT(reply(RCODE_NXDOMAIN, EDE_NONE, NULL, NULL, 512),
	    HEAD("\xa8\x83", "\0", "\0") QNAME "\0\006\0\001");
}

/* The EDE's text goes, then the SOA, then the EDE, and only then TC. */
Test(build, D18_no_room_for_the_soa)
{
	size_t limit, len;

	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\034\0\001" OPT_ASK);
	for (limit = 24; limit < 120; limit++) {
		len = reply(RCODE_NXDOMAIN, EDE_BLOCKED, "abc", NULL, limit);
		cr_assert_eq(len, limit < 35 ? 24 : limit < 41 ? 35 :
		    limit < 91 ? 41 : limit < 94 ? 91 : 94, "%zu: %zu",
		    limit, len);
		cr_assert_eq(out[2] & 2, limit < 35 ? 2 : 0);
		cr_assert_eq(out[9], limit >= 91);
	}
}

/* D13: text, EDE, then all but the question with TC, then the question. */
Test(build, D13_what_does_not_fit)
{
	struct addr v4 = address("192.0.2.1");
	char text[70000];
	size_t limit, len;

	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\001\0\001" OPT_ASK);
	for (limit = 0; limit < 70; limit++) {
		len = reply(RCODE_NOERROR, EDE_BLOCKED, "abc", &v4, limit);
		cr_assert_leq(len, limit);
		cr_assert_eq(len, limit < 12 ? 0 : limit < 24 ? 12 :
		    limit < 51 ? 24 : limit < 57 ? 51 : limit < 60 ? 57 : 60);
		cr_assert_eq(out[limit], 0xaa);
		if (len >= 51)
			cr_assert_eq(out[2], 0x81);
	}
	EXPECT(reply(RCODE_REFUSED, EDE_BLOCKED, NULL, &v4, 50),
	    HEAD("\x83\x85", "\0", "\0") QNAME "\0\001\0\001");
	EXPECT(reply(RCODE_REFUSED, EDE_BLOCKED, NULL, &v4, 23),
	    "\x12\x34\x83\x85\0\0\0\0\0\0\0\0");
	/* The room that there is counts as much as the limit. */
	cr_assert_eq(dns_build_reply(query, &q, RCODE_REFUSED, EDE_BLOCKED,
	    NULL, NULL, 512, out, 30), 24);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(reply(RCODE_REFUSED, EDE_BLOCKED, text, NULL, 100000),
	    12 + 12 + 11 + 6);
}

Test(build, D8_replies_to_what_could_be_read)
{
	static const char cut[] = HEAD("\x01\x00", "\0", "\1") QNAME
	    "\0\001\0\001" "\0";

	memcpy(query, cut, sizeof(cut));
	cr_assert_eq(dns_query_parse(query, sizeof(cut) - 1, &q), DNS_ECOUNT);
	EXPECT(reply(RCODE_FORMERR, EDE_NONE, NULL, NULL, 512),
	    HEAD("\x81\x81", "\0", "\0") QNAME "\0\001\0\001");
	cr_assert_eq(dns_query_parse(query, 20, &q), DNS_ESHORT);
	EXPECT(reply(RCODE_FORMERR, EDE_NONE, NULL, NULL, 512),
	    "\x12\x34\x81\x81\0\0\0\0\0\0\0\0");
	cr_assert_eq(dns_build_header_reply(0xfffe, DNS_RD | DNS_TC | DNS_AD |
	    0x2800, RCODE_FORMERR, out), DNS_HEADER_SIZE);
	EXPECT(DNS_HEADER_SIZE, "\xff\xfe\xa9\x81\0\0\0\0\0\0\0\0");
}

Test(build, D5_id)
{
	uint8_t msg[DNS_HEADER_SIZE] = { 0 };

	dns_set_id(msg, 0xabcd);
	cr_assert_eq(memcmp(msg, "\xab\xcd\0", 3), 0);
}

/* As announced, but for 512 at least and 1232 at most (D25). */
Test(build, D25_udp_limit)
{
	static const uint16_t sizes[][2] = { { 0, 512 }, { 511, 512 },
	    { 512, 512 }, { 513, 513 }, { 1231, 1231 }, { 1232, 1232 },
	    { 1233, 1232 }, { 4096, 1232 }, { 65535, 1232 } };
	struct dns_query asked = { .edns = { .present = true } };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		asked.edns.udp_size = sizes[i][0];
		cr_assert_eq(dns_udp_limit(&asked), sizes[i][1]);
	}
	asked.edns.present = false;
	cr_assert_eq(dns_udp_limit(&asked), 512);
}

Test(build, D13_edns_size)
{
	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\001\0\001" OPT_ASK);
	dns_limit_edns(query, &q.edns);
	cr_assert_eq(memcmp(query, HEAD("\x01\x00", "\0", "\1") QNAME
	    "\0\001\0\001" "\0\0\051\004\320\0\0\200\0\0\0", query_len), 0);
	/* Less stays less, and a client takes 512 in any case. */
	ASK(HEAD("\x01\x00", "\0", "\1") QNAME "\0\001\0\001"
	    "\0\0\051\0\144\0\0\0\0\0\0");
	cr_assert_eq(dns_udp_limit(&q), 512);
	dns_limit_edns(query, &q.edns);
	cr_assert_eq(query[query_len - 7], 100);
	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\001\0\001");
	cr_assert_eq(dns_udp_limit(&q), 512);
	memcpy(out, query, query_len);
	dns_limit_edns(query, &q.edns);
	cr_assert_eq(memcmp(query, out, query_len), 0);
}

#define RR_A	"\300\014\0\001\0\001\0\0\0\074\0\004\300\0\002\001"
#define RR_NS	"\300\014\0\002\0\001\0\0\0\074\0\002\300\014"

static size_t
truncated(const char *octets, size_t len, size_t limit)
{
	struct dns_response r;

	memcpy(out, octets, len);
	cr_assert_eq(dns_response_parse(out, len, &r), DNS_OK);
	return (dns_truncate(out, len, &r, limit));
}

#define TRUNCATED(octets, limit)	\
	truncated(octets, sizeof(octets) - 1, limit)

Test(build, D13_truncation)
{
	static const char full[] = "\x12\x34\x85\x80\0\1\0\2\0\1\0\2" QNAME
	    "\0\001\0\001" RR_A RR_A RR_NS OPT_ASK RR_A;

	EXPECT(truncated(full, sizeof(full) - 1, 512),
	    HEAD("\x87\x80", "\0", "\1") QNAME "\0\001\0\001" OPT_ASK);
	EXPECT(truncated(full, sizeof(full) - 1, 24 + 11),
	    HEAD("\x87\x80", "\0", "\1") QNAME "\0\001\0\001" OPT_ASK);
	EXPECT(truncated(full, sizeof(full) - 1, 24 + 10),
	    HEAD("\x87\x80", "\0", "\0") QNAME "\0\001\0\001");
	EXPECT(TRUNCATED(HEAD("\x81\x80", "\1", "\0") QNAME "\0\001\0\001"
	    RR_A, 512), HEAD("\x83\x80", "\0", "\0") QNAME "\0\001\0\001");
	EXPECT(TRUNCATED("\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 512),
	    "\x12\x34\x83\x81\0\0\0\0\0\0\0\0");
}

/* The id is the client's by then, not the one of the parsed answer. */
Test(build, D13_truncation_keeps_the_id)
{
	static const char full[] = HEAD("\x81\x80", "\1", "\0") QNAME
	    "\0\001\0\001" RR_A;
	struct dns_response r;

	memcpy(out, full, sizeof(full) - 1);
	cr_assert_eq(dns_response_parse(out, sizeof(full) - 1, &r), DNS_OK);
	dns_set_id(out, 0x5678);
	cr_assert_eq(dns_truncate(out, sizeof(full) - 1, &r, 512), 24);
	cr_assert_eq(memcmp(out, "\x56\x78\x83\x80", 4), 0);
}

#define OPT_ANSWER	"\0\0\051\004\320\0\0\0\0\0"

Test(build, G8_extended_error_is_appended)
{
	static const char with[] = HEAD("\x81\x80", "\0", "\1") QNAME
	    "\0\001\0\001" OPT_ANSWER "\0";
	static const char want[] = HEAD("\x81\x80", "\0", "\1") QNAME
	    "\0\001\0\001" OPT_ANSWER "\011" "\0\017\0\005\0\021bad";
	size_t len = sizeof(with) - 1, whole = sizeof(want) - 1;
	struct dns_response r;

	memcpy(out, with, len);
	cr_assert_eq(dns_response_parse(out, len, &r), DNS_OK);
	/* One octet less than it takes: as it was. */
	cr_assert_eq(dns_append_ede(out, len, whole - 1, &r.edns,
	    EDE_FILTERED, "bad"), len);
	EXPECT(len, HEAD("\x81\x80", "\0", "\1") QNAME "\0\001\0\001"
	    OPT_ANSWER "\0");
	cr_assert_eq(dns_append_ede(out, len, whole, &r.edns, EDE_FILTERED,
	    "bad"), whole);
	expect(whole, want, whole);
	cr_assert_eq(dns_response_parse(out, whole, &r), DNS_OK);
	cr_assert_eq(r.edns.length, 20);
	/* Without an OPT there is no place for it. */
	r.edns.present = false;
	cr_assert_eq(dns_append_ede(out, whole, sizeof(out), &r.edns,
	    EDE_FILTERED, "bad"), whole);
}

Test(build, D12_spelling_of_the_question)
{
	static const char answer[] = HEAD("\x81\x80", "\1", "\0")
	    "\003www\002NL\0" "\0\001\0\001" RR_A;

	ASK(HEAD("\x01\x00", "\0", "\0") QNAME "\0\001\0\001");
	memcpy(out, answer, sizeof(answer) - 1);
	dns_restore_question(out, &q);
	EXPECT(sizeof(answer) - 1, HEAD("\x81\x80", "\1", "\0") QNAME
	    "\0\001\0\001" RR_A);
	cr_assert_eq(dns_response_matches(out, sizeof(answer) - 1, &q, q.id,
	    true), DNS_OK);
	ASK("\x12\x34\x01\x00\0\0\0\0\0\0\0\0");
	dns_restore_question(out, &q);
	EXPECT(sizeof(answer) - 1, HEAD("\x81\x80", "\1", "\0") QNAME
	    "\0\001\0\001" RR_A);
}

static void
random_query(void)
{
	struct wcur c = { .buf = query, .len = sizeof(query) };
	bool opt = random() & 1;
	size_t labels, i;
	uint8_t len;

	wcur_u16(&c, (uint16_t)random());
	wcur_u16(&c, random() & 0x7fff);
	wcur_u16(&c, 1);
	wcur_u32(&c, 0);
	wcur_u16(&c, opt);
	for (labels = (size_t)random() % 5; labels > 0; labels--) {
		len = (uint8_t)(1 + random() % 60);
		wcur_u8(&c, len);
		for (i = 0; i < len; i++)
			wcur_u8(&c, (uint8_t)random());
	}
	wcur_u8(&c, 0);
	wcur_u16(&c, (uint16_t)(random() % 70));
	wcur_u16(&c, (uint16_t)(1 + random() % 3));
	if (opt) {
		wcur_u8(&c, 0);
		wcur_u16(&c, TYPE_OPT);
		wcur_u16(&c, (uint16_t)random());
		wcur_u32(&c, (uint32_t)random());
		wcur_u16(&c, 0);
	}
	query_len = c.pos;
}

/* parse(build(x)) = x, and it is an answer to the query. */
Test(build, D2_every_reply_is_an_answer)
{
	struct addr local = address("192.0.2.1");
	struct dns_response r;
	unsigned int round;
	uint16_t rcode;
	size_t len;

	srandom(1);
	for (round = 0; round < 20000; round++) {
		random_query();
		cr_assert_eq(dns_query_parse(query, query_len, &q), DNS_OK);
		rcode = (uint16_t)(random() % (q.edns.present ? 4096 : 16));
		len = reply(rcode, random() & 1 ? EDE_NONE : EDE_FILTERED,
		    random() & 1 ? "text" : NULL,
		    random() & 1 ? &local : NULL, dns_udp_limit(&q));
		cr_assert_eq(dns_response_parse(out, len, &r), DNS_OK);
		cr_assert_eq(dns_response_matches(out, len, &q, q.id, true),
		    DNS_OK);
		cr_assert_eq(r.rcode, rcode);
		cr_assert_eq(r.edns.present, q.edns.present);
		cr_assert_eq(r.edns.dnssec_ok, q.edns.dnssec_ok);
		cr_assert_eq(r.flags & (DNS_TC | DNS_AA | DNS_AD), 0);
	}
}
