/* Addresses that are taken out of answers: which, and what is left (G8). */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/strip.h"

/* A header with its four counts, one octet each. */
#define H(qd, an, ns, ar)						\
	"\x12\x34\x85\x90\0" qd "\0" an "\0" ns "\0" ar

/* The question a.example IN A at offset 12, 15 octets. */
#define Q	"\001a\007example\0" T_A IN
#define AT_Q	"\300\014"
#define AT_EXAMPLE "\300\016"

#define IN	"\0\001"
#define CH	"\0\003"
#define TTL	"\0\0\0\074"
#define T_A	"\0\001"
#define T_NS	"\0\002"
#define T_CNAME	"\0\005"
#define T_SOA	"\0\006"
#define T_TXT	"\0\020"
#define T_AAAA	"\0\034"
#define T_RRSIG	"\0\056"
#define T_SVCB	"\0\100"
#define T_HTTPS	"\0\101"

#define RR(owner, type, length, rdata)					\
	owner type IN TTL "\0" length rdata
#define A(owner, address)	RR(owner, T_A, "\004", address)
#define AAAA(owner, address)	RR(owner, T_AAAA, "\020", address)

/* is_unwanted() is true for those that are BAD. */
#define GOOD	"\300\0\002\001"
#define GOOD_2	"\300\0\002\002"
#define BAD	"\177\0\0\001"
#define BAD_2	"\177\003\002\001"
#define GOOD6	"\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\001"
#define BAD6	"\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\001"

/* OPT (RFC 6891 6.1.2): 1232 octets, DO, a cookie. */
#define OPT	"\0\0\051\004\320\0\0\200\0\0\014\0\012\0\010abcdefgh"

static uint8_t out[DNS_MESSAGE_MAX], big[DNS_MESSAGE_MAX];
static struct dns_response r;
static struct wcur w;
static uint16_t ancount;
static size_t outlen, nremoved, nasked;
static struct addr asked[16];

static bool
is_unwanted(void *arg, const struct addr *a)
{
	size_t *n = arg;

	if (*n < sizeof(asked) / sizeof(asked[0]))
		asked[*n] = *a;
	++*n;
	return (a->family == ADDR_V4 ? a->bytes[0] == 127 :
	    a->bytes[0] == 0xfe);
}

static unsigned int nwritten;		/* pieces; one a record at least */

void	__real_wcur_bytes(struct wcur *, const void *, size_t);
void	__wrap_wcur_bytes(struct wcur *, const void *, size_t);

void
__wrap_wcur_bytes(struct wcur *c, const void *bytes, size_t n)
{
	nwritten++;
	__real_wcur_bytes(c, bytes, n);
}

static enum dns_err
strip(const uint8_t *msg, size_t len, size_t size)
{
	enum dns_err err;

	nasked = 0;
	err = dns_strip(msg, len, &r, is_unwanted, &nasked, out, size,
	    &outlen, &nremoved);
	/* Then out was not written, and msg is what leaves. */
	if (err == DNS_OK && nremoved == 0)
		memcpy(out, msg, outlen);
	return (err);
}

static bool
never(void *arg, const struct addr *a)
{
	(void)arg;
	(void)a;
	return (false);
}

static void
print_octets(const char *what, const uint8_t *octets, size_t n)
{
	size_t i;

	fprintf(stderr, "%s (%zu):", what, n);
	for (i = 0; i < n; i++)
		fprintf(stderr, " %02x", octets[i]);
	fprintf(stderr, "\n");
}

