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

/* Its class reads as a pointer, to the name. */
Test(message_names, D10_pointer_at_the_end_of_the_question)
{
	cr_assert_eq(PARSE(ANSWER "\001q\0\0\001\300\014" "\300\021\377\0"
	    "\0\001" TTL "\0\0", &r), DNS_EPOINTER);
	cr_assert_eq(PARSE(ANSWER "\001q\0\0\001\300\014" "\300\014\377\0"
	    "\0\001" TTL "\0\0", &r), DNS_OK);
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

/*
 * A message whose records have so many pointers each: owner and, if they are
 * NS records, the name in rdata.  What they lead to is stairs of pointers.
 */
static uint8_t big[DNS_MESSAGE_MAX];
static struct wcur w;
static unsigned int nrecords;

static void
put_pointer(unsigned int steps)
{
	/* The root, for one step, and a pointer to it for two, and so on. */
	wcur_u16(&w, (uint16_t)(0xc000 | (steps == 1 ? 30 : 27 + 2 * steps)));
}

static void
put_fixed(uint16_t type, uint16_t rdlength)
{
	wcur_u16(&w, type);
	wcur_u16(&w, CLASS_IN);
	wcur_u32(&w, 60);
	wcur_u16(&w, rdlength);
	nrecords++;
}

static void
begin_stairs(uint16_t flags)
{
	unsigned int i;

	w = (struct wcur){ .buf = big, .len = sizeof(big) };
	nrecords = 0;
	wcur_u16(&w, 0x1234);
	wcur_u16(&w, flags);
	wcur_u16(&w, 1);
	wcur_u32(&w, 0);
	wcur_u16(&w, 0);
	wcur_bytes(&w, "\001q\0\0\001\0\001", 7);
	wcur_u8(&w, 0);
	put_fixed(65280, 1 + 2 * 126);
	wcur_u8(&w, 0);				/* at offset 30 */
	for (i = 1; i <= 126; i++)
		put_pointer(i);
}

static enum dns_err
parse_stairs(void)
{
	struct wcur count = { .buf = big, .len = sizeof(big), .pos = 6 };
	struct dns_query q;

	wcur_u16(&count, (uint16_t)nrecords);
	cr_assert_not(w.overflow);
	return (big[2] & 0x80 ? dns_response_parse(big, w.pos, &r) :
	    dns_query_parse(big, w.pos, &q));
}

/* The same in each step of the stairs, and in queries as in answers. */
Test(message_names, D21_steps_of_owners)
{
	static const unsigned int each[] = { 1, 2, 64, 127 };
	uint16_t flags;
	unsigned int left, n;
	size_t i, answer;

	for (answer = 0; answer < 2; answer++)
		for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
			flags = answer ? DNS_QR : 0;
			begin_stairs(flags);
			for (left = 4096; left > 0; left -= n) {
				n = left < each[i] ? left : each[i];
				put_pointer(n);
				put_fixed(65280, 0);
			}
			cr_assert_eq(parse_stairs(), DNS_OK);
			put_pointer(1);
			put_fixed(65280, 0);
			cr_assert_eq(parse_stairs(), DNS_ESTEPS);
		}
}

Test(message_names, D21_steps_in_rdata_are_of_the_same_4096)
{
	unsigned int i;

	begin_stairs(DNS_QR);
	for (i = 0; i < 32; i++) {		/* 128 each */
		put_pointer(1);
		put_fixed(TYPE_SOA, 2 + 2 + 20);
		put_pointer(100);
		put_pointer(27);
		wcur_bytes(&w, "12345678901234567890", 20);
	}
	cr_assert_eq(parse_stairs(), DNS_OK);
	wcur_u8(&w, 0);
	put_fixed(TYPE_NS, 2);
	put_pointer(1);
	cr_assert_eq(parse_stairs(), DNS_ESTEPS);
}

/* As many addresses as fit, each with a pointer to the question. */
Test(message_names, D9_the_largest_answer_takes_fewer)
{
	begin_stairs(DNS_QR);
	w.pos = 19;
	nrecords = 0;
	while (w.pos + 16 <= sizeof(big)) {
		wcur_bytes(&w, AT_Q, 2);
		put_fixed(TYPE_A, 4);
		wcur_u32(&w, nrecords);
	}
	cr_assert_eq(nrecords, 4094);
	cr_assert_eq(parse_stairs(), DNS_OK);
}
