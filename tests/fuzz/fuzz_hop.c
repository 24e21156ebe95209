/*
 * Options of one hop, taken out of a message (D1).  What is left is the same,
 * record by record: the records themselves, and the names in them, wherever
 * their pointers lead now; and there is nothing more to take out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/hop.h"
#include "dns/message.h"

#define OPT_FIXED	11

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Of a query or an answer, what matters here. */
struct parsed {
	size_t		records;
	size_t		length;
	struct dns_edns	edns;
};

static enum dns_err
parse(const uint8_t *msg, size_t len, struct parsed *p)
{
	struct dns_response r;
	struct dns_query q;
	enum dns_err err;

	if ((err = dns_query_parse(msg, len, &q)) == DNS_OK)
		*p = (struct parsed){ q.question_end, q.length, q.edns };
	else if (err == DNS_EQR &&
	    (err = dns_response_parse(msg, len, &r)) == DNS_OK)
		*p = (struct parsed){ r.question_end, r.length, r.edns };
	return (err);
}

static void
same_octets(struct rcur *a, struct rcur *b, size_t n)
{
	require(rcur_has(a, n) && rcur_has(b, n) &&
	    memcmp(a->buf + a->pos, b->buf + b->pos, n) == 0);
	a->pos += n;
	b->pos += n;
}

static void
same_name(struct rcur *a, struct rcur *b)
{
	struct dns_name name_a, name_b;

	require(dns_name_read(a, true, &name_a) == DNS_OK);
	require(dns_name_read(b, true, &name_b) == DNS_OK);
	require(dns_name_identical(&name_a, &name_b));
}

static void
same_field(struct rcur *a, struct rcur *b, char field)
{
	if (field == 'n' || field == 'u')
		same_name(a, b);
	else if (field == 's')
		same_octets(a, b, 1U + a->buf[a->pos]);
	else if (field > '0' && field <= '9')
		same_octets(a, b, (size_t)(field - '0'));
	else
		same_octets(a, b, a->len - a->pos);
}

/* OPT: the options of b are those of a that are not of one hop. */
static void
same_options(struct rcur *a, struct rcur *b)
{
	uint16_t code = 0, length = 0;
	struct rcur at;

	while (a->pos < a->len) {
		at = *a;
		require(rcur_u16(a, &code) == 0 && rcur_u16(a, &length) == 0 &&
		    rcur_skip(a, length) == 0);
		if (code < 10 || code > 12)
			same_octets(&at, b, 4U + length);
	}
}

static void
same_record(struct rcur *a, struct rcur *b)
{
	struct rcur owner_a = *a, owner_b = *b, rd_a, rd_b;
	struct dns_record rec_a, rec_b;
	const char *field;

	same_name(&owner_a, &owner_b);
	same_octets(&owner_a, &owner_b, 8);
	require(dns_record_read(a, NULL, &rec_a) == DNS_OK &&
	    dns_record_read(b, NULL, &rec_b) == DNS_OK);
	rd_a = (struct rcur){ a->buf, a->pos, rec_a.rdata };
	rd_b = (struct rcur){ b->buf, b->pos, rec_b.rdata };
	field = dns_rdata_fields(rec_a.type, rec_a.class);
	if (rec_a.type == TYPE_OPT)
		same_options(&rd_a, &rd_b);
	for (; rec_a.type != TYPE_OPT &&
	    *field != '\0' && rd_a.pos < rd_a.len; field++)
		same_field(&rd_a, &rd_b, *field);
	require(rd_a.pos == rd_a.len && rd_b.pos == rd_b.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parsed before, after, again;
	struct rcur a, b;
	enum dns_err err;
	uint8_t *copy;
	size_t n;
	bool last;

	if (size > DNS_MESSAGE_MAX || parse(data, size, &before) != DNS_OK ||
	    (copy = malloc(DNS_MESSAGE_MAX)) == NULL)
		return (0);
	memcpy(copy, data, size);
	after = before;
	last = before.edns.offset + before.edns.length == before.length;
	n = before.length;
	if (dns_remove_hop_options(copy, &n, before.records, &after.edns) !=
	    DNS_OK) {
		require(!last);
		free(copy);
		return (0);
	}
	require(n == before.length || before.edns.hop);
	/* If it is the last one, nothing has moved up to OPT. */
	require(n <= DNS_MESSAGE_MAX && memcmp(copy, data,
	    !before.edns.hop ? n : last ? before.edns.offset + OPT_FIXED - 2 :
	    before.records) == 0);
	/* A name may lead through more pointers than before (strip.h). */
	if ((err = parse(copy, n, &again)) == DNS_ESTEPS && !last) {
		free(copy);
		return (0);
	}
	require(err == DNS_OK);
	a = (struct rcur){ data, before.length, before.records };
	b = (struct rcur){ copy, n, before.records };
	while (a.pos < a.len)
		same_record(&a, &b);
	require(b.pos == b.len);
	require(!again.edns.hop && again.length == n &&
	    memcmp(&again.edns, &after.edns, sizeof(again.edns)) == 0);
	free(copy);
	return (0);
}