/* The message loses n addresses and becomes exactly want. */
static void
expect(unsigned int line, size_t n, const char *msg, size_t len,
    const char *want, size_t wantlen)
{
	struct dns_response again;

	cr_assert_eq(dns_response_parse((const uint8_t *)msg, len, &r),
	    DNS_OK, "line %u: not a message", line);
	cr_assert_eq(strip((const uint8_t *)msg, len, sizeof(out)), DNS_OK,
	    "line %u", line);
	if (outlen != wantlen || memcmp(out, want, wantlen) != 0) {
		print_octets("is", out, outlen);
		print_octets("should be", (const uint8_t *)want, wantlen);
		cr_assert_fail("line %u: another message", line);
	}
	cr_assert_eq(nremoved, n, "line %u: %zu, not %zu", line, nremoved, n);
	cr_assert_eq(dns_response_parse(out, outlen, &again), DNS_OK,
	    "line %u: the result is no message", line);
	cr_assert_eq(again.rcode, r.rcode);
	cr_assert_eq(again.edns.present, r.edns.present);
}

#define EXPECT(n, msg, want)						\
	expect(__LINE__, n, msg, sizeof(msg) - 1, want, sizeof(want) - 1)
#define EXPECT_SAME(msg)	EXPECT(0, msg, msg)

Test(strip, G8_nothing_to_remove)
{
	EXPECT_SAME(H("\0", "\0", "\0", "\0"));
	EXPECT_SAME(H("\1", "\0", "\0", "\0") Q);
	EXPECT_SAME(H("\1", "\2", "\0", "\1") Q A(AT_Q, GOOD)
	    AAAA("\001A\007exAmple\0", GOOD6) OPT);
	/* Compression that we would not make: it stays all the same. */
	EXPECT_SAME(H("\1", "\3", "\0", "\0") Q
	    RR(AT_Q, T_TXT, "\004", "\003\001b\0") A("\300\050", GOOD)
	    A("\300\053", GOOD));
}

Test(strip, G8_records)
{
	EXPECT(1, H("\1", "\1", "\0", "\0") Q A(AT_Q, BAD),
	    H("\1", "\0", "\0", "\0") Q);
	EXPECT(2, H("\1", "\4", "\0", "\0") Q A(AT_Q, BAD) A(AT_Q, GOOD)
	    A(AT_Q, BAD_2) A(AT_Q, GOOD_2),
	    H("\1", "\2", "\0", "\0") Q A(AT_Q, GOOD) A(AT_Q, GOOD_2));
	EXPECT(1, H("\1", "\2", "\0", "\0") Q AAAA(AT_Q, BAD6)
	    AAAA(AT_Q, GOOD6),
	    H("\1", "\1", "\0", "\0") Q AAAA(AT_Q, GOOD6));
	EXPECT(1, H("\1", "\1", "\0", "\0") Q AAAA(AT_Q, BAD6),
	    H("\1", "\0", "\0", "\0") Q);
	/* Whoever the owner is, and without a question too. */
	EXPECT(2, H("\0", "\3", "\0", "\0") A("\001x\0", BAD) A("\0", BAD)
	    A("\001y\0", GOOD), H("\0", "\1", "\0", "\0") A("\001y\0", GOOD));
}

Test(strip, G8_all_sections)
{
	EXPECT(3, H("\1", "\2", "\3", "\3") Q
	    A(AT_Q, BAD) A(AT_Q, GOOD)
	    RR(AT_EXAMPLE, T_NS, "\004", "\001n" AT_EXAMPLE)
	    A("\300\107", BAD) RR(AT_EXAMPLE, T_NS, "\002", AT_Q)
	    A("\300\107", BAD) OPT A("\300\107", GOOD),
	    H("\1", "\1", "\2", "\2") Q
	    A(AT_Q, GOOD)
	    RR(AT_EXAMPLE, T_NS, "\004", "\001n" AT_EXAMPLE)
	    RR(AT_EXAMPLE, T_NS, "\002", AT_Q)
	    OPT A("\300\067", GOOD));
}

/* Types and classes that only look like addresses. */
Test(strip, G8_no_addresses)
{
	EXPECT_SAME(H("\1", "\4", "\0", "\0") Q
	    AT_Q T_A CH TTL "\0\004" BAD
	    AT_Q T_AAAA CH TTL "\0\004" BAD
	    AT_Q T_HTTPS CH TTL "\0\013" "\0\001\0" "\0\004\0\004" BAD
	    RR(AT_Q, "\377\001", "\004", BAD));
	cr_assert_eq(nasked, 0);
}

