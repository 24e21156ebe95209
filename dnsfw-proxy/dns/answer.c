/* What an answer's records mean for grants. */
#include "answer.h"

#include <string.h>

/* The queried name, and the names that it leads to. */
struct chain {
	struct dns_name	name[1 + DNS_CHAIN_MAX];
	size_t		n;
};

/*
 * The addresses so far, as a digital search tree: from the entry at depth d,
 * bit d of the key leads on, so that entries below share its first d bits.
 * Whatever addresses somebody chooses, a search takes at most KEY_BITS steps,
 * which no hash without a secret could promise.
 */
#define KEY_BITS	(1 + 128)	/* the family, and the address */

struct collection {
	struct dns_address *out;
	size_t		 max;
	size_t		 n;
	uint16_t	 child[DNS_ADDRESSES_MAX][2];	/* 0: none */
};

static bool
chain_has(const struct chain *chain, const struct dns_name *name)
{
	size_t i;

	for (i = 0; i < chain->n; i++)
		if (dns_name_equal(&chain->name[i], name))
			return (true);
	return (false);
}

/* If it is new; one too many is left out. */
static void
chain_add(struct chain *chain, const struct dns_name *name)
{
	if (chain->n <= DNS_CHAIN_MAX && !chain_has(chain, name))
		chain->name[chain->n++] = *name;
}

static unsigned int
key_bit(const struct addr *a, unsigned int bit)
{
	if (bit == 0)
		return (a->family == ADDR_V6);
	bit--;
	return (a->bytes[bit / 8] >> (7 - bit % 8) & 1U);
}

static enum dns_err
collect(struct collection *c, const struct addr *a, uint32_t ttl)
{
	unsigned int bit;
	size_t at = 0;
	uint16_t *next;

	for (bit = 0; c->n > 0 && bit < KEY_BITS; bit++) {
		if (addr_equal(&c->out[at].addr, a)) {
			if (c->out[at].ttl < ttl)
				c->out[at].ttl = ttl;
			return (DNS_OK);
		}
		next = &c->child[at][key_bit(a, bit)];
		if (*next == 0) {
			if (c->n < c->max)
				*next = (uint16_t)c->n;
			break;
		}
		at = *next;
	}
	if (c->n >= c->max)
		return (DNS_EFULL);
	c->child[c->n][0] = c->child[c->n][1] = 0;
	c->out[c->n].addr = *a;
	c->out[c->n++].ttl = ttl;
	return (DNS_OK);
}

/* All of what is left of c is addresses of that family. */
static enum dns_err
collect_all(struct collection *to, struct rcur *c, uint8_t family,
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
collect_hints(struct collection *to, struct rcur *c, uint32_t ttl)
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

static uint32_t
ttl_value(uint32_t ttl)
{
	return (ttl > INT32_MAX ? 0 : ttl);	/* RFC 2181 8 */
}

/*
 * The name that a CNAME, DNAME, SVCB or HTTPS record leads to.  *alias is true if it
 * is all that the record says; if not, c is at the parameters afterwards.
 */
static enum dns_err
read_target(const struct dns_record *r, struct rcur *c, bool *alias,
    struct dns_name *target)
{
	bool service = r->type == TYPE_SVCB || r->type == TYPE_HTTPS;
	uint16_t priority = 0;

	if (service && rcur_u16(c, &priority) == -1)
		return (DNS_ERDATA);
	/* RFC 9460 2.4.2: in alias mode the parameters do not count. */
	*alias = priority == 0;
	return (dns_name_read(c, !service, target));
}

/* A record of a name in the chain, which may grow. */
static enum dns_err
answer_record(const uint8_t *msg, const struct dns_record *r,
    struct chain *chain, struct collection *to)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	uint32_t ttl = ttl_value(r->ttl);
	DNS_UNINITIALIZED struct dns_name target;
	enum dns_err err;
	bool alias;

	switch (r->type) {
	case TYPE_A:
		return (collect_all(to, &c, ADDR_V4, ttl));
	case TYPE_AAAA:
		return (collect_all(to, &c, ADDR_V6, ttl));
	default:
		err = read_target(r, &c, &alias, &target);
		if (err != DNS_OK)
			return (err);
		/* RFC 9460 2.5: as a target, the root is nowhere or here. */
		if (r->type == TYPE_CNAME || target.len > 1)
			chain_add(chain, &target);
		return (alias ? DNS_OK : collect_hints(to, &c, ttl));
	}
}

static bool
is_wanted(const struct dns_record *r)
{
	return (r->class == CLASS_IN && (r->type == TYPE_A ||
	    r->type == TYPE_AAAA || r->type == TYPE_CNAME ||
	    r->type == TYPE_SVCB || r->type == TYPE_HTTPS));
}

/* The answer has no alias: one name is wanted, and one pass is enough. */
static enum dns_err
answer_plain(const uint8_t *msg, const struct dns_response *r,
    struct chain *chain, struct collection *to)
{
	struct rcur c = { .buf = msg, .len = r->answer_end,
	    .pos = r->question_end };
	struct dns_record record;
	DNS_UNINITIALIZED struct dns_name owner;
	enum dns_err err = DNS_OK;
	uint16_t i;

