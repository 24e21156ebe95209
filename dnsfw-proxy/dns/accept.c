/* An upstream's answer, made fit to leave. */
#include "accept.h"

#include <string.h>

#include "build.h"
#include "hop.h"

/* Header and question, as far as they were read, and TC. */
static size_t
cut(const uint8_t *msg, const struct dns_response *r, uint8_t *space)
{
	struct dns_response head = *r;

	head.edns.present = false;
	memcpy(space, msg, head.question_end);
	return (dns_truncate(space, head.question_end, &head,
	    head.question_end));
}

/* The header, the question of q, and OPT. */
static size_t
give_question(const uint8_t *msg, const struct dns_response *r,
    const struct dns_query *q, uint8_t *space)
{
	struct wcur w = { .buf = space, .len = DNS_MESSAGE_MAX };

	wcur_bytes(&w, msg, 4);		/* id, flags */
	wcur_u16(&w, 1);
	wcur_u32(&w, 0);
	wcur_u16(&w, r->edns.present);
	wcur_bytes(&w, q->qname.wire, q->qname.len);
	wcur_u16(&w, q->qtype);
	wcur_u16(&w, q->qclass);
	if (r->edns.present)
		wcur_bytes(&w, msg + r->edns.offset, r->edns.length);
	return (w.overflow ? 0 : w.pos);
}

static enum dns_err
put_in_space(const uint8_t **msg, size_t *len, uint8_t *space, size_t n,
    struct dns_response *r)
{
	*msg = space;
	*len = n;
	return (dns_response_parse(space, n, r));
}

enum dns_err
dns_accept(const uint8_t **msg, size_t *len, const struct dns_query *q,
    bool datagram, uint8_t *space, struct dns_response *r)
{
	enum dns_err err;

	err = dns_response_parse(*msg, *len, r);
	if (err != DNS_OK && datagram && r->question_end != 0 &&
	    (r->flags & DNS_TC))
		err = put_in_space(msg, len, space, cut(*msg, r, space), r);
	if (err == DNS_OK && q->has_question && !r->has_question)
		err = put_in_space(msg, len, space,
		    give_question(*msg, r, q, space), r);
	if (err != DNS_OK)
		return (err);
	*len = r->length;
	if (!r->edns.hop || r->is_signed)
		return (DNS_OK);
	if (*msg != space)
		memcpy(space, *msg, *len);
	err = dns_remove_hop_options(space, len, r->question_end, &r->edns);
	return (err != DNS_OK ? err : put_in_space(msg, len, space, *len, r));
}