/* Each address of the message is asked for once, in order. */
Test(strip, G8_asked_once)
{
	static const uint8_t last[] = { 1, 2, 3, 1, 4, 5, 1 };
	size_t i;

	EXPECT(3, H("\1", "\3", "\1", "\2") Q
	    A(AT_Q, "\300\0\002\001") A(AT_Q, "\177\0\0\002")
	    RR(AT_Q, T_HTTPS, "\043", "\0\001\0"
	    "\0\004\0\010" "\300\0\002\003\177\0\0\001"
	    "\0\006\0\020" "\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\004")
	    A(AT_Q, "\300\0\002\005") A(AT_Q, "\300\0\002\001") OPT,
	    H("\1", "\2", "\1", "\2") Q
	    A(AT_Q, "\300\0\002\001")
	    RR(AT_Q, T_HTTPS, "\013", "\0\001\0"
	    "\0\004\0\004" "\300\0\002\003")
	    A(AT_Q, "\300\0\002\005") A(AT_Q, "\300\0\002\001") OPT);
	cr_assert_eq(nasked, sizeof(last));
	for (i = 0; i < nasked; i++)
		cr_assert_eq(asked[i].bytes[asked[i].family == ADDR_V4 ? 3 :
		    15], last[i], "address %zu", i);
}

Test(strip, G8_chain_and_signatures_stay)
{
#define SIGNED "\0\001\010\002\0\0\0\074\0\0\0\001\0\0\0\001\001\002"	\
	"\007example\0" "signature"
	EXPECT(1, H("\1", "\5", "\0", "\1") Q
	    RR(AT_Q, T_CNAME, "\004", "\001b" AT_EXAMPLE)
	    A("\300\047", BAD) RR("\300\047", T_RRSIG, "\044", SIGNED)
	    A("\300\047", GOOD) RR("\300\051", T_RRSIG, "\044", SIGNED) OPT,
	    H("\1", "\4", "\0", "\1") Q
	    RR(AT_Q, T_CNAME, "\004", "\001b" AT_EXAMPLE)
	    RR("\300\047", T_RRSIG, "\044", SIGNED)
	    A("\300\047", GOOD) RR(AT_EXAMPLE, T_RRSIG, "\044", SIGNED) OPT);
	cr_assert(r.edns.dnssec_ok);
}

/* A name behind what went has moved, and so have pointers to it. */
Test(strip, G8_names_that_moved)
{
#define NUMBERS "11112222333344445555"
	EXPECT(1, H("\1", "\4", "\0", "\0") Q A(AT_Q, BAD)
	    RR("\001b" AT_EXAMPLE, T_CNAME, "\005", "\001C\001d\0")
	    RR("\300\071", T_SOA, "\034", "\001e\300\073" "\001f\300\071"
	    NUMBERS) A("\300\116", GOOD),
	    H("\1", "\3", "\0", "\0") Q
	    RR("\001b" AT_EXAMPLE, T_CNAME, "\005", "\001C\001d\0")
	    RR("\300\051", T_SOA, "\034", "\001e\300\053" "\001f\300\051"
	    NUMBERS) A("\300\076", GOOD));
}

/* The first that pointed to what went has its letters, the next point there. */
Test(strip, G8_pointers_to_a_removed_owner)
{
	EXPECT(1, H("\1", "\4", "\0", "\0") Q A("\001B\001c" AT_EXAMPLE, BAD)
	    A("\300\033", GOOD) A("\300\035", GOOD) A("\001d\300\035", GOOD),
	    H("\1", "\3", "\0", "\0") Q A("\001B\001c" AT_EXAMPLE, GOOD)
	    A("\300\035", GOOD) A("\001d\300\035", GOOD));
	EXPECT(2, H("\1", "\4", "\0", "\0") Q A("\001B\001c" AT_EXAMPLE, BAD)
	    A("\001x\300\035", BAD) A("\300\057", GOOD) A("\300\033", GOOD),
	    H("\1", "\2", "\0", "\0") Q A("\001x\001c" AT_EXAMPLE, GOOD)
	    A("\001B\300\035", GOOD));
	/* A pointer to a pointer that went. */
	EXPECT(1, H("\1", "\2", "\0", "\0") Q A(AT_Q, BAD) A("\300\033", GOOD),
	    H("\1", "\1", "\0", "\0") Q A(AT_Q, GOOD));
}

