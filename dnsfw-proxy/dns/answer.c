/* What an answer's records mean for grants. */
#include "answer.h"

#include <assert.h>
#include <string.h>

#define OWNER_QNAME	0xc00cU	/* pointer to offset 12 (RFC 1035 4.1.4) */

#define FEW		16	/* addresses are found without the slots */

static_assert(sizeof(struct addr) == 1 + 16, "an address has no holes");

/* If it is new; one too many is left out. */
static void
chain_add(struct dns_follow *f, uint16_t number)
{
	size_t i;

	for (i = 0; i < f->nnames && f->name[i] != number; i++)
		;
	if (i == f->nnames && i <= DNS_CHAIN_MAX)
		f->name[f->nnames++] = number;
}

/* Where the address is, or will be. */
static uint16_t *
collection_slot(struct dns_collection *c, const struct addr *a)
{
	uint64_t i = c->hash(a, 1 + addr_len(a->family));
	uint16_t *slot;

	do
		slot = &c->slot[i++ % DNS_ADDRESS_SLOTS];
	while (*slot != 0 && !addr_equal(&c->out[*slot - 1].addr, a));
	return (slot);
}

/* So many that a search through them all would take longer. */
static void
collection_fill_slots(struct dns_collection *c)
{
	size_t i;

	memset(c->slot, 0, sizeof(c->slot));
	for (i = 0; i < c->n; i++)
		*collection_slot(c, &c->out[i].addr) = (uint16_t)(i + 1);
}

static enum dns_err
collect(struct dns_collection *c, const struct addr *a, uint32_t ttl)
{
	uint16_t *slot = NULL;
	size_t i = 0;

	if (c->n >= FEW) {
		slot = collection_slot(c, a);
		i = *slot > 0 ? *slot - 1U : c->n;
	} else
		while (i < c->n && !addr_equal(&c->out[i].addr, a))
			i++;
	if (i < c->n) {
		if (c->out[i].ttl < ttl)
			c->out[i].ttl = ttl;
		return (DNS_OK);
	}
	if (i == c->max)
		return (DNS_EFULL);
	c->out[i].addr = *a;
	c->out[i].ttl = ttl;
	c->n++;
	if (slot != NULL)
		*slot = (uint16_t)c->n;
	else if (c->n == FEW)
		collection_fill_slots(c);
	return (DNS_OK);
}

/* All of what is left of c is addresses of that family. */
static enum dns_err
collect_all(struct dns_collection *to, struct rcur *c, uint8_t family,
    uint32_t ttl)
{
	struct addr a = { .family = family };
	enum dns_err err;

	while (c->pos < c->len) {
		if (rcur_bytes(c, a.bytes, addr_len(family)) == -1)
			return (DNS_ERDATA);
		if ((err = collect(to, &a, ttl)) != DNS_OK)
			return (err);
	}
	return (DNS_OK);
}

/* The addresses in the parameters of SVCB and HTTPS (RFC 9460 7.3). */
static enum dns_err
collect_hints(struct dns_collection *to, struct rcur *c, uint32_t ttl)
{
	enum dns_err err = DNS_OK;
	struct rcur value;
	struct tlv p;

	while (err == DNS_OK && c->pos < c->len) {
		if (rcur_tlv(c, &p) == -1)
			return (DNS_ERDATA);
		value = (struct rcur){ .buf = c->buf, .len = c->pos,
		    .pos = p.value };
		if (p.type == SVC_IPV4HINT)
			err = collect_all(to, &value, ADDR_V4, ttl);
		else if (p.type == SVC_IPV6HINT)
			err = collect_all(to, &value, ADDR_V6, ttl);
	}
	return (err);
}

/* The addresses of an A or AAAA record, or the hints of one of SVCB or HTTPS. */
static enum dns_err
record_addresses(const uint8_t *msg, const struct dns_record *r,
    struct dns_collection *to)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	uint32_t ttl = dns_ttl(r);
	uint16_t priority;
	enum dns_err err;

	if (r->type == TYPE_A)
		return (collect_all(to, &c, ADDR_V4, ttl));
	if (r->type == TYPE_AAAA)
		return (collect_all(to, &c, ADDR_V6, ttl));
	if (r->type == TYPE_CNAME)
		return (DNS_OK);
	if (rcur_u16(&c, &priority) == -1)
		return (DNS_ERDATA);
	/* RFC 9460 2.4.2: in alias mode the parameters do not count. */
	if (priority == 0)
		return (DNS_OK);
	if ((err = dns_name_skip(&c)) != DNS_OK)
		return (err);
	return (collect_hints(to, &c, ttl));
}

static bool
owner_is_question(const uint8_t *owner)
{
	return ((owner[0] << 8 | owner[1]) == OWNER_QNAME);
}

/*
 * Most answers have no alias, and in all records a pointer to the question.
 * *plain: whether this one is like that; if not, to has some of it.
 */
static enum dns_err
plain_addresses(const uint8_t *msg, const struct dns_response *r,
    struct dns_collection *to, bool *plain)
{
	struct rcur c = { .buf = msg, .len = r->answer_end,
	    .pos = r->question_end };
	struct dns_record record;
	enum dns_err err = DNS_OK;
	size_t at;
	uint16_t i;

