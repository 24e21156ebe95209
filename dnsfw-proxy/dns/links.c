/* The records of an answer by the numbers of their names. */
#include "links.h"

bool
dns_link_is(const struct dns_record *r)
{
	return (r->class == CLASS_IN && (r->type == TYPE_A ||
	    r->type == TYPE_AAAA || r->type == TYPE_CNAME ||
	    r->type == TYPE_SVCB || r->type == TYPE_HTTPS));
}

/* The name that a record with an address, or with an alias, leads to. */
static enum dns_err
read_target(struct dns_numbers *names, const uint8_t *msg,
    const struct dns_record *r, uint16_t *target)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	enum dns_err err;

	*target = DNS_LINK_NOWHERE;
	if (r->type == TYPE_A || r->type == TYPE_AAAA)
		return (DNS_OK);
	if (r->type != TYPE_CNAME && rcur_skip(&c, 2) == -1)	/* SvcPriority */
		return (DNS_ERDATA);
	err = dns_numbers_read(names, &c, target);
	/* RFC 9460 2.5: as a target, the root is nowhere or here. */
	if (err == DNS_OK && *target == 0 && r->type != TYPE_CNAME)
		*target = DNS_LINK_NOWHERE;
	return (err);
}

/* Each name is read once, and becomes a number. */
static enum dns_err
read_links(struct dns_numbers *names, const uint8_t *msg,
    const struct dns_response *r, struct dns_link *out, size_t *n)
{
	struct rcur owner, c = { .buf = msg, .len = r->answer_end,
	    .pos = DNS_HEADER_SIZE };
	struct dns_record record;
	enum dns_err err;
	uint16_t i;

	out[0] = (struct dns_link){ .at = DNS_HEADER_SIZE,
	    .target = DNS_LINK_NOWHERE };
	err = dns_numbers_read(names, &c, &out[0].owner);
	c.pos = r->question_end;
	*n = 1;
	for (i = 0; err == DNS_OK && i < r->ancount; i++) {
		owner = c;
		err = dns_record_read(&c, NULL, &record);
		if (err != DNS_OK || !dns_link_is(&record))
			continue;
		out[*n].at = (uint16_t)owner.pos;
		if ((err = dns_numbers_read(names, &owner, &out[*n].owner)) ==
		    DNS_OK)
			err = read_target(names, msg, &record, &out[*n].target);
		++*n;
	}
	return (err);
}

/* Not inline, since most answers need no such room on the stack. */
static enum dns_err __attribute__((noinline))
read_long(const uint8_t *msg, const struct dns_response *r, dns_hash_fn *hash,
    struct dns_link *out, size_t *n)
{
	DNS_UNINITIALIZED uint16_t at[DNS_POINTER_REACH];
	DNS_UNINITIALIZED struct dns_number number[DNS_NUMBERS_MAX];
	DNS_UNINITIALIZED uint16_t slot[2 * DNS_NUMBERS_MAX];
	struct dns_numbers names;

	dns_numbers_begin(&names, msg, r->answer_end, hash, at, number,
	    DNS_NUMBERS_MAX, slot, 2 * DNS_NUMBERS_MAX);
	return (read_links(&names, msg, r, out, n));
}

/* A label begins at no more than each octet. */
static enum dns_err
read_short(const uint8_t *msg, const struct dns_response *r, dns_hash_fn *hash,
    struct dns_link *out, size_t *n)
{
	DNS_UNINITIALIZED uint16_t at[DNS_SHORT_MAX];
	DNS_UNINITIALIZED struct dns_number number[DNS_SHORT_MAX];
	DNS_UNINITIALIZED uint16_t slot[2 * DNS_SHORT_MAX];
	struct dns_numbers names;

	dns_numbers_begin(&names, msg, r->answer_end, hash, at, number,
	    DNS_SHORT_MAX, slot, 2 * DNS_SHORT_MAX);
	return (read_links(&names, msg, r, out, n));
}

enum dns_err
dns_links_read(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct dns_link out[DNS_LINKS_ROOM], size_t *n)
{
	*n = 0;
	if (!r->has_question)
		return (DNS_OK);
	if (r->ancount > DNS_RECORDS_MAX)
		return (DNS_ECOUNT);
	return (r->answer_end <= DNS_SHORT_MAX ?
	    read_short(msg, r, hash, out, n) :
	    read_long(msg, r, hash, out, n));
}