Test(strip, G8_pointers_into_removed_rdata)
{
	/* A root, then a name in an address, then in a hint. */
	EXPECT(1, H("\1", "\2", "\0", "\0") Q A(AT_Q, BAD) A("\300\050", GOOD),
	    H("\1", "\1", "\0", "\0") Q A("\0", GOOD));
	EXPECT(1, H("\1", "\4", "\0", "\0") Q
	    AAAA(AT_Q, "\376\200\003abc\001d\0\0\0\0\0\0\0\0")
	    A("\300\051", GOOD) A("\300\055", GOOD) A("\001x\300\051", GOOD),
	    H("\1", "\3", "\0", "\0") Q
	    A("\003abc\001d\0", GOOD) A("\300\037", GOOD)
	    A("\001x\300\033", GOOD));
	EXPECT(1, H("\1", "\2", "\0", "\0") Q
	    RR(AT_Q, T_HTTPS, "\013", "\0\001\0" "\0\004\0\004\177\001b\0")
	    A("\300\057", GOOD),
	    H("\1", "\2", "\0", "\0") Q
	    RR(AT_Q, T_HTTPS, "\003", "\0\001\0") A("\001b\0", GOOD));
}

/* Octets that are no name of a record stay, but nothing points to them. */
Test(strip, G8_pointers_into_other_rdata)
{
	EXPECT(1, H("\1", "\4", "\0", "\0") Q A(AT_Q, BAD)
	    RR(AT_Q, T_TXT, "\006", "\005\003abc\0") A("\300\070", GOOD)
	    A("\300\070", GOOD),
	    H("\1", "\3", "\0", "\0") Q
	    RR(AT_Q, T_TXT, "\006", "\005\003abc\0") A("\003abc\0", GOOD)
	    A("\300\055", GOOD));
	/* A name begins in rdata and ends in the next owner, which goes. */
	EXPECT(1, H("\1", "\4", "\0", "\0") Q
	    RR(AT_Q, T_TXT, "\003", "\002\001a") A("\001b\0", BAD)
	    A("\300\050", GOOD) A("\300\052", GOOD),
	    H("\1", "\3", "\0", "\0") Q
	    RR(AT_Q, T_TXT, "\003", "\002\001a")
	    A("\001a\001b\0", GOOD) A("\300\054", GOOD));
}

#define HTTPS(length, rdata)	RR(AT_Q, T_HTTPS, length, rdata)
#define SVCB(length, rdata)	RR(AT_Q, T_SVCB, length, rdata)
#define ALPN	"\0\001\0\003\002h2"
#define NO_ALPN	"\0\002\0\0"
#define PORT	"\0\003\0\002\001\273"
#define ECH	"\0\005\0\004" BAD

#define EMPTY	"\377\001\0\0"		/* key 65281 */
#define HINT6	"\0\006\0\020"
#define NAME	"\0\001\003svc\0"		/* priority 1, a target */

