/* Options of one hop, taken out of OPT: what is left, to the octet (D1). */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dns/hop.h"

/* A header with the count of the additional section. */
#define H(ar)	"\x12\x34\x81\x80\0\1\0\0\0\0\0" ar

/* The question a.example IN A at offset 12, 15 octets. */
#define Q	"\001a\007example\0\0\001\0\001"
#define AT_Q	"\300\014"
#define IN	"\0\001"
#define TTL	"\0\0\0\074"

/* OPT (RFC 6891 6.1.2) at offset 27: 1232 octets, DO. */
#define OPT(length, options)						\
	"\0\0\051\004\320\0\0\200\0\0" length options
#define COOKIE		"\0\012\0\010abcdefgh"		/* 12 octets */
#define KEEPALIVE	"\0\013\0\002\0\144"		/* 6 */
#define KEEPALIVE_ASK	"\0\013\0\0"			/* 4 */
#define PADDING		"\0\014\0\005\0\0\0\0\0"	/* 9 */
#define PADDING_NONE	"\0\014\0\0"			/* 4 */
#define ECS		"\0\010\0\007\0\001\030\0\012\001\002"	/* 11 */
#define EDE		"\0\017\0\002\0\017"		/* 6 */
#define UNKNOWN		"\375\351\0\001\012"		/* 5: 65001 */

static uint8_t msg[DNS_MESSAGE_MAX];
static struct dns_response r;

static void
check(const char *before, size_t len, const char *after, size_t want,
    const char *what)
{
	struct dns_response again;
	size_t n;

	memcpy(msg, before, len);
	cr_assert_eq(dns_response_parse(msg, len, &r), DNS_OK, "%s", what);
	n = len;
	cr_assert_eq(dns_remove_hop_options(msg, &n, r.question_end, &r.edns),
	    DNS_OK, "%s", what);
	cr_assert_eq(n, want, "%s: %zu octets", what, n);
	cr_assert_eq(memcmp(msg, after, n), 0, "%s", what);
	cr_assert_eq(dns_response_parse(msg, n, &again), DNS_OK, "%s", what);
	/* What the caller knows of it holds for the result. */
	cr_assert_eq(memcmp(&again.edns, &r.edns, sizeof(r.edns)), 0, "%s",
	    what);
	cr_assert_eq(dns_remove_hop_options(msg, &n, r.question_end, &r.edns),
	    DNS_OK, "%s", what);
	cr_assert_eq(n, want, "%s", what);
}