	for (i = 0; err == DNS_OK && i < r->ancount; i++) {
		err = dns_record_read(&c, &owner, &record);
		if (err == DNS_OK && is_wanted(&record) &&
		    chain_has(chain, &owner))
			err = answer_record(msg, &record, chain, to);
	}
	return (err);
}

/* A record that may be of a name in the chain. */
struct entry {
	uint32_t	owner;		/* hash of the folded name */
	uint32_t	at;
};

static uint32_t
hash_name(const struct dns_name *name, dns_hash_fn *hash)
{
	DNS_UNINITIALIZED struct dns_name folded;

	dns_name_fold(name, &folded);
	return ((uint32_t)hash(folded.wire, folded.len));
}

/* Both begin with the same pointer: so they are the same name. */
static bool
same_pointer(const uint8_t *a, const uint8_t *b)
{
	return (a[0] > DNS_LABEL_MAX && memcmp(a, b, 2) == 0);
}

/* Each owner is read once, and becomes a number. */
static enum dns_err
list_entries(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct entry *entries, size_t *n)
{
	struct rcur c = { .buf = msg, .len = r->answer_end,
	    .pos = r->question_end };
	struct dns_record record;
	DNS_UNINITIALIZED struct dns_name owner;
	struct entry *e = entries;
	enum dns_err err;
	uint16_t i;

	for (i = 0; i < r->ancount; i++) {
		e->at = (uint32_t)c.pos;
		if ((err = dns_record_read(&c, &owner, &record)) != DNS_OK)
			return (err);
		if (!is_wanted(&record))
			continue;
		if (e > entries && same_pointer(msg + e[-1].at, msg + e->at))
			e->owner = e[-1].owner;
		else
			e->owner = hash_name(&owner, hash);
		e++;
	}
	*n = (size_t)(e - entries);
	return (DNS_OK);
}

/* One of the entries whose owner has the hash of that name of the chain. */
static enum dns_err
take_entry(const uint8_t *msg, const struct dns_response *r, size_t at,
    struct chain *chain, const struct dns_name *name, struct collection *to)
{
	struct rcur c = { .buf = msg, .len = r->answer_end, .pos = at };
	struct dns_record record;
	DNS_UNINITIALIZED struct dns_name owner;
	enum dns_err err;

	err = dns_record_read(&c, &owner, &record);
	if (err != DNS_OK || !dns_name_equal(&owner, name))
		return (err);
	return (answer_record(msg, &record, chain, to));
}

/*
 * Records may stand before the CNAME that leads to them: for each name of the
 * chain, which grows meanwhile, look at the numbers of all owners.  Not inline,
 * since answers without an alias need no such room on the stack.
 */
static enum dns_err __attribute__((noinline))
take_chain(const uint8_t *msg, const struct dns_response *r,
    dns_hash_fn *hash, struct chain *chain, struct collection *to)
{
	DNS_UNINITIALIZED struct entry entries[DNS_RECORDS_MAX];
	enum dns_err err;
	size_t i, k, n;
	uint32_t owner;

	if (r->ancount > DNS_RECORDS_MAX)
		return (DNS_ECOUNT);
	err = list_entries(msg, r, hash, entries, &n);
	for (i = 0; err == DNS_OK && i < chain->n; i++) {
		owner = hash_name(&chain->name[i], hash);
		for (k = 0; err == DNS_OK && k < n; k++)
			if (entries[k].owner == owner)
				err = take_entry(msg, r, entries[k].at, chain,
				    &chain->name[i], to);
	}
	return (err);
}

enum dns_err
dns_answer_addresses(const uint8_t *msg, size_t len,
    const struct dns_response *r, dns_hash_fn *hash, struct dns_address *out,
    size_t max, size_t *n)
{
	DNS_UNINITIALIZED struct collection to;
	DNS_UNINITIALIZED struct chain chain;
	enum dns_err err;

	*n = 0;
	if (r->answer_end > len)
		return (DNS_ESHORT);
	if (!r->has_question)
		return (DNS_OK);
	to.out = out;
	to.max = max < DNS_ADDRESSES_MAX ? max : DNS_ADDRESSES_MAX;
	to.n = 0;
	chain.n = 0;
	chain_add(&chain, &r->qname);
	if (r->has_alias)
		err = take_chain(msg, r, hash, &chain, &to);
	else
		err = answer_plain(msg, r, &chain, &to);
	*n = to.n;
	return (err);
}

static size_t
target_index(const struct dns_target *targets, size_t n,
    const struct dns_name *name)
{
	size_t i;

	for (i = 0; i < n && !dns_name_equal(&targets[i].name, name); i++)
		;
	return (i);
}

/* The names so far; leading is the queried one and not in out. */
struct targets {
	const struct dns_name *leading;
	struct dns_target *out;
	size_t		 n;
	bool		 grown;
};