/* RFC 9460 7.3 */
Test(strip, G8_hints)
{
	EXPECT(1, H("\1", "\1", "\0", "\0") Q
	    HTTPS("\044", "\0\001\0" ALPN NO_ALPN PORT
	    "\0\004\0\004" BAD ECH),
	    H("\1", "\1", "\0", "\0") Q
	    HTTPS("\034", "\0\001\0" ALPN NO_ALPN PORT ECH));
	EXPECT(2, H("\1", "\1", "\0", "\0") Q
	    SVCB("\036", NAME ALPN "\0\004\0\014" BAD GOOD BAD_2),
	    H("\1", "\1", "\0", "\0") Q
	    SVCB("\026", NAME ALPN "\0\004\0\004" GOOD));
	EXPECT(2, H("\1", "\1", "\0", "\0") Q
	    HTTPS("\077", "\0\001\0" "\0\004\0\004" BAD
	    "\0\006\0\060" GOOD6 BAD6 GOOD6),
	    H("\1", "\1", "\0", "\0") Q
	    HTTPS("\047", "\0\001\0" "\0\006\0\040" GOOD6 GOOD6));
	EXPECT(3, H("\1", "\1", "\0", "\1") Q
	    HTTPS("\063", "\0\001\0" "\0\004\0\010" BAD BAD_2
	    HINT6 BAD6 "\377\0\0\010abcdefgh" EMPTY) OPT,
	    H("\1", "\1", "\0", "\1") Q
	    HTTPS("\023", "\0\001\0" "\377\0\0\010abcdefgh" EMPTY)
	    OPT);
}

/* In every section, and where a reader should not look (RFC 9460 2.4.2). */
Test(strip, G8_hints_everywhere)
{
	EXPECT(3, H("\1", "\1", "\1", "\1") Q
	    HTTPS("\013", "\0\0\0" "\0\004\0\004" BAD)
	    SVCB("\013", "\0\002\0" "\0\004\0\004" BAD)
	    HTTPS("\013", "\0\003\0" "\0\004\0\004" BAD),
	    H("\1", "\1", "\1", "\1") Q
	    HTTPS("\003", "\0\0\0") SVCB("\003", "\0\002\0")
	    HTTPS("\003", "\0\003\0"));
}

/* RFC 9460 8 */
Test(strip, G8_mandatory_hints)
{
	/* Listed, and all of it goes: so does the record. */
	EXPECT(1, H("\1", "\2", "\0", "\0") Q
	    HTTPS("\021", "\0\001\0" "\0\0\0\002\0\004"
	    "\0\004\0\004" BAD) HTTPS("\003", "\0\002\0"),
	    H("\1", "\1", "\0", "\0") Q HTTPS("\003", "\0\002\0"));
	EXPECT(1, H("\1", "\1", "\0", "\1") Q
	    SVCB("\047", "\0\001\0" "\0\0\0\004\0\004\0\006"
	    "\0\004\0\004" GOOD HINT6 BAD6) OPT,
	    H("\1", "\0", "\0", "\1") Q OPT);
	/* Listed, and some of it stays. */
	EXPECT(1, H("\1", "\1", "\0", "\0") Q
	    HTTPS("\025", "\0\001\0" "\0\0\0\002\0\004"
	    "\0\004\0\010" BAD GOOD),
	    H("\1", "\1", "\0", "\0") Q
	    HTTPS("\021", "\0\001\0" "\0\0\0\002\0\004"
	    "\0\004\0\004" GOOD));
	/* Another is listed. */
	EXPECT(1, H("\1", "\1", "\0", "\0") Q
	    HTTPS("\044", "\0\001\0" "\0\0\0\004\0\001\0\003" ALPN PORT
	    "\0\004\0\004" BAD "\377\0\0\0"),
	    H("\1", "\1", "\0", "\0") Q
	    HTTPS("\034", "\0\001\0" "\0\0\0\004\0\001\0\003" ALPN PORT
	    "\377\0\0\0"));
	/* Half a key at the end of the list is none. */
	EXPECT(1, H("\1", "\1", "\0", "\0") Q
	    HTTPS("\020", "\0\001\0" "\0\0\0\001\0" "\0\004\0\004" BAD),
	    H("\1", "\1", "\0", "\0") Q
	    HTTPS("\010", "\0\001\0" "\0\0\0\001\0"));
}

