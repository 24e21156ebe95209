/* Whole messages, checked to the last record. */
#include "message.h"

#include <string.h>

#include "places.h"

#define CLASS_NONE	254	/* RFC 2136 */
#define RECORD_MIN	11	/* root owner, fixed fields, no rdata */
#define QUERY_RECORDS	3	/* OPT, TSIG or SIG(0), SOA */
#define RECORD_FIXED	10	/* type, class, TTL, rdlength */
#define EDNS_DO		0x8000U	/* in the TTL field of OPT */

enum { QD, AN, NS, AR, SECTIONS };

struct header {
	uint16_t	id;
	uint16_t	flags;
	uint16_t	count[SECTIONS];
};

/* The walk through a message. */
struct walk {
	struct rcur	c;
	struct header	h;
	bool		is_signed;
	bool		alias;		/* some record leads to another name */
	struct dns_places places;
};

/*
 * The rdata of the types that may hold compressed names (RFC 1035 3.3, RFC
 * 3597 4), in which some readers follow a pointer though none may be there
 * (Knot in RRSIG, BIND in LP), or whose content we use; the fields are those
 * of dns_rdata_fields().
 */
static const struct rdata_format {
	bool		only_in;	/* this format in class IN alone */
	const char	*fields;
} formats[] = {
	[TYPE_A] = { true, "4" },
	[TYPE_NS] = { false, "n" },
	[3 /* MD */] = { false, "n" },
	[4 /* MF */] = { false, "n" },
	[TYPE_CNAME] = { false, "n" },
	[TYPE_SOA] = { false, "nn884" },
	[7 /* MB */] = { false, "n" },
	[8 /* MG */] = { false, "n" },
	[9 /* MR */] = { false, "n" },
	[TYPE_PTR] = { false, "n" },
	[14 /* MINFO */] = { false, "nn" },
	[TYPE_MX] = { false, "2n" },
	[17 /* RP */] = { false, "nn" },
	[18 /* AFSDB */] = { false, "2n" },
	[21 /* RT */] = { false, "2n" },
	[TYPE_SIG] = { false, "99n*" },
	[26 /* PX */] = { true, "2nn" },
	[23 /* NSAP-PTR */] = { true, "u" },
	[TYPE_AAAA] = { true, "88" },
	[30 /* NXT */] = { false, "n*" },
	[TYPE_SRV] = { true, "6n" },
	[35 /* NAPTR */] = { true, "4sssn" },
	[36 /* KX */] = { true, "2n" },
	[TYPE_DNAME] = { false, "n" },
	[46 /* RRSIG */] = { false, "99n*" },
	[47 /* NSEC */] = { false, "n*" },
	[58 /* TALINK */] = { false, "uu" },
	[TYPE_SVCB] = { true, "2up" },
	[TYPE_HTTPS] = { true, "2up" },
	[66 /* DSYNC */] = { false, "5u" },
	[107 /* LP */] = { false, "2u" },
	[249 /* TKEY */] = { false, "u*" },
	[TYPE_TSIG] = { false, "u*" },
};

static enum dns_err
header_read(struct rcur *c, struct header *h)
{
	size_t i;

	if (rcur_u16(c, &h->id) == -1 || rcur_u16(c, &h->flags) == -1)
		return (DNS_EHEADER);
	for (i = 0; i < SECTIONS; i++)
		if (rcur_u16(c, &h->count[i]) == -1)
			return (DNS_EHEADER);
	return (DNS_OK);
}

/*
 * At offset 12 nothing precedes the name but the header, so that no pointer
 * can be right there.
 */
static enum dns_err
question_read(struct rcur *c, struct dns_name *qname, uint16_t *qtype,
    uint16_t *qclass)
{
	enum dns_err err;

	if ((err = dns_name_read(c, false, qname)) != DNS_OK)
		return (err);
	if (rcur_u16(c, qtype) == -1 || rcur_u16(c, qclass) == -1)
		return (DNS_ESHORT);
	return (DNS_OK);
}

/* What is behind the owner. */
static enum dns_err
record_rest(struct rcur *c, struct dns_record *out)
{
	if (rcur_u16(c, &out->type) == -1 || rcur_u16(c, &out->class) == -1)
		return (DNS_ESHORT);
	out->ttl_offset = c->pos;
	if (rcur_u32(c, &out->ttl) == -1 || rcur_u16(c, &out->rdlength) == -1)
		return (DNS_ESHORT);
	out->rdata = c->pos;
	return (rcur_skip(c, out->rdlength) == -1 ? DNS_ESHORT : DNS_OK);
}

