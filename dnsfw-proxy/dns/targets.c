/* The names that an answer leads to. */
#include "answer.h"

#include <string.h>

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
	bool service = r->type == TYPE_SVCB || r->type == TYPE_HTTPS;
	size_t i, n = t->n;
	enum dns_err err;

	if (service && rcur_skip(&c, 2) == -1)		/* SvcPriority */
		return (DNS_ERDATA);
	if ((err = dns_name_read(&c, !service, &target)) != DNS_OK)
		return (err);
	if (r->type == TYPE_DNAME) {
		target_substitute(t, t->leading, owner, &target,
		    dns_ttl(r));
		for (i = 0; i < n; i++)
			target_substitute(t, &t->out[i].name, owner, &target,
			    dns_ttl(r));
	} else if ((r->type == TYPE_CNAME || target.len > 1) &&
	    (dns_name_equal(owner, t->leading) ||
	    target_index(t->out, n, owner) < n))
		target_add(t, &target, dns_ttl(r));
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
    size_t at[DNS_LEADS_MAX], size_t *n)
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
		if (*n == DNS_LEADS_MAX)
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
	size_t at[DNS_LEADS_MAX], nlinks;
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