/* The owner of a record that goes by "mandatory" is not pointed to. */
Test(strip, G8_pointers_to_a_mandatory_record)
{
	EXPECT(1, H("\1", "\2", "\0", "\0") Q
	    RR("\001b" AT_EXAMPLE, T_HTTPS, "\021", "\0\001\0"
	    "\0\0\0\002\0\004" "\0\004\0\004" BAD) A("\300\033", GOOD),
	    H("\1", "\1", "\0", "\0") Q A("\001b" AT_EXAMPLE, GOOD));
}

/* A target may not be compressed, and its octets are no name to point to. */
Test(strip, G8_target_names_stay)
{
	EXPECT(1, H("\1", "\3", "\0", "\0") Q A(AT_Q, BAD)
	    RR("\300\016", T_SVCB, "\013", "\0\001\007example\0")
	    A("\300\071", GOOD),
	    H("\1", "\2", "\0", "\0") Q
	    RR("\300\016", T_SVCB, "\013", "\0\001\007example\0")
	    A("\007example\0", GOOD));
}

/* RFC 2136 2.4.1: rdata that is not there, although the type has some. */
Test(strip, G8_update)
{
	EXPECT(1, "\x12\x34\xa8\0" "\0\1\0\2\0\1\0\0" Q A(AT_Q, BAD)
	    AT_Q T_NS "\0\377" "\0\0\0\0\0\0" A(AT_Q, GOOD),
	    "\x12\x34\xa8\0" "\0\1\0\1\0\1\0\0" Q
	    AT_Q T_NS "\0\377" "\0\0\0\0\0\0" A(AT_Q, GOOD));
}

/* A message under construction in big. */
static void
begin(void)
{
	w = (struct wcur){ .buf = big, .len = sizeof(big) };
	wcur_bytes(&w, H("\1", "\0", "\0", "\0") Q, 27);
	ancount = 0;
}

static void
put(const char *octets, size_t n)
{
	wcur_bytes(&w, octets, n);
	ancount++;
}

#define PUT(octets)	put(octets, sizeof(octets) - 1)

static void
parse(void)
{
	struct wcur head = { .buf = big, .len = DNS_HEADER_SIZE, .pos = 6 };

	wcur_u16(&head, ancount);
	cr_assert_not(w.overflow);
	cr_assert_eq(dns_response_parse(big, w.pos, &r), DNS_OK);
}

/* Rdata of these fields; each name is one label and a pointer to offset at. */
static void
put_fields(struct wcur *to, const char *field, uint8_t at)
{
	for (; *field != '\0'; field++) {
		if (*field == 'n') {
			wcur_bytes(to, "\001c\300", 3);
			wcur_u8(to, at);
		} else if (*field == 's')
			wcur_bytes(to, "\002yz", 3);
		else if (*field == '*')
			wcur_bytes(to, "\300\014end", 5);
		else
			wcur_bytes(to, "123456789", (size_t)(*field - '0'));
	}
}

static void
put_type(struct wcur *to, unsigned int type, const char *fields, uint8_t at)
{
	size_t rdlength;

	wcur_bytes(to, RR("\001b" AT_EXAMPLE, T_TXT, "\001", "\0"), 15);
	wcur_bytes(to, AT_Q, 2);
	wcur_u16(to, (uint16_t)type);
	wcur_bytes(to, IN TTL "\0", 7);
	rdlength = to->pos;
	wcur_u8(to, 0);
	put_fields(to, fields, at);
	to->buf[rdlength] = (uint8_t)(to->pos - rdlength - 1);
}

/* RFC 3597 4: all types that may hold compressed names. */
Test(strip, G8_names_in_rdata_of_every_type)
{
	static uint8_t want[128];
	unsigned int type, types = 0;
	const char *fields;
	struct wcur to;

	for (type = 0; type <= UINT16_MAX; type++) {
		fields = dns_rdata_fields((uint16_t)type, CLASS_IN);
		if (strchr(fields, 'n') == NULL)
			continue;
		types++;
		begin();
		PUT(A(AT_Q, BAD));
		put_type(&w, type, fields, 43);
		ancount = (uint16_t)(ancount + 2);
		parse();
		to = (struct wcur){ .buf = want, .len = sizeof(want) };
		wcur_bytes(&to, H("\1", "\2", "\0", "\0") Q, 27);
		put_type(&to, type, fields, 27);
		expect(type, 1, (char *)big, w.pos, (char *)want, to.pos);
	}
	cr_assert_eq(types, 23, "%u", types);
}

