/* How the rules of a list stand to each other. */
#include "relate.h"

#include <stdlib.h>
#include <string.h>

#include "find.h"

/* A record's number: the octet of the image at which it begins. */
static acl_record
record_number(const struct acl_image *image, const struct image_record *r)
{
	return (r == NULL ? 0 :
	    (acl_record)((const uint8_t *)r - (const uint8_t *)image));
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

/* --- subnets --- */

/* The nearest subnet around that one: index + 1, or 0: none. */
static uint32_t
find_wider(const struct acl_image *image, const struct image_subnet *subnet)
{
	const struct image_subnet *s;
	struct addr base = { .family = subnet->family };
	unsigned int i = 0;

	memcpy(base.bytes, subnet->base, sizeof(base.bytes));
	while ((s = find_next_subnet(image, &base, &i)) != NULL)
		if (s->prefix < subnet->prefix)
			return ((uint32_t)(s - image_subnets(image)) + 1);
	return (0);
}

/* A counting sort of subnets by set. */
static void
sort_subnets(struct relate *r)
{
	const struct image_subnet *s = image_subnets(r->image);
	uint32_t i, n, nsets = r->image->nsets, at = 0;

	for (i = 0; i < r->image->nsubnets; i++)
		r->first[s[i].set]++;
	for (i = 0; i <= nsets; i++) {
		n = r->first[i];
		r->first[i] = at;
		at += n;
	}
	for (i = 0; i < r->image->nsubnets; i++)
		r->subnets[r->first[s[i].set]++] = i;
	/* Each is where the next one began. */
	memmove(r->first + 1, r->first, nsets * sizeof(*r->first));
	r->first[0] = 0;
}

/* Of subnets with the same set and the same one around them, keep one. */
static void
keep_distinct(struct relate *r, uint32_t *seen)
{
	uint32_t i, set, at, n = 0, end = 0;

	for (set = 0; set < r->image->nsets; set++) {
		at = end;
		end = r->first[set + 1];
		r->first[set] = n;
		for (; at < end; at++) {
			i = r->subnets[at];
			if (seen[r->wider[i]] != set + 1)
				r->subnets[n++] = i;
			seen[r->wider[i]] = set + 1;
		}
	}
	r->first[set] = n;
}

bool
relate_init(struct relate *r, const struct acl_image *image)
{
	const size_t room = image->nsubnets + 1UL;
	uint32_t *seen = calloc(room, sizeof(*seen)), i;

	*r = (struct relate){ .image = image };
	r->wider = calloc(room, sizeof(*r->wider));
	r->subnets = calloc(room, sizeof(*r->subnets));
	r->first = calloc(image->nsets + 1UL, sizeof(*r->first));
	if (seen == NULL || r->wider == NULL || r->subnets == NULL ||
	    r->first == NULL) {
		free(seen);
		return (false);
	}
	for (i = 0; i < image->nsubnets; i++)
		r->wider[i] = find_wider(image, &image_subnets(image)[i]);
	sort_subnets(r);
	keep_distinct(r, seen);
	free(seen);
	return (true);
}

void
relate_free(struct relate *r)
{
	free(r->wider);
	free(r->subnets);
	free(r->first);
}

uint32_t
relate_subnet(const struct relate *r, const struct addr_net *client)
{
	const struct image_subnet *s = find_subnet(r->image, &client->base,
	    client->prefix);

	return (s == NULL ? RELATE_NONE :
	    (uint32_t)(s - image_subnets(r->image)));
}

size_t
relate_subnets(const struct relate *r, acl_record record,
    const uint32_t **subnets)
{
	const uint32_t set = image_record(r->image, record)->set;

	*subnets = &r->subnets[r->first[set]];
	return (r->first[set + 1] - r->first[set]);
}

void
relate_pattern(const struct relate *r, acl_record record,
    struct parse_rule *rule)
{
	const struct image_record *of = image_record(r->image, record);
	DNS_UNINITIALIZED struct image_suffixes suffixes;

	rule->wildcard = (of->flags & RECORD_WILDCARD) != 0;
	rule->name.len = of->name_len;
	memcpy(rule->name.wire, image_record_name(of), of->name_len);
	image_suffixes_init(&suffixes, &rule->name);
	rule->name.labels = (uint8_t)suffixes.labels;
}

/* --- what comes behind a rule --- */

/* All records that match what the rule matches, and come behind its own. */
static void
walk_behind(const struct relate *r, uint32_t subnet,
    const struct parse_rule *rule, find_take *take, void *arg)
{
	const struct image_subnet *all = image_subnets(r->image);
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	uint32_t wider = r->wider[subnet];

	/* Mostly there are none, which need not be looked for. */
	if (all[subnet].depths == 0 && wider == 0)
		return;
	image_suffixes_init(&suffixes, &rule->name);
	if (suffixes.labels > 0 && find_walk_wildcards(r->image, &all[subnet],
	    &rule->name, &suffixes, suffixes.labels - 1, take, arg))
		return;
	for (; wider != 0; wider = r->wider[wider - 1])
		if (find_walk_subnet(r->image, &all[wider - 1], &rule->name,
		    &suffixes, rule->wildcard, take, arg))
			return;
}

static bool
take_first(void *arg, const struct image_record *r, unsigned int depth)
{
	const struct image_record **first = arg;

	(void)depth;
	*first = r;
	return (true);
}

/* May a rule that matches only some of the names come between the two? */
static bool
is_close(const struct relate *r, uint32_t subnet,
    const struct image_record *next, const struct parse_rule *rule)
{
	return (!rule->wildcard ||
	    image_subnets(r->image)[subnet].set == next->set);
}

acl_record
relate_again(const struct relate *r, uint32_t subnet,
    const struct parse_rule *rule)
{
	const struct image_record *next = NULL;

	walk_behind(r, subnet, rule, take_first, &next);
	/* That a name is meant by more than "*" counts for itself (D14, D16). */
	if (next == NULL || !says(r->image, next, rule) ||
	    !is_close(r, subnet, next, rule) ||
	    (image_record_name(next)[0] == 0) != (rule->name.labels == 0))
		return (0);
	return (record_number(r->image, next));
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
allowed_below(const struct relate *r, uint32_t subnet,
    const struct parse_rule *rule)
{
	const struct image_subnet *all = image_subnets(r->image);
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	uint32_t wider = r->wider[subnet];

	image_suffixes_init(&suffixes, &rule->name);
	for (; wider != 0; wider = r->wider[wider - 1])
		if (find_ancestor(r->image, all[wider - 1].set, &rule->name,
		    &suffixes))
			return (true);
	return (false);
}

static bool
take_allowing(void *arg, const struct image_record *r, unsigned int depth)
{
	bool *allows = arg;

	(void)depth;
	*allows = (r->flags & RECORD_BLOCK) == 0;
	return (*allows);
}

bool
relate_hides(const struct relate *r, uint32_t subnet,
    const struct parse_rule *rule)
{
	bool allows = false;

	walk_behind(r, subnet, rule, take_allowing, &allows);
	return (allows || (rule->wildcard && allowed_below(r, subnet, rule)));
}
