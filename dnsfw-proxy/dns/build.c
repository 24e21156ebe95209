/* Messages that are made or changed here. */
#include "build.h"

#include <string.h>

#define OWNER_QNAME	0xc00cU	/* pointer to offset 12 (RFC 1035 4.1.4) */
#define OPTION_EDE	15	/* RFC 8914 */
#define OPT_FIXED	11	/* an OPT record without options */
#define EDE_FIXED	6	/* code, length, info-code */
#define EDNS_DO		0x8000U	/* in the TTL field of OPT */

/* What is left out, one thing after the other, of a reply that is too long. */
enum step {
	STEP_ALL,
	STEP_NO_TEXT,
	STEP_NO_SOA,
	STEP_NO_EDE,
	STEP_QUESTION,		/* TC, and no record at all */
	STEP_HEADER,		/* TC, and no question either */
	STEPS
};

struct reply {
	const uint8_t		*msg;
	const struct dns_query	*q;
	uint16_t		 rcode;
	enum dns_ede		 ede;
	const char		*text;
	const struct addr	*local;
};

static uint16_t
reply_flags(uint16_t flags, uint16_t rcode)
{
	return ((uint16_t)(DNS_QR | DNS_RA |
	    (flags & (DNS_OPCODE | DNS_RD | DNS_CD)) | (rcode & DNS_RCODE)));
}

static void
put_header(struct wcur *w, uint16_t id, uint16_t flags, bool question,
    bool answer, bool authority, bool opt)
{
	wcur_u16(w, id);
	wcur_u16(w, flags);
	wcur_u16(w, question);
	wcur_u16(w, answer);
	wcur_u16(w, authority);
	wcur_u16(w, opt);
}

static uint16_t
address_type(const struct addr *a)
{
	return (a->family == ADDR_V4 ? TYPE_A : TYPE_AAAA);
}

static void
build_address(struct wcur *w, const struct addr *a)
{
	size_t len = addr_len(a->family);

	wcur_u16(w, OWNER_QNAME);
	wcur_u16(w, address_type(a));
	wcur_u16(w, CLASS_IN);
	wcur_u32(w, DNS_LOCAL_TTL);
	wcur_u16(w, (uint16_t)len);
	wcur_bytes(w, a->bytes, len);
}

/* A "no" of ours to an ordinary question, which a cache may keep. */
static bool
is_negative(const struct reply *r, bool answer)
{
	return ((r->rcode == RCODE_NXDOMAIN ||
	    (r->rcode == RCODE_NOERROR && !answer)) &&
	    r->q->qclass == CLASS_IN &&
	    DNS_OPCODE_OF(r->q->flags) == DNS_OPCODE_QUERY);
}

/*
 * A pointer to the name of the zone that we seem to be: the queried name's own,
 * or, where that is said not to exist, its parent's.
 */
static uint16_t
soa_owner(const struct reply *r)
{
	const struct dns_name *qname = &r->q->qname;

	if (r->rcode != RCODE_NXDOMAIN || qname->labels == 0)
		return (OWNER_QNAME);
	return ((uint16_t)(OWNER_QNAME + 1U + qname->wire[0]));
}

/* With the names and numbers of the empty zones of RFC 6303 3. */
static void
put_soa(struct wcur *w, const struct reply *r)
{
	static const char rname[] = "\006nobody\007invalid";
	static const uint32_t numbers[] = { 1, 3600, 1200, 604800,
	    DNS_LOCAL_TTL };
	uint16_t owner = soa_owner(r);
	size_t i;

	wcur_u16(w, owner);
	wcur_u16(w, TYPE_SOA);
	wcur_u16(w, CLASS_IN);
	wcur_u32(w, DNS_LOCAL_TTL);
	wcur_u16(w, 2 + sizeof(rname) + sizeof(numbers));
	wcur_u16(w, owner);
	wcur_bytes(w, rname, sizeof(rname));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		wcur_u32(w, numbers[i]);
}

/* A text that is too long for the length fields does not fit into w either. */
static void
put_opt(struct wcur *w, const struct reply *r, bool ede, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	wcur_u8(w, 0);
	wcur_u16(w, TYPE_OPT);
	wcur_u16(w, DNS_EDNS_SIZE);
	wcur_u32(w, (uint32_t)(r->rcode >> 4) << 24 |
	    (r->q->edns.dnssec_ok ? EDNS_DO : 0));
	wcur_u16(w, (uint16_t)(ede ? EDE_FIXED + n : 0));
	if (!ede)
		return;
	wcur_u16(w, OPTION_EDE);
	wcur_u16(w, (uint16_t)(EDE_FIXED - 4 + n));
	wcur_u16(w, (uint16_t)r->ede);
	wcur_bytes(w, text, n);
}