Test(strip, D9_thousands_of_records, .timeout = 120)
{
	size_t i, n;

	begin();
	for (n = 0; n < 4000; n++)
		put(n % 2 == 0 ? A(AT_Q, BAD) : A(AT_Q, GOOD), 16);
	parse();
	cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_OK);
	cr_assert_eq(nremoved, 2000);
	cr_assert_eq(nasked, 4000);
	cr_assert_eq(outlen, 27 + 2000 * 16);
	cr_assert_eq(dns_response_parse(out, outlen, &r), DNS_OK);
	cr_assert_eq(r.ancount, 2000);
	for (i = 0; i < 2000; i++)
		cr_assert_arr_eq(out + 27 + 16 * i, A(AT_Q, GOOD), 16);
}

/* As many hints as fit. */
Test(strip, D9_the_largest_record, .timeout = 120)
{
	size_t n = (DNS_MESSAGE_MAX - 27 - 12 - 7) / 4, i;

	begin();
	PUT(AT_Q T_HTTPS IN TTL);
	wcur_u16(&w, (uint16_t)(7 + 4 * n));
	wcur_bytes(&w, "\0\001\0\0\004", 5);
	wcur_u16(&w, (uint16_t)(4 * n));
	for (i = 0; i < n; i++)
		wcur_bytes(&w, i == n / 2 ? GOOD : BAD, 4);
	parse();
	cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_OK);
	cr_assert_eq(nremoved, n - 1);
	cr_assert_eq(outlen, 27 + 12 + 7 + 4);
	cr_assert_arr_eq(out + 37, "\0\013\0\001\0\0\004\0\004" GOOD, 13);
}

Test(strip, room_in_the_output)
{
#define TWO	H("\1", "\2", "\0", "\0") Q A(AT_Q, BAD) A(AT_Q, GOOD)
	const uint8_t *msg = (const uint8_t *)TWO;
	size_t len = sizeof(TWO) - 1, size;

	cr_assert_eq(dns_response_parse(msg, len, &r), DNS_OK);
	for (size = 0; size < len - 16; size++) {
		memset(out, 0xa5, sizeof(out));
		cr_assert_eq(strip(msg, len, size), DNS_EFULL, "%zu", size);
		cr_assert_eq(nremoved, 1);
		cr_assert_eq(out[size], 0xa5, "%zu", size);
	}
	cr_assert_eq(strip(msg, len, size), DNS_OK);
	cr_assert_eq(outlen, size);
	/* A message that loses nothing needs room as well. */
	msg = out;
	memcpy(big, out, outlen);
	len = outlen;
	cr_assert_eq(dns_response_parse(big, len, &r), DNS_OK);
	cr_assert_eq(strip(big, len, len - 1), DNS_EFULL);
	cr_assert_eq(nremoved, 0);
	cr_assert_eq(strip(big, len, len), DNS_OK);
}

/* A name of n labels, none of which is a name of the question. */
static void
put_long_name(unsigned int n)
{
	while (n-- > 0)
		wcur_bytes(&w, "\001z", 2);
	wcur_u8(&w, 0);
}

/*
 * The names of 5,000 records lead to an owner that goes.  Where a pointer
 * reaches, there is room for it; behind, each would have all of its letters.
 */
static void
put_pointed(size_t filler)
{
	size_t n;

	begin();
	put_long_name(DNS_LABELS_MAX);
	PUT(T_A IN TTL "\0\004" BAD);
	PUT(AT_Q "\377\001" IN TTL);
	wcur_u16(&w, (uint16_t)filler);
	for (n = 0; n < filler; n++)
		wcur_u8(&w, 0);
	for (n = 0; w.len - w.pos >= 16 && n < 5000; n++)
		PUT(A("\300\033", GOOD));
	parse();
}

