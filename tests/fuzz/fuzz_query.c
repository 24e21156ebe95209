/*
 * A client's message.  What was taken can be forwarded, and answered by a
 * reply that is an answer to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/build.h"
#include "dns/message.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* The text of a name, parsed, is the name, if an ACL could hold it. */
static void
check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name folded, back;
	size_t at, n;

	n = dns_name_print(name, text);
	require(n < sizeof(text) && strlen(text) == n && text[n - 1] == '.');
	dns_name_fold(name, &folded);
	require(dns_name_equal(name, &folded));
	if (dns_name_parse(text, n, &back, &at) == DNS_OK)
		require(dns_name_identical(&folded, &back) &&
		    back.labels == name->labels);
	else
		require(at <= n);
}

static void
check_reply(const uint8_t *msg, const struct dns_query *q, size_t limit)
{
	static const struct addr local = { ADDR_V4, { 192, 0, 2, 1 } };
	uint8_t out[DNS_MESSAGE_MAX];
	struct dns_response r;
	size_t n;

	n = dns_build_reply(msg, q, RCODE_REFUSED, EDE_BLOCKED, "blocked",
	    &local, limit, out, sizeof(out));
	require(n <= limit);
	if (n == 0) {
		require(limit < DNS_HEADER_SIZE);
		return;
	}
	require(dns_response_parse(out, n, &r) == DNS_OK);
	require(r.id == q->id && r.rcode == RCODE_REFUSED);
	if (limit < DNS_UDP_MIN)
		return;
	require(dns_response_matches(out, n, q, q->id, true) == DNS_OK);
	require(r.edns.present == q->edns.present && !(r.flags & DNS_TC));
}

/* What the worker does before it sends the query on. */
static void
check_forward(const uint8_t *data, size_t size, const struct dns_query *q)
{
	const uint16_t id = q->id ^ 0xffff;
	struct dns_query again;
	uint8_t *copy;

	if ((copy = malloc(size)) == NULL)
		return;
	memcpy(copy, data, size);
	dns_set_id(copy, id);
	dns_limit_edns(copy, &q->edns);
	require(dns_query_parse(copy, size, &again) == DNS_OK);
	require(again.id == id && again.strict == q->strict &&
	    again.has_question == q->has_question &&
	    dns_name_identical(&again.qname, &q->qname) &&
	    again.edns.offset == q->edns.offset &&
	    again.edns.length == q->edns.length &&
	    again.edns.udp_size <= DNS_EDNS_SIZE);
	free(copy);
}

/* A long message is decided by its head, and read whole if it may go on. */
static void
check_head(const uint8_t *data, size_t size, const struct dns_query *q,
    enum dns_err whole)
{
	struct dns_query head;
	enum dns_err err = dns_query_parse_head(data, size, &head);

	if (whole != DNS_OK) {
		require(err != DNS_OK || q->question_end == head.question_end);
		return;
	}
	require(err == DNS_OK && !head.whole && q->whole);
	require(head.id == q->id && head.flags == q->flags &&
	    head.length == size && head.question_end == q->question_end &&
	    head.has_question == q->has_question &&
	    head.qtype == q->qtype && head.qclass == q->qclass &&
	    dns_name_identical(&head.qname, &q->qname));
	require(head.strict >= q->strict);
	if (!head.strict)
		return;
	require(head.edns.present == q->edns.present &&
	    head.edns.dnssec_ok == q->edns.dnssec_ok &&
	    head.edns.version == q->edns.version &&
	    head.edns.udp_size == q->edns.udp_size &&
	    head.edns.offset == q->edns.offset &&
	    head.edns.length == q->edns.length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_response r;
	struct dns_query q;
	enum dns_err err;

	err = dns_query_parse(data, size, &q);
	require(*dns_strerror(err) != '\0');
	require((err == DNS_EHEADER) == (size < DNS_HEADER_SIZE));
	if (err == DNS_EHEADER || err == DNS_EQR)
		return (0);
	check_head(data, size, &q, err);
	/* No message is both. */
	require(dns_response_parse(data, size, &r) == DNS_EQR);
	if (q.has_question)
		check_name(&q.qname);
	/* FORMERR, too, is answered by what could be read. */
	if (err == DNS_OK || q.question_end != 0) {
		require(q.question_end >= DNS_HEADER_SIZE &&
		    q.question_end <= size);
		check_reply(data, &q, dns_udp_limit(&q));
		check_reply(data, &q, size % 300);
	}
	if (err == DNS_OK)
		check_forward(data, size, &q);
	return (0);
}