	*plain = !r->has_alias;
	for (i = 0; err == DNS_OK && *plain && i < r->ancount; i++) {
		at = c.pos;
		err = dns_record_read(&c, NULL, &record);
		if (err != DNS_OK || !dns_link_is(&record))
			continue;
		*plain = owner_is_question(msg + at);
		if (*plain)
			err = record_addresses(msg, &record, to);
	}
	return (err);
}

static void
collection_begin(struct dns_collection *c, dns_hash_fn *hash,
    struct dns_address *out, size_t max)
{
	c->out = out;
	c->max = max < DNS_ADDRESSES_MAX ? max : DNS_ADDRESSES_MAX;
	c->n = 0;
	c->hash = hash;
}

static enum dns_err
link_addresses(struct dns_follow *f, const uint8_t *msg,
    const struct dns_response *r, const struct dns_link *link)
{
	struct rcur c = { .buf = msg, .len = r->answer_end, .pos = link->at };
	struct dns_record record;
	enum dns_err err;

	if (link->target != DNS_LINK_NOWHERE)
		chain_add(f, link->target);
	err = dns_record_read(&c, NULL, &record);
	return (err != DNS_OK ? err :
	    record_addresses(msg, &record, &f->addresses));
}

void
dns_follow_begin(struct dns_follow *f, const struct dns_link *links,
    size_t nlinks, dns_hash_fn *hash, struct dns_address *out, size_t max)
{
	collection_begin(&f->addresses, hash, out, max);
	f->nnames = f->at = 0;
	f->link = 1;
	if (nlinks > 0)
		chain_add(f, links[0].owner);
}

/*
 * Records may stand before the CNAME that leads to them: for each name of the
 * chain, which grows meanwhile, look at the numbers of all owners.
 */
static const struct dns_link *
next_link(struct dns_follow *f, const struct dns_link *links, size_t n)
{
	for (; f->at < f->nnames; f->at++, f->link = 1)
		for (; f->link < n; f->link++)
			if (links[f->link].owner == f->name[f->at])
				return (&links[f->link]);
	return (NULL);
}

enum dns_err
dns_follow_some(struct dns_follow *f, const uint8_t *msg,
    const struct dns_response *r, const struct dns_link *links, size_t nlinks,
    size_t max, bool *more)
{
	const struct dns_link *link = next_link(f, links, nlinks);
	enum dns_err err = DNS_OK;

	for (; err == DNS_OK && link != NULL && max > 0; max--) {
		err = link_addresses(f, msg, r, link);
		f->link++;
		link = next_link(f, links, nlinks);
	}
	*more = link != NULL;
	return (err);
}

/* Not inline, since most answers need no such room on the stack. */
static enum dns_err __attribute__((noinline))
linked_addresses(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct dns_address *out, size_t max, size_t *n)
{
	DNS_UNINITIALIZED struct dns_link links[DNS_LINKS_ROOM];
	DNS_UNINITIALIZED struct dns_follow f;
	enum dns_err err;
	size_t nlinks;
	bool more;

	err = dns_links_read(msg, r, hash, links, &nlinks);
	if (err != DNS_OK)
		return (err);
	dns_follow_begin(&f, links, nlinks, hash, out, max);
	err = dns_follow_some(&f, msg, r, links, nlinks, SIZE_MAX, &more);
	*n = f.addresses.n;
	return (err);
}

/* As above, and that of the other ones is not needed at the same time. */
static enum dns_err __attribute__((noinline))
all_plain_addresses(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct dns_address *out, size_t max, size_t *n,
    bool *plain)
{
	DNS_UNINITIALIZED struct dns_collection to;
	enum dns_err err;

	collection_begin(&to, hash, out, max);
	err = plain_addresses(msg, r, &to, plain);
	*n = to.n;
	return (err);
}

enum dns_err
dns_answer_addresses(const uint8_t *msg, size_t len,
    const struct dns_response *r, dns_hash_fn *hash, struct dns_address *out,
    size_t max, size_t *n)
{
	enum dns_err err;
	bool plain;

	*n = 0;
	if (r->answer_end > len)
		return (DNS_ESHORT);
	if (!r->has_question)
		return (DNS_OK);
	err = all_plain_addresses(msg, r, hash, out, max, n, &plain);
	if (err != DNS_OK || plain)
		return (err);
	*n = 0;
	return (linked_addresses(msg, r, hash, out, max, n));
}

void
dns_answer_cap_ttl(uint8_t *msg, size_t len, const struct dns_response *r,
    uint32_t cap)
{
	struct rcur c = { .buf = msg, .len = len, .pos = r->question_end };
	struct wcur w = { .buf = msg, .len = len };
	struct dns_record record;
	uint32_t ttl;
	uint16_t i;

	for (i = 0; i < r->ancount; i++) {
		if (dns_record_read(&c, NULL, &record) != DNS_OK)
			return;
		/*
		 * A reader that does not know RFC 2181 would take a TTL with
		 * the top bit for 68 years or more: what reads as 0 becomes 0.
		 */
		ttl = dns_ttl(&record);
		w.pos = record.ttl_offset;
		wcur_u32(&w, ttl < cap ? ttl : cap);
	}
}
