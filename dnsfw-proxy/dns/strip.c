/*
 * Take something out of a message.  Addresses: one walk asks for each whether
 * it is wanted, and if one is not, a second walk writes the rest.  Options of
 * one hop: there is only the second walk.
 */
#include "strip.h"

#include <string.h>

#define POINTER		0xc000U	/* two octets, RFC 1035 4.1.4 */
#define POINTER_REACH	0x4000U	/* offsets that the other 14 bits can hold */
#define SVC_MANDATORY	0	/* RFC 9460 14.3.2 */

/* Labels, pointers and the root of a name that dns_name_read() takes. */
#define NAME_STEPS_MAX	(2 * DNS_LABELS_MAX + 1)

enum { AN, NS, AR, SECTIONS };	/* that have records */

/* A message, and a bit for each offset where an unwanted address begins. */
struct source {
	const uint8_t	*msg;
	size_t		 len;
	size_t		 records;	/* offset of the first */
	uint16_t	 count[SECTIONS];
	bool		 hop;		/* options of one hop stay */
	size_t		 nmarks;
	uint8_t		 marks[DNS_MESSAGE_MAX / 8 + 1];
};

struct asker {
	bool	(*unwanted)(void *arg, const struct addr *a);
	void	*arg;
};

/*
 * The message that is written.  moved[o] is the offset here of a label that
 * begins the same name as offset o of the source does, or 0.  Nothing else is
 * ever pointed to, so a name read here is the name that it was in the source.
 */
struct target {
	struct wcur	 w;
	uint16_t	 moved[POINTER_REACH];
};

static void
mark(struct source *s, size_t at)
{
	s->marks[at / 8] |= (uint8_t)(1U << at % 8);
	s->nmarks++;
}

static bool
is_marked(const struct source *s, size_t at)
{
	return ((s->marks[at / 8] & 1U << at % 8) != 0);
}

static bool
is_address(const struct dns_record *r)
{
	return (r->class == CLASS_IN &&
	    (r->type == TYPE_A || r->type == TYPE_AAAA));
}

static bool
is_service(const struct dns_record *r)
{
	return (r->class == CLASS_IN &&
	    (r->type == TYPE_SVCB || r->type == TYPE_HTTPS));
}

/* The family of the addresses of a hint; 0: another parameter. */
static uint8_t
hint_family(uint16_t key)
{
	if (key == SVC_IPV4HINT)
		return (ADDR_V4);
	return (key == SVC_IPV6HINT ? ADDR_V6 : 0);
}

