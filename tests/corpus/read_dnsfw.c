/*
 * The reader of dnsfw's own parser.  Behind the records of an answer come the
 * addresses that would be granted (ADDRESS TTL).
 */
#include "dns/answer.h"
#include "dns/message.h"
#include "reader.h"

struct found {
	bool		has_question;
	struct dns_name	qname;
	uint16_t	qtype;
	uint16_t	qclass;
	size_t		records;	/* where they begin */
};

/* A name of rdata, uncompressed.  The message has been checked. */
static void
put_name(struct rcur *c)
{
	struct dns_name name;

	if (dns_name_read(c, true, &name) != DNS_OK) {
		printf("BROKEN");
		c->pos = c->len;
		return;
	}
	reader_hex(name.wire, name.len);
}

static void
put_octets(struct rcur *c, size_t n)
{
	if (n > c->len - c->pos) {
		printf("BROKEN");
		n = c->len - c->pos;
	}
	reader_hex(c->buf + c->pos, n);
	c->pos += n;
}

static void
put_rdata(const uint8_t *msg, const struct dns_record *r)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	const char *field;

	/* An update may name a set by a record without rdata (RFC 2136). */
	for (field = reader_layout(r->type); *field != '\0' &&
	    c.pos < c.len; field++) {
		if (*field == 'n')
			put_name(&c);
		else if (*field == 's')
			put_octets(&c, (size_t)c.buf[c.pos] + 1);
		else if (*field == '*')
			put_octets(&c, c.len - c.pos);
		else
			put_octets(&c, (size_t)(*field - '0'));
	}
	/* What a layout leaves over, in a class where it is another. */
	put_octets(&c, c.len - c.pos);
}

static void
put_records(const uint8_t *msg, size_t len, size_t at)
{
	struct rcur c = { .buf = msg, .len = len, .pos = at };
	struct dns_record r;
	struct dns_name owner;
	unsigned int section, i, count;

	for (section = 1; section <= 3; section++) {
		count = (unsigned int)msg[4 + 2 * section] << 8 |
		    msg[5 + 2 * section];
		for (i = 0; i < count; i++) {
			if (dns_record_read(&c, &owner, &r) != DNS_OK) {
				printf("|BROKEN");
				return;
			}
			printf("|%u ", section);
			reader_hex(owner.wire, owner.len);
			printf(" %u %u %u ", r.type, r.class, r.ttl);
			put_rdata(msg, &r);
		}
	}
}

/* FNV-1a: any will do. */
static uint64_t
hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325;

	while (len-- > 0)
		h = (h ^ *p++) * 0x100000001b3;
	return (h);
}

static void
put_grants(const uint8_t *msg, size_t len, const struct dns_response *r)
{
	static struct dns_address a[DNS_ADDRESSES_MAX];
	size_t i, n;

	if (dns_answer_addresses(msg, len, r, hash, a, DNS_ADDRESSES_MAX,
	    &n) != DNS_OK)
		printf("|BROKEN");
	for (i = 0; i < n; i++) {
		printf("|grant ");
		reader_hex(a[i].addr.bytes, addr_len(a[i].addr.family));
		printf(" %u", a[i].ttl);
	}
}

static void
put_question(const struct found *f)
{
	printf("ok ");
	if (!f->has_question) {
		printf("-");
		return;
	}
	reader_hex(f->qname.wire, f->qname.len);
	printf(" %u %u", f->qtype, f->qclass);
}

void
reader_message(const uint8_t *msg, size_t len)
{
	struct dns_response r;
	struct dns_query q;
	struct found f;
	enum dns_err err;

	if ((err = dns_query_parse(msg, len, &q)) == DNS_OK)
		f = (struct found){ q.has_question, q.qname, q.qtype,
		    q.qclass, q.question_end };
	else if (err == DNS_EQR &&
	    (err = dns_response_parse(msg, len, &r)) == DNS_OK)
		f = (struct found){ r.has_question, r.qname, r.qtype,
		    r.qclass, r.question_end };
	if (err != DNS_OK) {
		reader_refused(dns_strerror(err));
		return;
	}
	put_question(&f);
	put_records(msg, len, f.records);
	if (msg[2] & 0x80)
		put_grants(msg, len, &r);
}