/* With thousands of records behind it: none of them is written. */
Test(strip, D21_nothing_is_written_behind_the_end)
{
	put_pointed(0);
	nwritten = 0;
	cr_assert_eq(strip(big, w.pos, 1000), DNS_EFULL);
	cr_assert_gt(nwritten, 0);
	cr_assert_leq(nwritten, 4 * (1000 / 16 + 1), "%u", nwritten);
}

Test(strip, G8_removed_owner_of_all, .timeout = 120)
{
	put_pointed(0);
	cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_OK);
	cr_assert_eq(outlen, w.pos - 14 - 2);
	cr_assert_eq(dns_response_parse(out, outlen, &r), DNS_OK);
	cr_assert_eq(r.ancount, ancount - 1);
	put_pointed(0x4000);
	cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_EFULL);
	cr_assert_eq(nremoved, 1);
}

/* Most answers lose nothing, and then no octet is copied. */
Test(strip, nothing_removed_nothing_written)
{
	const uint8_t *msg = (const uint8_t *)TWO;
	size_t i, len = sizeof(TWO) - 1;

	cr_assert_eq(dns_response_parse(msg, len, &r), DNS_OK);
	memset(out, 0xa5, sizeof(out));
	cr_assert_eq(dns_strip(msg, len, &r, never, NULL, out, sizeof(out),
	    &outlen, &nremoved), DNS_OK);
	cr_assert_eq(nremoved, 0);
	cr_assert_eq(outlen, len);
	for (i = 0; i < sizeof(out); i++)
		cr_assert_eq(out[i], 0xa5);
}

#define STAIRS	64

/*
 * A name with as many pointers as labels, every second of whose owners goes,
 * and as many records of that name as take 4,096 steps in all (D21).
 */
static void
put_staircase(void)
{
	size_t at = 0, next, i;

	begin();
	for (i = 0; i < STAIRS; i++, at = next) {
		next = w.pos;
		wcur_bytes(&w, "\001z", 2);
		if (i == 0)
			wcur_u8(&w, 0);
		else
			wcur_u16(&w, (uint16_t)(0xc000 | at));
		put(i % 2 == 0 ? T_A IN TTL "\0\004" BAD :
		    T_A IN TTL "\0\004" GOOD, 14);
	}
	for (i = STAIRS * (STAIRS - 1) / 2; i + STAIRS <= DNS_STEPS_MAX;
	    i += STAIRS) {
		wcur_u16(&w, (uint16_t)(0xc000 | at));
		PUT(T_A IN TTL "\0\004" GOOD);
	}
	parse();
}

Test(strip, G8_staircase)
{
	put_staircase();
	cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_OK);
	cr_assert_eq(nremoved, STAIRS / 2);
	cr_assert_eq(dns_response_parse(out, outlen, &r), DNS_OK);
	cr_assert_eq(r.ancount, ancount - STAIRS / 2);
}

/* The slowest names that parse, in as many records as fit. */
Test(strip, D10_work_is_bounded, .timeout = 120)
{
	size_t round;

	put_staircase();
	for (round = 0; round < 100; round++)
		cr_assert_eq(strip(big, w.pos, sizeof(out)), DNS_OK);
}

/* The parse of another message: an error, and nothing is read outside. */
Test(strip, parse_of_another_message)
{
	const uint8_t *msg = (const uint8_t *)TWO;
	size_t len = sizeof(TWO) - 1, cut;

	cr_assert_eq(dns_response_parse(msg, len, &r), DNS_OK);
	for (cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut);

		cr_assert(copy != NULL || cut == 0);
		if (cut > 0)
			memcpy(copy, msg, cut);
		cr_expect_neq(strip(copy, cut, sizeof(out)), DNS_OK, "%zu",
		    cut);
		free(copy);
	}
}
