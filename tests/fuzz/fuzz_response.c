/*
 * An upstream's message.  What was taken can be searched for addresses, and
 * stays the same message, to every reader, when it is made ready for a client.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/accept.h"
#include "dns/answer.h"
#include "dns/build.h"
#include "dns/message.h"

#define CAP	60

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_address before[DNS_ADDRESSES_MAX];
static struct dns_address after[DNS_ADDRESSES_MAX];

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Two that differ much: the result is the same. */
static uint64_t
hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325;

	while (len-- > 0)
		h = (h ^ *p++) * 0x100000001b3;
	return (h);
}

static uint64_t
bad_hash(const void *data, size_t len)
{
	(void)data;
	return (len % 2);
}

/* The query that the message would be an answer to. */
static struct dns_query
query_of(const struct dns_response *r)
{
	struct dns_query q = { .id = r->id, .flags = r->flags,
	    .has_question = r->has_question, .qname = r->qname,
	    .qtype = r->qtype, .qclass = r->qclass };

	return (q);
}

static void
check_addresses(const struct dns_address *a, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		require(addr_len(a[i].addr.family) != 0 &&
		    a[i].ttl <= INT32_MAX);
		for (j = 0; j < i && i < 64; j++)
			require(!addr_equal(&a[i].addr, &a[j].addr));
	}
}

/* Names that are led to are new and each there once. */
static void
check_targets(const uint8_t *msg, size_t size, const struct dns_response *r)
{
	static struct dns_target targets[DNS_CHAIN_MAX];
	size_t i, j, n;
	enum dns_err err;

	err = dns_answer_targets(msg, size, r, targets, &n);
	require(err == DNS_OK ||
	    (err == DNS_EFULL && r->ancount > DNS_LEADS_MAX));
	require(n <= DNS_CHAIN_MAX && (n == 0 || r->has_alias));
	for (i = 0; i < n; i++) {
		struct rcur c = { .buf = targets[i].name.wire,
		    .len = targets[i].name.len };
		struct dns_name again;

		require(dns_name_read(&c, false, &again) == DNS_OK &&
		    c.pos == c.len && again.labels == targets[i].name.labels);
		require(targets[i].ttl <= INT32_MAX &&
		    !dns_name_equal(&targets[i].name, &r->qname));
		for (j = 0; j < i; j++)
			require(!dns_name_equal(&targets[i].name,
			    &targets[j].name));
	}
}

/* Read in two halves, of which the second is in pieces, they are the same. */
static void
check_halves(const uint8_t *msg, const struct dns_response *r, size_t n,
    enum dns_err err)
{
	static struct dns_link links[DNS_LINKS_ROOM];
	static struct dns_follow f;
	enum dns_err last;
	size_t i, nlinks;
	bool more;

	if (dns_links_read(msg, r, hash, links, &nlinks) != DNS_OK)
		return;
	dns_follow_begin(&f, links, nlinks, hash, after, DNS_ADDRESSES_MAX);
	do
		last = dns_follow_some(&f, msg, r, links, nlinks, 3, &more);
	while (last == DNS_OK && more);
	require(last == err && f.addresses.n == n);
	for (i = 0; i < n; i++)
		require(addr_equal(&before[i].addr, &after[i].addr) &&
		    after[i].ttl == before[i].ttl);
}