#define CHECK(before, after)						\
	check(before, sizeof(before) - 1, after, sizeof(after) - 1, #before)
#define SAME(octets)	CHECK(octets, octets)

Test(hop, D1_what_goes)
{
	CHECK(H("\1") Q OPT("\014", COOKIE), H("\1") Q OPT("\0", ""));
	CHECK(H("\1") Q OPT("\006", KEEPALIVE), H("\1") Q OPT("\0", ""));
	CHECK(H("\1") Q OPT("\004", KEEPALIVE_ASK), H("\1") Q OPT("\0", ""));
	CHECK(H("\1") Q OPT("\011", PADDING), H("\1") Q OPT("\0", ""));
	CHECK(H("\1") Q OPT("\004", PADDING_NONE), H("\1") Q OPT("\0", ""));
	CHECK(H("\1") Q OPT("\063", COOKIE KEEPALIVE PADDING COOKIE COOKIE),
	    H("\1") Q OPT("\0", ""));
}

Test(hop, D1_what_stays)
{
	SAME(H("\0") Q);
	SAME(H("\1") Q OPT("\0", ""));
	SAME(H("\1") Q OPT("\026", ECS EDE UNKNOWN));
	/* Their neighbours, and what only begins like one. */
	SAME(H("\1") Q OPT("\010", "\0\011\0\0\0\015\0\0"));
	SAME(H("\1") Q OPT("\010", "\012\0\0\0\0\0\0\0"));
	/* One that holds what looks like one. */
	SAME(H("\1") Q OPT("\020", "\375\351\0\014" COOKIE));
}

Test(hop, D1_order_is_kept)
{
	CHECK(H("\1") Q OPT("\067", COOKIE ECS KEEPALIVE EDE UNKNOWN PADDING
	    EDE), H("\1") Q OPT("\034", ECS EDE UNKNOWN EDE));
	CHECK(H("\1") Q OPT("\021", UNKNOWN COOKIE), H("\1") Q OPT("\005",
	    UNKNOWN));
	CHECK(H("\1") Q OPT("\021", COOKIE UNKNOWN), H("\1") Q OPT("\005",
	    UNKNOWN));
}

/* What is in front of OPT: nothing of it moves. */
Test(hop, D1_opt_behind_others)
{
	CHECK(H("\2") Q AT_Q "\0\001" IN TTL "\0\004\012\0\0\001"
	    OPT("\021", COOKIE UNKNOWN),
	    H("\2") Q AT_Q "\0\001" IN TTL "\0\004\012\0\0\001"
	    OPT("\005", UNKNOWN));
}

/* Behind OPT, which ends at 50: b.a.example at 50, then names that point. */
Test(hop, D1_opt_in_front_of_others)
{
	CHECK(H("\4") Q OPT("\014", COOKIE)
	    "\001b" AT_Q "\0\001" IN TTL "\0\004\012\0\0\001"
	    "\300\062\0\017" IN TTL "\0\006\0\012\001c\300\062"
	    "\300\122\0\020" IN TTL "\0\004\003\300\062x",
	    H("\4") Q OPT("\0", "")
	    "\001b" AT_Q "\0\001" IN TTL "\0\004\012\0\0\001"
	    "\300\046\0\017" IN TTL "\0\006\0\012\001c\300\046"
	    /* A text is no name. */
	    "\300\106\0\020" IN TTL "\0\004\003\300\062x");
}

/* In the rdata of each kind; a signature is not one of those that know. */
#define RECORDS(b, r)							\
	"\001b" AT_Q "\0\043" IN TTL "\0\013" /* NAPTR, RFC 3403 4.1 */	\
	"\0\001\0\002\001u\0\001x\300" b				\
	"\300" b "\0\006" IN TTL "\0\032" /* SOA */			\
	"\300" b "\001r\300" b						\
	"\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"			\
	"\300" r "\0\056" IN TTL "\0\027" /* RRSIG, RFC 4034 3.1 */	\
	"123456789012345678\300" b "sig"				\
	"\300\016\0\027" IN TTL "\0\003\001n\0" /* NSAP-PTR */		\
	"\300" b "\0\101" IN TTL "\0\015" /* HTTPS, RFC 9460 2.2 */	\
	"\0\001\001t\0\0\004\0\004\300\062\300\062"			\
	"\300" b "\377\001" IN TTL "\0\002\300\062" /* unknown */

Test(hop, D1_names_in_rdata)
{
	CHECK(H("\7") Q OPT("\014", COOKIE) RECORDS("\062", "\131"),
	    H("\7") Q OPT("\0", "") RECORDS("\046", "\115"));
	SAME(H("\7") Q OPT("\014", "\375\351\0\010abcdefgh")
	    RECORDS("\062", "\131"));
}

/* A name that leads into what goes: it stays the name that it was. */
Test(hop, D1_names_in_options)
{
	CHECK(H("\2") Q OPT("\007", "\0\012\0\003\001b\0")
	    "\001c\300\052\0\001" IN TTL "\0\004\012\0\0\001",
	    H("\2") Q OPT("\0", "")
	    "\001c\001b\0\0\001" IN TTL "\0\004\012\0\0\001");
}

/* RFC 2136 2.4: an update's record without rdata. */
Test(hop, D1_no_rdata)
{
	struct dns_query q;
	static const char before[] = "\x12\x34\x28\0\0\1\0\0\0\0\0\2"
	    Q OPT("\014", COOKIE) AT_Q "\0\006\0\377\0\0\0\0\0\0";
	static const char after[] = "\x12\x34\x28\0\0\1\0\0\0\0\0\2"
	    Q OPT("\0", "") AT_Q "\0\006\0\377\0\0\0\0\0\0";
	size_t n;

	memcpy(msg, before, sizeof(before));
	cr_assert_eq(dns_query_parse(msg, sizeof(before) - 1, &q), DNS_OK);
	cr_assert(q.edns.hop);
	n = sizeof(before) - 1;
	cr_assert_eq(dns_remove_hop_options(msg, &n, q.question_end, &q.edns),
	    DNS_OK);
	cr_assert_eq(n, sizeof(after) - 1);
	cr_assert_eq(memcmp(msg, after, n), 0);
}

/* The longest message, its options one after the other. */
Test(hop, D1_all_of_the_longest_message)
{
	static uint8_t big[DNS_MESSAGE_MAX];
	static const char head[] = H("\1") Q OPT("\377", "");
	size_t at = sizeof(head) - 2, n;

	memcpy(big, head, at);
	big[at++] = 0xff;
	big[at - 2] = (uint8_t)((sizeof(big) - at) >> 8);
	big[at - 1] = (uint8_t)(sizeof(big) - at);
	for (; at + 4 <= sizeof(big); at += 4)
		memcpy(big + at, at % 8 < 4 ? "\0\012\0\0" : "\0\016\0\0", 4);
	/* The last one has what is left over. */
	big[at - 1] = (uint8_t)(sizeof(big) - at);
	cr_assert_eq(dns_response_parse(big, sizeof(big), &r), DNS_OK);
	n = sizeof(big);
	cr_assert_eq(dns_remove_hop_options(big, &n, r.question_end, &r.edns),
	    DNS_OK);
	cr_assert_eq(n, r.edns.offset + r.edns.length);
	cr_assert(n > sizeof(big) / 2 && n < sizeof(big) / 2 + 64);
	cr_assert_eq(dns_response_parse(big, n, &r), DNS_OK);
	cr_assert_not(r.edns.hop);
}