static void
target_add(struct targets *t, const struct dns_name *name, uint32_t ttl)
{
	size_t i = target_index(t->out, t->n, name);

	if (i < t->n) {
		if (t->out[i].ttl < ttl)
			t->out[i].ttl = ttl;
		return;
	}
	if (i == DNS_CHAIN_MAX || dns_name_equal(name, t->leading))
		return;
	t->out[t->n].name = *name;
	t->out[t->n++].ttl = ttl;
	t->grown = true;
}

/* RFC 6672 2.2: name with its end, which is owner, replaced by target. */
static void
target_substitute(struct targets *t, const struct dns_name *name,
    const struct dns_name *owner, const struct dns_name *target, uint32_t ttl)
{
	DNS_UNINITIALIZED struct dns_name made;
	size_t kept;

	if (name->len == owner->len || !dns_name_is_under(name, owner))
		return;
	kept = (size_t)name->len - owner->len;
	if (kept + target->len > DNS_NAME_MAX)
		return;
	memcpy(made.wire, name->wire, kept);
	memcpy(made.wire + kept, target->wire, target->len);
	made.len = (uint8_t)(kept + target->len);
	made.labels = (uint8_t)(name->labels - owner->labels +
	    target->labels);
	target_add(t, &made, ttl);
}

static enum dns_err
take_target(const uint8_t *msg, const struct dns_name *owner,
    const struct dns_record *r, struct targets *t)
{
	struct rcur c = { .buf = msg, .len = r->rdata + r->rdlength,
	    .pos = r->rdata };
	DNS_UNINITIALIZED struct dns_name target;
	size_t i, n = t->n;
	enum dns_err err;
	bool alias;

	if ((err = read_target(r, &c, &alias, &target)) != DNS_OK)
		return (err);
	if (r->type == TYPE_DNAME) {
		target_substitute(t, t->leading, owner, &target,
		    ttl_value(r->ttl));
		for (i = 0; i < n; i++)
			target_substitute(t, &t->out[i].name, owner, &target,
			    ttl_value(r->ttl));
	} else if ((r->type == TYPE_CNAME || target.len > 1) &&
	    (dns_name_equal(owner, t->leading) ||
	    target_index(t->out, n, owner) < n))
		target_add(t, &target, ttl_value(r->ttl));
	return (DNS_OK);
}

static bool
leads_on(const struct dns_record *r)
{
	return (r->class == CLASS_IN && (r->type == TYPE_CNAME ||
	    r->type == TYPE_DNAME || r->type == TYPE_SVCB ||
	    r->type == TYPE_HTTPS));
}

/* Where the records that lead on are; DNS_EFULL: at has not place for all. */
static enum dns_err
find_links(const uint8_t *msg, const struct dns_response *r,
    size_t at[DNS_LINKS_MAX], size_t *n)
{
	struct rcur c = { .buf = msg, .len = r->answer_end,
	    .pos = r->question_end };
	struct dns_record record;
	enum dns_err err;
	size_t begin;
	uint16_t i;

	*n = 0;
	for (i = 0; i < r->ancount; i++) {
		begin = c.pos;
		if ((err = dns_record_read(&c, NULL, &record)) != DNS_OK)
			return (err);
		if (!leads_on(&record))
			continue;
		if (*n == DNS_LINKS_MAX)
			return (DNS_EFULL);
		at[(*n)++] = begin;
	}
	return (DNS_OK);
}

static enum dns_err
take_targets(const uint8_t *msg, const struct dns_response *r,
    const size_t *at, size_t n, struct targets *t)
{
	struct rcur c = { .buf = msg, .len = r->answer_end };
	DNS_UNINITIALIZED struct dns_name owner;
	struct dns_record record;
	enum dns_err err = DNS_OK;
	size_t i;

	t->grown = false;
	for (i = 0; err == DNS_OK && i < n; i++) {
		c.pos = at[i];
		err = dns_record_read(&c, &owner, &record);
		if (err == DNS_OK)
			err = take_target(msg, &owner, &record, t);
	}
	return (err);
}

enum dns_err
dns_answer_targets(const uint8_t *msg, size_t len,
    const struct dns_response *r, struct dns_target out[DNS_CHAIN_MAX],
    size_t *n)
{
	struct targets t = { .leading = &r->qname, .out = out };
	size_t at[DNS_LINKS_MAX], nlinks;
	enum dns_err err, found;

	*n = 0;
	if (r->answer_end > len)
		return (DNS_ESHORT);
	if (!r->has_question || !r->has_alias)
		return (DNS_OK);
	found = find_links(msg, r, at, &nlinks);
	if (found != DNS_OK && found != DNS_EFULL)
		return (found);
	/* A record may stand before the one that leads to it. */
	do
		err = take_targets(msg, r, at, nlinks, &t);
	while (err == DNS_OK && t.grown);
	*n = t.n;
	return (err != DNS_OK ? err : found);
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
		ttl = ttl_value(record.ttl);
		w.pos = record.ttl_offset;
		wcur_u32(&w, ttl < cap ? ttl : cap);
	}
}