enum dns_err
dns_record_read(struct rcur *c, struct dns_name *owner, struct dns_record *out)
{
	enum dns_err err;

	err = owner == NULL ? dns_name_skip(c) : dns_name_read(c, true, owner);
	return (err != DNS_OK ? err : record_rest(c, out));
}

static void
walk_begin(struct walk *w, const uint8_t *msg, size_t len,
    struct dns_place *place)
{
	w->c = (struct rcur){ .buf = msg, .len = len };
	w->is_signed = false;
	w->alias = false;
	dns_places_begin(&w->places, place, len);
}

/* A name inside rdata; only there an early end is the fault of rdlength. */
static enum dns_err
rdata_name(struct walk *w, struct rcur *rd, bool pointers)
{
	enum dns_err err = dns_places_check(&w->places, rd, pointers);

	return (err == DNS_ESHORT ? DNS_ERDATA : err);
}

/* RFC 9460 2.2: keys strictly ascending; the hints hold whole addresses. */
static enum dns_err
svc_params(struct rcur *rd)
{
	uint32_t above = 0;	/* one more than the last key */
	struct tlv p;

	while (rd->pos < rd->len) {
		if (rcur_tlv(rd, &p) == -1 || p.type < above)
			return (DNS_ERDATA);
		if (p.type == SVC_IPV4HINT &&
		    (p.length == 0 || p.length % 4 != 0))
			return (DNS_ERDATA);
		if (p.type == SVC_IPV6HINT &&
		    (p.length == 0 || p.length % 16 != 0))
			return (DNS_ERDATA);
		above = p.type + 1U;
	}
	return (DNS_OK);
}

static enum dns_err
rdata_field(struct walk *w, struct rcur *rd, char field)
{
	uint8_t n;

	switch (field) {
	case 'n':
		return (rdata_name(w, rd, true));
	case 'u':
		return (rdata_name(w, rd, false));
	case 'p':
		return (svc_params(rd));
	case 's':
		if (rcur_u8(rd, &n) == -1 || rcur_skip(rd, n) == -1)
			return (DNS_ERDATA);
		return (DNS_OK);
	case '*':
		rd->pos = rd->len;
		return (DNS_OK);
	default:
		if (rcur_skip(rd, (size_t)(field - '0')) == -1)
			return (DNS_ERDATA);
		return (DNS_OK);
	}
}

bool
dns_option_of_hop(uint16_t code)
{
	return (code == OPTION_COOKIE || code == OPTION_KEEPALIVE ||
	    code == OPTION_PADDING);
}

const char *
dns_rdata_fields(uint16_t type, uint16_t class)
{
	if (type >= sizeof(formats) / sizeof(formats[0]) ||
	    formats[type].fields == NULL ||
	    (formats[type].only_in && class != CLASS_IN))
		return ("*");
	return (formats[type].fields);
}