/* A cursor over the parameters of an SVCB or HTTPS record. */
static enum dns_err
params_begin(const struct source *s, const struct dns_record *r,
    struct rcur *c)
{
	*c = (struct rcur){ .buf = s->msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	if (rcur_skip(c, 2) == -1)		/* SvcPriority */
		return (DNS_ERDATA);
	return (dns_name_skip(c));
}

/* Ask for each of the addresses in length octets from offset at on. */
static enum dns_err
ask_addresses(struct source *s, const struct asker *asker, size_t at,
    size_t length, uint8_t family)
{
	struct rcur c = { .buf = s->msg, .len = at + length, .pos = at };
	struct addr a = { .family = family };

	for (; c.pos < c.len; at = c.pos) {
		if (rcur_bytes(&c, a.bytes, addr_len(family)) == -1)
			return (DNS_ERDATA);
		if (asker->unwanted(asker->arg, &a))
			mark(s, at);
	}
	return (DNS_OK);
}

static enum dns_err
ask_hints(struct source *s, const struct asker *asker,
    const struct dns_record *r)
{
	enum dns_err err;
	struct tlv p;
	struct rcur c;

	err = params_begin(s, r, &c);
	while (err == DNS_OK && c.pos < c.len) {
		if (rcur_tlv(&c, &p) == -1)
			return (DNS_ERDATA);
		if (hint_family(p.type) != 0)
			err = ask_addresses(s, asker, p.value, p.length,
			    hint_family(p.type));
	}
	return (err);
}

/* The first walk. */
static enum dns_err
ask_all(struct source *s, const struct asker *asker)
{
	struct rcur c = { .buf = s->msg, .len = s->len, .pos = s->records };
	size_t left = (size_t)s->count[AN] + s->count[NS] + s->count[AR];
	enum dns_err err = DNS_OK;
	struct dns_record r;

	for (; err == DNS_OK && left > 0; left--) {
		err = dns_record_read(&c, NULL, &r);
		if (err == DNS_OK && is_address(&r))
			err = ask_addresses(s, asker, r.rdata, r.rdlength,
			    r.type == TYPE_A ? ADDR_V4 : ADDR_V6);
		else if (err == DNS_OK && is_service(&r))
			err = ask_hints(s, asker, &r);
	}
	return (err);
}

/* How many octets of a parameter's value stay. */
static uint16_t
param_left(const struct source *s, const struct tlv *p)
{
	size_t at, step = addr_len(hint_family(p->type));
	uint16_t left = p->length;

	if (step == 0)
		return (left);
	for (at = p->value; at < p->value + p->length; at += step)
		if (is_marked(s, at))
			left = (uint16_t)(left - step);
	return (left);
}

/* A parameter that stays may be empty, but a hint may not. */
static bool
param_goes(const struct source *s, const struct tlv *p)
{
	return (hint_family(p->type) != 0 && param_left(s, p) == 0);
}

/* True if key is in the list of keys that the value of mandatory is. */
static bool
is_mandatory(const struct source *s, const struct tlv *mandatory,
    uint16_t key)
{
	struct rcur c = { .buf = s->msg,
	    .len = mandatory->value + mandatory->length,
	    .pos = mandatory->value };
	uint16_t listed;

	while (rcur_u16(&c, &listed) == 0)
		if (listed == key)
			return (true);
	return (false);
}

/* True if an SVCB or HTTPS record loses a parameter that it must have. */
static bool
service_goes(const struct source *s, const struct dns_record *r)
{
	struct tlv p, mandatory = { .length = 0 };
	struct rcur c;

	if (params_begin(s, r, &c) != DNS_OK)
		return (true);
	while (c.pos < c.len) {
		if (rcur_tlv(&c, &p) == -1)
			return (true);
		if (p.type == SVC_MANDATORY)	/* the first, if it is there */
			mandatory = p;
		else if (param_goes(s, &p) &&
		    is_mandatory(s, &mandatory, p.type))
			return (true);
	}
	return (false);
}

static bool
record_goes(const struct source *s, const struct dns_record *r)
{
	if (is_address(r))
		return (is_marked(s, r->rdata));
	return (is_service(r) && service_goes(s, r));
}

/*
 * Write the name at offset at of the source: its labels up to one that is
 * already in the target, and then a pointer to that.
 */
static enum dns_err
put_name(struct target *t, const struct source *s, size_t at)
{
	struct rcur c = { .buf = s->msg, .len = s->len, .pos = at };
	unsigned int steps;
	uint8_t n, low;

	for (steps = 0; steps < NAME_STEPS_MAX; steps++) {
		at = c.pos;
		if (rcur_u8(&c, &n) == -1)
			return (DNS_ESHORT);
		if (n == 0) {
			wcur_u8(&t->w, 0);
			return (DNS_OK);
		}
		if (n > DNS_LABEL_MAX) {
			if (rcur_u8(&c, &low) == -1)
				return (DNS_ESHORT);
			c.pos = (size_t)(n & 0x3f) << 8 | low;
			continue;
		}
		if (at < POINTER_REACH && t->moved[at] != 0) {
			wcur_u16(&t->w, (uint16_t)(POINTER | t->moved[at]));
			return (DNS_OK);
		}
		if (rcur_skip(&c, n) == -1)
			return (DNS_ESHORT);
		if (at < POINTER_REACH && t->w.pos < POINTER_REACH)
			t->moved[at] = (uint16_t)t->w.pos;
		wcur_bytes(&t->w, s->msg + at, (size_t)n + 1);
		if (t->w.overflow)
			return (DNS_EFULL);
	}
	return (DNS_EPOINTER);
}

/* Copy n octets from the cursor, which moves on. */
static enum dns_err
put_octets(struct target *t, struct rcur *c, size_t n)
{
	const uint8_t *octets = c->buf + c->pos;

	if (rcur_skip(c, n) == -1)
		return (DNS_ERDATA);
	wcur_bytes(&t->w, octets, n);
	return (DNS_OK);
}

static enum dns_err
put_field(struct target *t, const struct source *s, struct rcur *rd,
    char field)
{
	enum dns_err err;

	if (field == 'n') {
		err = put_name(t, s, rd->pos);
		return (err != DNS_OK ? err : dns_name_skip(rd));
	}
	if (field == 's')
		return (put_octets(t, rd, 1U + rd->buf[rd->pos]));
	if (field > '0' && field <= '9')
		return (put_octets(t, rd, (size_t)(field - '0')));
	return (put_octets(t, rd, rd->len - rd->pos));
}

/* Those of OPT that are not of one hop. */
static enum dns_err
put_options(struct target *t, struct rcur *rd)
{
	struct tlv option;
	size_t at;

	while (rd->pos < rd->len) {
		at = rd->pos;
		if (rcur_tlv(rd, &option) == -1)
			return (DNS_ERDATA);
		if (!dns_option_of_hop(option.type))
			wcur_bytes(&t->w, rd->buf + at, rd->pos - at);
	}
	return (DNS_OK);
}

static enum dns_err
put_rdata(struct target *t, const struct source *s, const struct dns_record *r)
{
	struct rcur rd = { .buf = s->msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	const char *field = dns_rdata_fields(r->type, r->class);
	enum dns_err err = DNS_OK;

	if (r->type == TYPE_OPT && !s->hop)
		return (put_options(t, &rd));
	for (; err == DNS_OK && rd.pos < rd.len && *field != '\0'; field++)
		err = put_field(t, s, &rd, *field);
	return (err);
}

static void
put_param(struct target *t, const struct source *s, const struct tlv *p)
{
	size_t at, step = addr_len(hint_family(p->type));

	wcur_u16(&t->w, p->type);
	wcur_u16(&t->w, param_left(s, p));
	if (step == 0) {
		wcur_bytes(&t->w, s->msg + p->value, p->length);
		return;
	}
	for (at = p->value; at < p->value + p->length; at += step)
		if (!is_marked(s, at))
			wcur_bytes(&t->w, s->msg + at, step);
}

/* The rdata of an SVCB or HTTPS record, without the hints that go. */
static enum dns_err
put_service(struct target *t, const struct source *s,
    const struct dns_record *r)
{
	enum dns_err err;
	struct tlv p;
	struct rcur c;

	if ((err = params_begin(s, r, &c)) != DNS_OK)
		return (err);
	wcur_bytes(&t->w, s->msg + r->rdata, c.pos - r->rdata);
	while (c.pos < c.len) {
		if (rcur_tlv(&c, &p) == -1)
			return (DNS_ERDATA);
		if (!param_goes(s, &p))
			put_param(t, s, &p);
	}
	return (DNS_OK);
}

/* Write v over what is at offset at. */
static void
put_u16_at(struct target *t, size_t at, size_t v)
{
	struct wcur w = t->w;

	w.pos = at;
	wcur_u16(&w, (uint16_t)v);
}

/* But for the owner it is as it was: no name in it may be compressed. */
static bool
is_copied(const struct source *s, const struct dns_record *r)
{
	if (is_service(r) || (r->type == TYPE_OPT && !s->hop))
		return (false);
	return (strchr(dns_rdata_fields(r->type, r->class), 'n') == NULL);
}

/* The record r whose owner is at offset at. */
static enum dns_err
put_record(struct target *t, const struct source *s, size_t at,
    const struct dns_record *r)
{
	size_t rdlength;
	enum dns_err err;

	if ((err = put_name(t, s, at)) != DNS_OK)
		return (err);
	if (is_copied(s, r)) {
		at = r->ttl_offset - 4;
		wcur_bytes(&t->w, s->msg + at, r->rdata + r->rdlength - at);
		return (t->w.overflow ? DNS_EFULL : DNS_OK);
	}
	wcur_u16(&t->w, r->type);
	wcur_u16(&t->w, r->class);
	wcur_u32(&t->w, r->ttl);
	rdlength = t->w.pos;
	wcur_u16(&t->w, 0);
	err = is_service(r) ? put_service(t, s, r) : put_rdata(t, s, r);
	/* Thousands may follow, for nothing. */
	if (err == DNS_OK && t->w.overflow)
		return (DNS_EFULL);
	if (err == DNS_OK)
		put_u16_at(t, rdlength, t->w.pos - rdlength - 2);
	return (err);
}

/* The records of one section, as many as *count says, which is lowered. */
static enum dns_err
put_section(struct target *t, const struct source *s, struct rcur *c,
    uint16_t *count)
{
	uint16_t i, n = *count;
	struct dns_record r;
	enum dns_err err;
	size_t at;

	for (i = 0; i < n; i++) {
		at = c->pos;
		if ((err = dns_record_read(c, NULL, &r)) != DNS_OK)
			return (err);
		if (record_goes(s, &r))
			--*count;
		else if ((err = put_record(t, s, at, &r)) != DNS_OK)
			return (err);
	}
	return (DNS_OK);
}

/* The second walk. */
static enum dns_err
put_message(const struct source *s, bool question, uint8_t *out, size_t size,
    size_t *outlen)
{
	struct target t = { .w = { .buf = out, .len = size } };
	struct rcur c = { .buf = s->msg, .len = s->len, .pos = s->records };
	enum dns_err err = DNS_OK;
	uint16_t count;
	size_t i;

	wcur_bytes(&t.w, s->msg, DNS_HEADER_SIZE);
	if (question) {
		err = put_name(&t, s, DNS_HEADER_SIZE);
		wcur_bytes(&t.w, s->msg + s->records - 4, 4);
	}
	for (i = 0; err == DNS_OK && i < SECTIONS; i++) {
		count = s->count[i];
		err = put_section(&t, s, &c, &count);
		if (!t.w.overflow)
			put_u16_at(&t, 6 + 2 * i, count);
	}
	if (err != DNS_OK)
		return (err);
	*outlen = t.w.pos;
	return (t.w.overflow ? DNS_EFULL : DNS_OK);
}

static enum dns_err
source_begin(struct source *s, const uint8_t *msg, size_t len,
    bool question, size_t question_end)
{
	struct rcur c = { .buf = msg, .len = len, .pos = 6 };
	size_t i;

	if (len < DNS_HEADER_SIZE || len > DNS_MESSAGE_MAX)
		return (DNS_EHEADER);
	if (question_end > len ||
	    question_end < DNS_HEADER_SIZE + (question ? 5 : 0))
		return (DNS_ESHORT);
	s->msg = msg;
	s->len = len;
	s->records = question_end;
	s->hop = true;
	s->nmarks = 0;
	memset(s->marks, 0, len / 8 + 1);
	for (i = 0; i < SECTIONS; i++)
		if (rcur_u16(&c, &s->count[i]) == -1)
			return (DNS_EHEADER);
	return (DNS_OK);
}

enum dns_err
dns_strip(const uint8_t *msg, size_t len, const struct dns_response *r,
    bool (*unwanted)(void *arg, const struct addr *a), void *arg,
    uint8_t *out, size_t size, size_t *outlen, size_t *nremoved)
{
	const struct asker asker = { .unwanted = unwanted, .arg = arg };
	DNS_UNINITIALIZED struct source s;
	enum dns_err err;

	*outlen = *nremoved = 0;
	if ((err = source_begin(&s, msg, len, r->has_question,
	    r->question_end)) != DNS_OK || (err = ask_all(&s, &asker)) != DNS_OK)
		return (err);
	*nremoved = s.nmarks;
	if (size > DNS_MESSAGE_MAX)
		size = DNS_MESSAGE_MAX;
	if (s.nmarks > 0)
		return (put_message(&s, r->has_question, out, size, outlen));
	*outlen = len;
	return (len > size ? DNS_EFULL : DNS_OK);
}

enum dns_err
dns_strip_hop(const uint8_t *msg, size_t len, size_t question_end,
    uint8_t *out, size_t size, size_t *outlen)
{
	const bool question = question_end > DNS_HEADER_SIZE;
	DNS_UNINITIALIZED struct source s;
	enum dns_err err;

	err = source_begin(&s, msg, len, question, question_end);
	if (err != DNS_OK)
		return (err);
	s.hop = false;
	return (put_message(&s, question, out, size, outlen));
}
