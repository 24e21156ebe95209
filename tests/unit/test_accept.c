/* An upstream's answer, made fit to leave, octet by octet (D1, D10, D15). */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "dns/accept.h"

#define H(flags, qd, an, ar)						\
	"\x12\x34" flags "\0" qd "\0" an "\0\0\0" ar
#define GOOD	"\x81\x80"
#define REFUSED	"\x81\x05"
#define TC	"\x83\x80"

/* The question a.example IN A at offset 12, 15 octets; as asked, and echoed. */
#define Q	"\001A\007eXample\0\0\001\0\001"
#define Q_ECHO	"\001a\007example\0\0\001\0\001"
#define A	"\300\014\0\001\0\001\0\0\0\074\0\004\012\0\0\001"
#define OPT(length, options)						\
	"\0\0\051\004\320\0\0\200\0\0" length options
#define COOKIE	"\0\012\0\010abcdefgh"
#define EDE	"\0\017\0\002\0\017"
#define TSIG	"\001k\0" "\0\372\0\377\0\0\0\0" "\0\004\001h\0x"

static uint8_t space[DNS_MESSAGE_MAX];
static struct dns_response r;

static void
check(const char *in, size_t len, bool datagram, enum dns_err want,
    const char *out, size_t out_len)
{
	static const uint8_t asked[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0" Q;
	const uint8_t *msg = (const uint8_t *)in;
	struct dns_response again;
	struct dns_query q;
	enum dns_err err;

	cr_assert_eq(dns_query_parse(asked, sizeof(asked) - 1, &q), DNS_OK);
	err = dns_accept(&msg, &len, &q, datagram, space, &r);
	cr_assert_eq(err, want, "%s", dns_strerror(err));
	if (err != DNS_OK)
		return;
	cr_assert_eq(len, out_len, "%zu octets", len);
	cr_assert_eq(memcmp(msg, out, len), 0);
	/* What is known of it is its parse. */
	cr_assert_eq(dns_response_parse(msg, len, &again), DNS_OK);
	cr_assert_eq(again.length, r.length);
	cr_assert_eq(again.answer_end, r.answer_end);
	cr_assert_eq(again.rcode, r.rcode);
	cr_assert_eq(memcmp(&again.edns, &r.edns, sizeof(r.edns)), 0);
}

#define BY_UDP(in, out)							\
	check(in, sizeof(in) - 1, true, DNS_OK, out, sizeof(out) - 1)
#define BY_TCP(in, out)							\
	check(in, sizeof(in) - 1, false, DNS_OK, out, sizeof(out) - 1)
#define BROKEN(in, datagram, err)					\
	check(in, sizeof(in) - 1, datagram, err, NULL, 0)

Test(accept, D1_most_stay_as_they_are)
{
	BY_UDP(H(GOOD, "\1", "\1", "\0") Q_ECHO A,
	    H(GOOD, "\1", "\1", "\0") Q_ECHO A);
	BY_TCP(H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\006", EDE),
	    H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\006", EDE));
	BY_UDP(H(REFUSED, "\1", "\0", "\0") Q_ECHO,
	    H(REFUSED, "\1", "\0", "\0") Q_ECHO);
}

Test(accept, D10_octets_behind_are_cut_off)
{
	BY_UDP(H(GOOD, "\1", "\1", "\0") Q_ECHO A "\0",
	    H(GOOD, "\1", "\1", "\0") Q_ECHO A);
	BY_TCP(H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\0", "") A A,
	    H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\0", ""));
	BY_UDP(H(REFUSED, "\0", "\0", "\0") "junk",
	    H(REFUSED, "\1", "\0", "\0") Q);
}

Test(accept, D1_options_of_one_hop)
{
	BY_UDP(H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\022", COOKIE EDE),
	    H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\006", EDE));
	BY_TCP(H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\014", COOKIE) "x",
	    H(GOOD, "\1", "\1", "\1") Q_ECHO A OPT("\0", ""));
	/* RFC 8945 5.5: as it came. */
	BY_TCP(H(GOOD, "\1", "\1", "\2") Q_ECHO A OPT("\014", COOKIE) TSIG,
	    H(GOOD, "\1", "\1", "\2") Q_ECHO A OPT("\014", COOKIE) TSIG);
}

Test(accept, D15_an_error_gets_its_question)
{
	BY_UDP(H(REFUSED, "\0", "\0", "\0"), H(REFUSED, "\1", "\0", "\0") Q);
	cr_assert_eq(r.rcode, RCODE_REFUSED);
	cr_assert(r.has_question);
	cr_assert_eq(r.qtype, TYPE_A);
	BY_TCP(H("\x80\x01", "\0", "\0", "\1") OPT("\022", EDE COOKIE),
	    H("\x80\x01", "\1", "\0", "\1") Q OPT("\006", EDE));
	/* BADCOOKIE: 23, the upper bits in OPT. */
	BY_TCP(H("\x80\x07", "\0", "\0", "\1")
	    "\0\0\051\004\320\001\0\0\0\0\0",
	    H("\x80\x07", "\1", "\0", "\1") Q
	    "\0\0\051\004\320\001\0\0\0\0\0");
	cr_assert_eq(r.rcode, 23);
}

/* Nothing asked for records without a question, so they go. */
Test(accept, D15_no_records_without_a_question)
{
	BY_UDP(H("\x81\x83", "\0", "\1", "\1")
	    "\001A\007eXample\0\0\001\0\001\0\0\0\074\0\004\012\0\0\001"
	    OPT("\0", ""), H("\x81\x83", "\1", "\0", "\1") Q OPT("\0", ""));
	BROKEN(H("\x81\x83", "\0", "\1", "\0"), true, DNS_ECOUNT);
}

Test(accept, D15_tc_cut_inside_a_record)
{
	BY_UDP(H(TC, "\1", "\2", "\1") Q_ECHO A
	    "\300\014\0\001\0\001\0\0\0\074\0\004\012",
	    H(TC, "\1", "\0", "\0") Q_ECHO);
	/* Without the records that its counts promise. */
	BY_UDP(H(TC, "\1", "\2", "\1") Q_ECHO,
	    H(TC, "\1", "\0", "\0") Q_ECHO);
	/* Its OPT might be another octets' as well. */
	BY_UDP(H(TC, "\1", "\0", "\2") Q_ECHO OPT("\006", EDE) "\0",
	    H(TC, "\1", "\0", "\0") Q_ECHO);
	BY_UDP(H("\x83\x02", "\0", "\1", "\0") "\0",
	    H("\x83\x02", "\1", "\0", "\0") Q);
	/* Over TCP there is no such limit, and without TC no reason. */
	BROKEN(H(TC, "\1", "\2", "\0") Q_ECHO A
	    "\300\014\0\001\0\001\0\0\0\074\0\004\012", false, DNS_ESHORT);
	BROKEN(H(GOOD, "\1", "\2", "\0") Q_ECHO A
	    "\300\014\0\001\0\001\0\0\0\074\0\004\012", true, DNS_ESHORT);
	/* One that can be parsed keeps what it has. */
	BY_UDP(H(TC, "\1", "\1", "\0") Q_ECHO A,
	    H(TC, "\1", "\1", "\0") Q_ECHO A);
}

/* The longest question and an OPT that fills the rest of a message. */
Test(accept, D15_no_room_for_the_question)
{
	static uint8_t big[DNS_MESSAGE_MAX];
	static const char head[] = H(REFUSED, "\0", "\0", "\1")
	    OPT("\0", "\375\351\0\0");
	const size_t at = sizeof(head) - 1;
	size_t rest = sizeof(big) - at;

	memcpy(big, head, at);
	big[at - 6] = (uint8_t)((rest + 4) >> 8);
	big[at - 5] = (uint8_t)(rest + 4);
	big[at - 2] = (uint8_t)(rest >> 8);
	big[at - 1] = (uint8_t)rest;
	check((const char *)big, sizeof(big), true, DNS_EHEADER, NULL, 0);
}
