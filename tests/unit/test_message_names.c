/*
 * Names that lead through what changes on the way (D10): nobody may read
 * another name behind dnsfw than dnsfw read.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "dns/message.h"

#define ANSWER	"\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
#define Q	"\001a\007example\0\0\001\0\001"	/* at offset 12 */
#define AT_Q	"\300\014"
#define TTL	"\0\0\0\074"

#define PARSE(octets, r)						\
	dns_response_parse((const uint8_t *)(octets), sizeof(octets) - 1, r)

static struct dns_response r;

/*
 * A question of labels xxx, yyy and "\300A", which reads as a pointer to offset
 * 65; in lower case to 97.  Its rest is filled by the test.
 */
static size_t
two_octet_label(uint8_t *msg)
{
	size_t n = 0;

	memcpy(msg, ANSWER, 12);
	n = 12;
	msg[n] = 63;
	memset(msg + n + 1, 'x', 63);
	memcpy(msg + 65, "\003bad", 5);
	n += 64;
	msg[n] = 40;
	memset(msg + n + 1, 'y', 40);
	memcpy(msg + 97, "\004good", 6);
	n += 41;
	memcpy(msg + n, "\002\300A\0\0\001\0\001", 8);
	return (n + 8);
}

Test(message_names, D10_pointer_through_letters_of_the_question)
{
	uint8_t msg[256];
	size_t n = two_octet_label(msg), label = n - 7;

	memcpy(msg + n, AT_Q "\0\005\0\001" TTL "\0\002\300", 13);
	msg[n + 13] = (uint8_t)label;
	cr_assert_eq(dns_response_parse(msg, n + 14, &r), DNS_EPOINTER);
}

Test(message_names, D10_that_question_is_fine_otherwise)
{
	uint8_t msg[256];
	size_t n = two_octet_label(msg);

	memcpy(msg + n, AT_Q "\0\001\0\001" TTL "\0\004\300\0\002\001", 16);
	cr_assert_eq(dns_response_parse(msg, n + 16, &r), DNS_OK);
}

Test(message_names, D10_pointer_into_the_question)
{
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\005\0\001" TTL "\0\002\300\016",
	    &r), DNS_OK);
}

/* A count would be read as the root. */
Test(message_names, D10_nsec_through_the_header)
{
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\057\0\001" TTL "\0\002\300\004",
	    &r), DNS_EPOINTER);
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\057\0\001" TTL "\0\002\300\014",
	    &r), DNS_OK);
}

/* Some servers compress the signer's name, against RFC 4034. */
Test(message_names, D10_rrsig_through_its_ttl)
{
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\056\0\001" TTL "\0\024"
	    "\0\001\005\002\0\0\0\074\0\0\0\0\0\0\0\0\0\0\300\041", &r),
	    DNS_EPOINTER);
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\056\0\001" TTL "\0\024"
	    "\0\001\005\002\0\0\0\074\0\0\0\0\0\0\0\0\0\0\300\014", &r),
	    DNS_OK);
}

/* BIND follows such a pointer, Knot does not (RFC 3597 4 forbids it). */
Test(message_names, D10_compressed_where_readers_disagree)
{
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\153\0\001" TTL "\0\004\0\001"
	    AT_Q, &r), DNS_EPOINTER);		/* LP */
	cr_assert_eq(PARSE(ANSWER Q AT_Q "\0\371\0\377" TTL "\0\002" AT_Q,
	    &r), DNS_EPOINTER);			/* TKEY */
}