/* New id, question's spelling and TTLs: the addresses stay what they are. */
static void
check_changes(uint8_t *msg, size_t size, const struct dns_response *r)
{
	struct dns_query q = query_of(r);
	struct dns_response again;
	size_t i, n, m;
	enum dns_err err;

	err = dns_answer_addresses(msg, size, r, hash, before,
	    DNS_ADDRESSES_MAX, &n);
	require(err == DNS_OK || (err == DNS_EFULL && n == DNS_ADDRESSES_MAX));
	check_addresses(before, n);
	check_halves(msg, r, n, err);
	dns_name_fold(&r->qname, &q.qname);
	dns_set_id(msg, (uint16_t)~r->id);
	dns_restore_question(msg, &q);
	dns_answer_cap_ttl(msg, size, r, CAP);
	require(dns_response_parse(msg, size, &again) == DNS_OK);
	require(dns_response_matches(msg, size, &q, (uint16_t)~r->id, true) ==
	    DNS_OK);
	require(again.rcode == r->rcode && again.answer_end == r->answer_end &&
	    again.edns.offset == r->edns.offset);
	require(dns_answer_addresses(msg, size, &again, bad_hash, after,
	    DNS_ADDRESSES_MAX, &m) == err && m == n);
	for (i = 0; i < n; i++)
		require(addr_equal(&before[i].addr, &after[i].addr) &&
		    after[i].ttl == (before[i].ttl < CAP ? before[i].ttl :
		    CAP));
}

static void
check_truncate(uint8_t *msg, size_t size, const struct dns_response *r)
{
	struct dns_response cut;
	size_t n;

	n = dns_truncate(msg, size, r, DNS_UDP_MIN);
	require(n <= size && n <= DNS_UDP_MIN);
	require(dns_response_parse(msg, n, &cut) == DNS_OK);
	require(cut.flags & DNS_TC && cut.ancount == 0 &&
	    cut.has_question == r->has_question &&
	    dns_name_equal(&cut.qname, &r->qname));
	if (cut.edns.present)
		require(cut.rcode == r->rcode &&
		    cut.edns.length == r->edns.length);
	else
		require(!r->edns.present ||
		    r->edns.length > DNS_UDP_MIN - r->question_end);
}

/* What may leave is the answer to the query, without options of one hop. */
static void
check_accept(const uint8_t *data, size_t size)
{
	static uint8_t space[DNS_MESSAGE_MAX];
	struct dns_query q = { .flags = DNS_RD, .has_question = true,
	    .qname = { 3, 1, "\1a" }, .qtype = TYPE_A, .qclass = CLASS_IN };
	struct dns_response r, again;
	struct rcur c = { data, size, 0 };
	const uint8_t *msg = data;

	/* As if it had been asked for, if it has a question. */
	if (dns_response_parse(data, size, &r) != DNS_EHEADER &&
	    r.question_end != 0 && r.has_question)
		q = query_of(&r);
	if (rcur_u16(&c, &q.id) == -1 ||
	    dns_response_matches(data, size, &q, q.id, true) != DNS_OK ||
	    dns_accept(&msg, &size, &q, size % 2, space, &r) != DNS_OK)
		return;
	require(dns_response_matches(msg, size, &q, q.id, true) == DNS_OK);
	require(dns_response_parse(msg, size, &again) == DNS_OK);
	require(again.length == size && r.length == size &&
	    again.answer_end == r.answer_end && again.rcode == r.rcode &&
	    again.has_question == q.has_question &&
	    (!again.edns.hop || again.is_signed) &&
	    memcmp(&again.edns, &r.edns, sizeof(r.edns)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_response r;
	struct dns_query q;
	uint8_t *copy;
	enum dns_err err;

	check_accept(data, size);
	err = dns_response_parse(data, size, &r);
	require(*dns_strerror(err) != '\0');
	require((err == DNS_EHEADER) == (size < DNS_HEADER_SIZE));
	if (err != DNS_OK)
		return (0);
	require(dns_query_parse(data, size, &q) == DNS_EQR);
	require(r.question_end >= DNS_HEADER_SIZE &&
	    r.question_end <= r.answer_end && r.answer_end <= r.length &&
	    r.length <= size);
	size = r.length;
	q = query_of(&r);
	require(dns_response_matches(data, size, &q, r.id, true) == DNS_OK);
	q.id = (uint16_t)~r.id;
	require(dns_response_matches(data, size, &q, q.id, false) ==
	    DNS_EQUESTION);
	if ((copy = malloc(size)) == NULL)
		return (0);
	memcpy(copy, data, size);
	check_targets(copy, size, &r);
	check_changes(copy, size, &r);
	check_truncate(copy, size, &r);
	free(copy);
	return (0);
}
