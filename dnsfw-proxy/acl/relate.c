/* How the rules of a list stand to each other. */
#include "relate.h"

#include <string.h>

#include "find.h"

/* A record's number: the octet of the image at which it begins. */
static acl_record
record_number(const struct acl_image *image, const struct image_record *r)
{
	return (r == NULL ? 0 :
	    (acl_record)((const uint8_t *)r - (const uint8_t *)image));
}

bool
relate_blocks(const struct acl_image *image, acl_record record)
{
	const struct image_record *r = image_record(image, record);

	return (r != NULL && (r->flags & RECORD_BLOCK) != 0);
}

struct visit {
	const struct acl_image *image;
	relate_visit	*fn;
	void		*arg;
};

static bool
pass_on(void *arg, const struct image_record *r, unsigned int depth)
{
	const struct visit *v = arg;

	(void)depth;
	return (v->fn(v->arg, record_number(v->image, r),
	    (r->flags & RECORD_BLOCK) != 0));
}

void
relate_decision(const struct acl_image *image, const struct addr *client,
    const struct dns_name *name, relate_visit *visit, void *arg)
{
	struct visit v = { .image = image, .fn = visit, .arg = arg };
	const struct addr_net net = { .base = *client,
	    .prefix = (uint8_t)(addr_len(client->family) * 8) };

	find_walk(image, &net, name, false, pass_on, &v);
}

/* Is the port granted for as long as the rule grants its ports? */
static bool
has_times(const struct acl_image *image, const struct image_port *port,
    const struct parse_rule *rule)
{
	const struct image_times *t = image_times(image);

	if (port->times == 0)
		return (rule->times.max == 0);
	return (t[port->times - 1].min == rule->times.min &&
	    t[port->times - 1].max == rule->times.max);
}

/* Does the record say what the rule says? */
static bool
says(const struct acl_image *image, const struct image_record *r,
    const struct parse_rule *rule)
{
	const struct image_port *ports = image_record_ports(r);
	unsigned int i, said;

	switch (rule->action) {
	case PARSE_BLOCK:
		return ((r->flags & RECORD_BLOCK) != 0 &&
		    image_record_local_len(r) == addr_len(rule->local.family) &&
		    memcmp(image_record_local(r), rule->local.bytes,
		    image_record_local_len(r)) == 0);
	case PARSE_RESOLVE:
		return ((r->flags & RECORD_RESOLVE) != 0);
	case PARSE_GRANT:
		break;
	}
	for (i = said = 0; i < r->nports; i++)
		said += ports[i].proto == rule->proto &&
		    parse_has_port(rule, ports[i].port) &&
		    has_times(image, &ports[i], rule);
	return (said == rule->nports);
}

/* What comes behind a record. */
struct behind {
	const struct image_record *own;
	const struct image_record *next;	/* the first behind */
	bool		allows;			/* one before a block does */
};

static bool
look_behind(void *arg, const struct image_record *r, unsigned int depth)
{
	struct behind *b = arg;

	(void)depth;
	if (r == b->own)
		return (false);
	if (b->next == NULL)
		b->next = r;
	b->allows |= (r->flags & RECORD_BLOCK) == 0;
	return (true);
}

static void
behind(const struct acl_image *image, acl_record own,
    const struct parse_rule *rule, struct behind *b)
{
	*b = (struct behind){ .own = image_record(image, own) };
	find_walk(image, &rule->client, &rule->name, rule->wildcard,
	    look_behind, b);
}

/* May a rule that matches only some of the names come between the two? */
static bool
is_close(const struct image_record *r, const struct image_record *next,
    const struct parse_rule *rule)
{
	return (!rule->wildcard || r->set == next->set);
}

acl_record
relate_again(const struct acl_image *image, acl_record own,
    const struct parse_rule *rule)
{
	struct behind b;

	behind(image, own, rule, &b);
	/* That a name is meant by more than "*" counts for itself (D14, D16). */
	if (b.own == NULL || b.next == NULL || !says(image, b.next, rule) ||
	    !is_close(b.own, b.next, rule) ||
	    (image_record_name(b.next)[0] == 0) !=
	    (image_record_name(b.own)[0] == 0))
		return (0);
	return (record_number(image, b.next));
}

static bool
take_first(void *arg, const struct image_record *r, unsigned int depth)
{
	const struct image_record **first = arg;

	(void)depth;
	*first = r;
	return (true);
}

acl_record
relate_first(const struct acl_image *image, const struct addr_net *client,
    const struct dns_name *name, bool wildcard)
{
	const struct image_record *first = NULL;

	find_walk(image, client, name, wildcard, take_first, &first);
	return (record_number(image, first));
}

/* Do wider subnets allow some of the names below the rule's? */
static bool
allowed_below(const struct acl_image *image, const struct parse_rule *rule)
{
	struct addr base = rule->client.base;
	struct image_suffixes suffixes;
	const struct image_subnet *s;
	unsigned int i = 0;

	image_suffixes_init(&suffixes, &rule->name);
	while ((s = find_next_subnet(image, &base, &i)) != NULL)
		if (s->prefix < rule->client.prefix && find_ancestor(image,
		    s->set, &rule->name, &suffixes))
			return (true);
	return (false);
}

bool
relate_hides(const struct acl_image *image, acl_record own,
    const struct parse_rule *rule)
{
	struct behind b;

	behind(image, own, rule, &b);
	return (b.allows || (rule->wildcard && allowed_below(image, rule)));
}