/* One try; returns the length, or 0 if it does not fit into size. */
static size_t
put_reply(const struct reply *r, enum step step, uint8_t *out, size_t size)
{
	struct wcur w = { .buf = out, .len = size };
	const struct dns_query *q = r->q;
	uint16_t flags = reply_flags(q->flags, r->rcode);
	bool whole = step < STEP_QUESTION;
	bool question = q->has_question && step < STEP_HEADER;
	bool answer = whole && question && r->local != NULL &&
	    q->qclass == CLASS_IN && q->qtype == address_type(r->local);
	bool soa = question && step < STEP_NO_SOA && is_negative(r, answer);
	bool opt = whole && q->edns.present;

	put_header(&w, q->id, whole ? flags : flags | DNS_TC, question, answer,
	    soa, opt);
	if (question)
		wcur_bytes(&w, r->msg + DNS_HEADER_SIZE,
		    q->question_end - DNS_HEADER_SIZE);
	if (answer)
		build_address(&w, r->local);
	if (soa)
		put_soa(&w, r);
	if (opt)
		put_opt(&w, r, r->ede != EDE_NONE && step < STEP_NO_EDE,
		    step < STEP_NO_TEXT ? r->text : NULL);
	return (w.overflow ? 0 : w.pos);
}

size_t
dns_build_reply(const uint8_t *msg, const struct dns_query *q, uint16_t rcode,
    enum dns_ede ede, const char *text, const struct addr *local, size_t limit,
    uint8_t *out, size_t size)
{
	const struct reply r = { .msg = msg, .q = q, .rcode = rcode,
	    .ede = ede, .text = text, .local = local };
	enum step step;
	size_t n = 0;

	if (size > limit)
		size = limit;
	if (size > DNS_MESSAGE_MAX)
		size = DNS_MESSAGE_MAX;
	for (step = STEP_ALL; n == 0 && step < STEPS; step++)
		n = put_reply(&r, step, out, size);
	return (n);
}

size_t
dns_build_header_reply(uint16_t id, uint16_t flags, uint16_t rcode,
    uint8_t out[DNS_HEADER_SIZE])
{
	struct wcur w = { .buf = out, .len = DNS_HEADER_SIZE };

	put_header(&w, id, reply_flags(flags, rcode), false, false, false,
	    false);
	return (w.pos);
}

void
dns_set_id(uint8_t *msg, uint16_t id)
{
	struct wcur w = { .buf = msg, .len = DNS_HEADER_SIZE };

	wcur_u16(&w, id);
}

void
dns_limit_edns(uint8_t *msg, const struct dns_edns *edns)
{
	struct wcur w = { .buf = msg, .len = edns->offset + edns->length };

	if (!edns->present || edns->udp_size <= DNS_EDNS_SIZE)
		return;
	w.pos = edns->offset + 3;	/* behind the root owner and the type */
	wcur_u16(&w, DNS_EDNS_SIZE);
}

size_t
dns_udp_limit(const struct dns_query *q)
{
	if (!q->edns.present || q->edns.udp_size < DNS_UDP_MIN)
		return (DNS_UDP_MIN);
	return (q->edns.udp_size < DNS_EDNS_SIZE ? q->edns.udp_size :
	    DNS_EDNS_SIZE);
}

size_t
dns_truncate(uint8_t *msg, size_t len, const struct dns_response *r,
    size_t limit)
{
	/* The id stays: it may have been changed since r was parsed. */
	struct wcur w = { .buf = msg, .len = len, .pos = 2 };
	size_t end = r->question_end;
	bool opt = r->edns.present && end <= limit &&
	    r->edns.length <= limit - end;

	if (opt) {
		memmove(msg + end, msg + r->edns.offset, r->edns.length);
		end += r->edns.length;
	}
	wcur_u16(&w, r->flags | DNS_TC);
	wcur_u16(&w, r->has_question);
	wcur_u16(&w, 0);
	wcur_u16(&w, 0);
	wcur_u16(&w, opt);
	return (end);
}

size_t
dns_append_ede(uint8_t *msg, size_t len, size_t limit,
    struct dns_edns *edns, enum dns_ede ede, const char *text)
{
	struct wcur w = { .buf = msg, .len = limit, .pos = len };
	size_t n = strlen(text);

	if (!edns->present || edns->offset + edns->length != len ||
	    len > limit || limit - len < EDE_FIXED + n)
		return (len);
	wcur_u16(&w, OPTION_EDE);
	wcur_u16(&w, (uint16_t)(EDE_FIXED - 4 + n));
	wcur_u16(&w, (uint16_t)ede);
	wcur_bytes(&w, text, n);
	len = w.pos;
	edns->length += EDE_FIXED + n;
	w.pos = edns->offset + OPT_FIXED - 2;
	wcur_u16(&w, (uint16_t)(edns->length - OPT_FIXED));
	return (len);
}

void
dns_restore_question(uint8_t *msg, const struct dns_query *q)
{
	if (q->has_question)
		memcpy(msg + DNS_HEADER_SIZE, q->qname.wire, q->qname.len);
}