static enum dns_err
rdata_check(struct walk *w, const struct dns_record *r)
{
	struct rcur rd = { .buf = w->c.buf, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	const char *field;
	enum dns_err err;

	/*
	 * An update names a set of records by one without rdata, in a class
	 * that no stored record has (RFC 2136 2.4, 2.5).
	 */
	if (r->rdlength == 0 &&
	    DNS_OPCODE_OF(w->h.flags) == DNS_OPCODE_UPDATE &&
	    (r->class == CLASS_ANY || r->class == CLASS_NONE))
		return (DNS_OK);
	field = dns_rdata_fields(r->type, r->class);
	for (; *field != '\0'; field++)
		if ((err = rdata_field(w, &rd, *field)) != DNS_OK)
			return (err);
	return (rd.pos == rd.len ? DNS_OK : DNS_ERDATA);
}

/* What OPT says beside its options; its owner is at offset at (RFC 6891 6.1). */
static void
opt_take(size_t at, const struct dns_record *r, struct dns_edns *edns)
{
	edns->present = true;
	edns->dnssec_ok = (r->ttl & EDNS_DO) != 0;
	edns->version = (uint8_t)(r->ttl >> 16);
	edns->udp_size = r->class;
	edns->offset = at;
	edns->length = r->rdata + r->rdlength - at;
}

static enum dns_err
opt_check(const struct walk *w, size_t at, const struct dns_record *r,
    struct dns_edns *edns)
{
	struct rcur rd = { .buf = w->c.buf, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	struct tlv option;

	/* The owner is the root octet itself; a pointer to one is not it. */
	if (edns == NULL || edns->present || r->rdata - at != RECORD_MIN)
		return (DNS_EOPT);
	while (rd.pos < rd.len) {
		if (rcur_tlv(&rd, &option) == -1)
			return (DNS_ERDATA);
		edns->hop |= dns_option_of_hop(option.type);
	}
	opt_take(at, r, edns);
	return (DNS_OK);
}

/* RFC 8945 4.2, RFC 2931 3: a SIG that covers no type. */
static bool
is_signature(const struct walk *w, const struct dns_record *r)
{
	const uint8_t *covered = w->c.buf + r->rdata;

	return (r->type == TYPE_TSIG || (r->type == TYPE_SIG &&
	    r->rdlength >= 2 && covered[0] == 0 && covered[1] == 0));
}

static enum dns_err
record_check(struct walk *w, struct dns_edns *edns, uint32_t *opt_ttl)
{
	struct dns_record r;
	size_t at = w->c.pos;
	enum dns_err err;

	if ((err = dns_places_check(&w->places, &w->c, true)) != DNS_OK ||
	    (err = record_rest(&w->c, &r)) != DNS_OK)
		return (err);
	dns_places_own(&w->places, r.rdata - RECORD_FIXED, r.rdata);
	w->is_signed = edns != NULL && is_signature(w, &r);
	w->alias |= r.type == TYPE_CNAME || r.type == TYPE_DNAME ||
	    r.type == TYPE_SVCB || r.type == TYPE_HTTPS;
	if (r.type != TYPE_OPT)
		return (rdata_check(w, &r));
	*opt_ttl = r.ttl;
	return (opt_check(w, at, &r, edns));
}

/*
 * Every record behind the question.  Gets the end of the answer section, and
 * the TTL field of OPT.
 */
static enum dns_err
records_check(struct walk *w, struct dns_edns *edns, size_t *answer_end,
    uint32_t *opt_ttl)
{
	const uint16_t *count = w->h.count;
	enum dns_err err;
	size_t section;
	uint16_t i;

	if ((size_t)count[AN] + count[NS] + count[AR] >
	    (w->c.len - w->c.pos) / RECORD_MIN)
		return (DNS_ECOUNT);
	w->places.question_end = w->c.pos;
	dns_places_own(&w->places, 0, DNS_HEADER_SIZE);
	for (section = AN; section <= AR; section++) {
		for (i = 0; i < count[section]; i++) {
			err = record_check(w, section == AR ? edns : NULL,
			    opt_ttl);
			if (err != DNS_OK)
				return (err);
		}
		if (section == AN)
			*answer_end = w->c.pos;
	}
	return (DNS_OK);
}

/* Header and question. */
static enum dns_err
query_begin(struct rcur *c, struct header *h, struct dns_query *out)
{
	enum dns_err err;

	memset(out, 0, sizeof(*out));
	if ((err = header_read(c, h)) != DNS_OK)
		return (err);
	if (h->flags & DNS_QR)
		return (DNS_EQR);
	out->id = h->id;
	out->flags = h->flags;
	if (h->count[QD] > 1)
		return (DNS_EQDCOUNT);
	if (h->count[QD] == 1 && (err = question_read(c, &out->qname,
	    &out->qtype, &out->qclass)) != DNS_OK)
		return (err);
	out->has_question = h->count[QD] == 1;
	out->question_end = c->pos;
	return (DNS_OK);
}

/* By its counts (D10). */
static bool
is_strict(const struct header *h, const struct dns_query *q)
{
	return (DNS_OPCODE_OF(q->flags) == DNS_OPCODE_QUERY &&
	    q->has_question && h->count[AN] == 0 && h->count[NS] == 0 &&
	    h->count[AR] == (q->edns.present ? 1 : 0));
}

static enum dns_err
query_parse(const uint8_t *msg, size_t len, struct dns_query *out,
    struct dns_place *place)
{
	DNS_UNINITIALIZED struct walk w;
	size_t answer_end;
	uint32_t opt_ttl;
	enum dns_err err;

	walk_begin(&w, msg, len, place);
	if ((err = query_begin(&w.c, &w.h, out)) != DNS_OK)
		return (err);
	err = records_check(&w, &out->edns, &answer_end, &opt_ttl);
	if (err != DNS_OK)
		return (err);
	out->whole = true;
	out->length = w.c.pos;
	out->is_signed = w.is_signed;
	out->strict = is_strict(&w.h, out) && w.c.pos == len;
	return (DNS_OK);
}

/* Not inline, since most messages need no such room on the stack. */
static enum dns_err __attribute__((noinline))
query_parse_long(const uint8_t *msg, size_t len, struct dns_query *out)
{
	DNS_UNINITIALIZED struct dns_place place[DNS_POINTER_REACH];

	return (query_parse(msg, len, out, place));
}

enum dns_err
dns_query_parse(const uint8_t *msg, size_t len, struct dns_query *out)
{
	DNS_UNINITIALIZED struct dns_place place[DNS_SHORT_MAX];

	if (len > DNS_SHORT_MAX)
		return (query_parse_long(msg, len, out));
	return (query_parse(msg, len, out, place));
}

enum dns_err
dns_query_parse_head(const uint8_t *msg, size_t len, struct dns_query *out)
{
	struct rcur c = { .buf = msg, .len = len };
	struct dns_record r;
	struct header h;
	enum dns_err err;

	if ((err = query_begin(&c, &h, out)) != DNS_OK)
		return (err);
	out->length = len;
	if (h.count[AN] + h.count[NS] == 0 && h.count[AR] > 0 &&
	    c.pos < len && msg[c.pos] == 0) {
		c.pos++;
		if ((err = record_rest(&c, &r)) != DNS_OK)
			return (err);
		if (r.type == TYPE_OPT)
			opt_take(out->question_end, &r, &out->edns);
	}
	out->strict = is_strict(&h, out);
	out->crowded = DNS_OPCODE_OF(out->flags) == DNS_OPCODE_QUERY &&
	    h.count[AN] + h.count[NS] + h.count[AR] > QUERY_RECORDS;
	return (DNS_OK);
}

static enum dns_err
response_parse(const uint8_t *msg, size_t len, struct dns_response *out,
    struct dns_place *place)
{
	DNS_UNINITIALIZED struct walk w;
	uint32_t opt_ttl = 0;
	enum dns_err err;

	walk_begin(&w, msg, len, place);
	memset(out, 0, sizeof(*out));
	if ((err = header_read(&w.c, &w.h)) != DNS_OK)
		return (err);
	if (!(w.h.flags & DNS_QR))
		return (DNS_EQR);
	out->id = w.h.id;
	out->flags = w.h.flags;
	out->rcode = w.h.flags & DNS_RCODE;
	out->ancount = w.h.count[AN];
	if (w.h.count[QD] > 1)
		return (DNS_EQDCOUNT);
	if (w.h.count[QD] == 1 && (err = question_read(&w.c, &out->qname,
	    &out->qtype, &out->qclass)) != DNS_OK)
		return (err);
	out->has_question = w.h.count[QD] == 1;
	out->question_end = w.c.pos;
	err = records_check(&w, &out->edns, &out->answer_end, &opt_ttl);
	out->length = w.c.pos;
	out->is_signed = w.is_signed;
	out->has_alias = w.alias;
	/* RFC 6891 6.1.3: OPT has the upper eight bits of the rcode. */
	if (out->edns.present)
		out->rcode |= (uint16_t)(opt_ttl >> 24 << 4);
	return (err);
}

static enum dns_err __attribute__((noinline))
response_parse_long(const uint8_t *msg, size_t len, struct dns_response *out)
{
	DNS_UNINITIALIZED struct dns_place place[DNS_POINTER_REACH];

	return (response_parse(msg, len, out, place));
}

enum dns_err
dns_response_parse(const uint8_t *msg, size_t len, struct dns_response *out)
{
	DNS_UNINITIALIZED struct dns_place place[DNS_SHORT_MAX];

	if (len > DNS_SHORT_MAX)
		return (response_parse_long(msg, len, out));
	return (response_parse(msg, len, out, place));
}

enum dns_err
dns_response_matches(const uint8_t *msg, size_t len, const struct dns_query *q,
    uint16_t id, bool exact_case)
{
	struct rcur c = { .buf = msg, .len = len };
	DNS_UNINITIALIZED struct dns_name qname;
	uint16_t qtype, qclass;
	struct header h;
	enum dns_err err;

	if ((err = header_read(&c, &h)) != DNS_OK)
		return (err);
	if (!(h.flags & DNS_QR))
		return (DNS_EQR);
	if (h.count[QD] > 1)
		return (DNS_EQDCOUNT);
	if (h.id != id || DNS_OPCODE_OF(h.flags) != DNS_OPCODE_OF(q->flags))
		return (DNS_EQUESTION);
	if (h.count[QD] == 0 && (!q->has_question ||
	    (h.flags & DNS_RCODE) != RCODE_NOERROR))
		return (DNS_OK);
	if (h.count[QD] != q->has_question)
		return (DNS_EQUESTION);
	if ((err = question_read(&c, &qname, &qtype, &qclass)) != DNS_OK)
		return (err);
	if (qtype != q->qtype || qclass != q->qclass)
		return (DNS_EQUESTION);
	if (exact_case ? !dns_name_identical(&qname, &q->qname) :
	    !dns_name_equal(&qname, &q->qname))
		return (DNS_EQUESTION);
	return (DNS_OK);
}
