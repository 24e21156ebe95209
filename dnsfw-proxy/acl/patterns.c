/* Subnets, sets and patterns of an image under construction. */
#include "patterns.h"

#include <stdio.h>
#include <string.h>

#include "decide.h"

#define GROUPED_MAX	(1U << 21)	/* patterns, of about 200 octets each */

/* What rules say of a client and a name, beside their ports. */
struct effect {
	uint8_t		flags;		/* RECORD_* but RECORD_WILDCARD */
	uint8_t		local[16];
};

static uint64_t
subnet_hash(const struct build *b, uint32_t i)
{
	const struct image_subnet *s = &b->subnets[i].image;
	struct addr base = { .family = s->family };

	memcpy(base.bytes, s->base, sizeof(base.bytes));
	return (image_subnet_hash(&base, s->prefix));
}

static uint64_t
pattern_hash(const struct build *b, uint32_t i)
{
	return (b->patterns[i].hash);
}

struct subnet *
patterns_subnet(struct build *b, const struct addr_net *net)
{
	uint32_t i, nslots, was = b->subnets_max;
	struct subnet *s;

	if (!build_room(b, &b->subnets, b->nsubnets + 1ULL, &b->subnets_max,
	    sizeof(*b->subnets)) || (b->subnets_max != was &&
	    !build_rehash(b, &b->subnet_slots, b->subnets_max, b->nsubnets,
	    subnet_hash)))
		return (NULL);
	nslots = 2 * b->subnets_max;
	i = image_place(image_subnet_hash(&net->base, net->prefix), nslots);
	for (; b->subnet_slots[i] != 0; i = slot_after(i, nslots)) {
		s = &b->subnets[b->subnet_slots[i] - 1];
		if (s->image.family == net->base.family &&
		    s->image.prefix == net->prefix &&
		    memcmp(s->image.base, net->base.bytes,
		    sizeof(s->image.base)) == 0)
			return (s);
	}
	s = &b->subnets[b->nsubnets++];
	*s = (struct subnet){ .image = { .family = net->base.family,
	    .prefix = net->prefix } };
	memcpy(s->image.base, net->base.bytes, sizeof(s->image.base));
	b->subnet_slots[i] = b->nsubnets;
	return (s);
}

bool
patterns_set(struct build *b, uint32_t *set)
{
	if (*set != 0)
		return (true);
	if (!build_room(b, &b->sets, b->nsets + 1ULL, &b->sets_max,
	    sizeof(*b->sets)))
		return (false);
	b->sets[b->nsets++] = (struct set){ .depths = 0 };
	*set = b->nsets;
	return (true);
}

bool
patterns_count(struct build *b)
{
	return (++b->ngrouped <= GROUPED_MAX || build_end(b,
	    "groups make more than 2097152 pairs of clients and names"));
}

bool
patterns_name(struct build *b, const struct dns_name *name, uint32_t *at)
{
	if (!build_room(b, &b->names, b->names_len + (uint64_t)name->len,
	    &b->names_max, 1))
		return (false);
	*at = b->names_len;
	memcpy(b->names + *at, name->wire, name->len);
	b->names_len += name->len;
	return (true);
}

/* Room for one pattern more, and slots for it. */
static bool
patterns_room(struct build *b)
{
	uint32_t was = b->patterns_max;

	return (build_room(b, &b->patterns, b->npatterns + 1ULL,
	    &b->patterns_max, sizeof(*b->patterns)) &&
	    (b->patterns_max == was || build_rehash(b, &b->pattern_slots,
	    b->patterns_max, b->npatterns, pattern_hash)));
}

/* At the slot that was found to be free. */
static struct pattern *
new_pattern(struct build *b, uint32_t *slot)
{
	struct pattern *p = &b->patterns[b->npatterns++];

	*p = (struct pattern){ .line = 0 };
	*slot = b->npatterns;
	return (p);
}

/* The last of its set. */
static void
link_pattern(struct build *b, struct pattern *p)
{
	struct set *set = &b->sets[p->set];
	uint32_t number = (uint32_t)(p - b->patterns) + 1;

	if (set->first == 0)
		set->first = number;
	else
		b->patterns[set->last - 1].next = number;
	set->last = number;
}

struct pattern *
patterns_get(struct build *b, uint32_t set, bool wildcard, uint32_t name,
    uint8_t name_len)
{
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	DNS_UNINITIALIZED struct dns_name wire;
	uint32_t i, nslots;
	struct pattern *p;
	uint64_t hash;

	if (!patterns_room(b))
		return (NULL);
	nslots = 2 * b->patterns_max;
	wire.len = name_len;
	memcpy(wire.wire, b->names + name, name_len);
	image_suffixes_init(&suffixes, &wire);
	hash = image_key_hash(set, wildcard, suffixes.hash[suffixes.labels]);
	i = image_place(hash, nslots);
	for (; b->pattern_slots[i] != 0; i = slot_after(i, nslots)) {
		p = &b->patterns[b->pattern_slots[i] - 1];
		if (p->hash == hash && p->set == set &&
		    ((p->flags & RECORD_WILDCARD) != 0) == wildcard &&
		    p->name_len == name_len && memcmp(b->names + p->name,
		    wire.wire, name_len) == 0)
			return (p);
	}
	p = new_pattern(b, &b->pattern_slots[i]);
	p->hash = hash;
	p->set = set;
	p->name = name;
	p->name_len = name_len;
	p->flags = wildcard ? RECORD_WILDCARD : 0;
	if (wildcard)
		b->sets[set].depths |= image_depth_bit(suffixes.labels);
	link_pattern(b, p);
	return (p);
}

/* Append the port unless it is there; false: no more than ACL_PORTS_MAX. */
static bool
note_one(struct build *b, struct pattern *p, uint32_t line,
    struct image_port port)
{
	struct port_link *link;
	uint32_t *next = &p->ports;

	for (; *next != 0; next = &link->next) {
		link = &b->ports[*next - 1];
		if (link->port.port == port.port &&
		    link->port.proto == port.proto)
			return (true);
	}
	if (p->nports == ACL_PORTS_MAX)
		return (false);
	p->nports++;
	b->ports[b->nports++] = (struct port_link){ .port = port,
	    .line = line };
	*next = b->nports;
	return (true);
}

static void
report_ports(struct build *b, const struct pattern *p, uint32_t line, size_t at)
{
	char text[PARSE_TEXT_SIZE], first[TEXTS_NAME_SIZE];

	snprintf(text, sizeof(text), "more than %d ports for the client and "
	    "name of %s", ACL_PORTS_MAX, texts_name(b->texts, line, p->line,
	    first));
	build_report(b, line, at, text);
}

static bool
note_ports(struct build *b, struct pattern *p, uint32_t line,
    const struct parse_rule *rule)
{
	unsigned int i;

	if (!build_room(b, &b->ports, b->nports + (uint64_t)rule->nports,
	    &b->ports_max, sizeof(*b->ports)))
		return (false);
	for (i = 0; i < rule->nports; i++) {
		if (note_one(b, p, line, (struct image_port){
		    .port = rule->ports[i], .proto = rule->proto,
		    .times = b->rule_times }))
			continue;
		report_ports(b, p, line, rule->pattern_at);
		break;
	}
	return (true);
}

/* Why both cannot be for the same client and name (A6), the first's; or NULL. */
static const char *
conflict(const struct effect *first, const struct effect *then)
{
	bool blocks = (first->flags & RECORD_BLOCK) != 0;

	if ((then->flags & RECORD_BLOCK) == 0)
		return (blocks ? "the same client and name are blocked there" :
		    NULL);
	if (!blocks)
		return ("the same client and name are allowed there");
	if (first->flags != then->flags || memcmp(first->local, then->local,
	    sizeof(first->local)) != 0)
		return ("the same client and name get another answer there");
	return (NULL);
}

static struct effect
pattern_effect(const struct pattern *p)
{
	struct effect e = { .flags = p->flags & (uint8_t)~RECORD_WILDCARD };

	memcpy(e.local, p->local, sizeof(e.local));
	return (e);
}

static struct effect
rule_effect(const struct parse_rule *rule)
{
	struct effect e = { .flags = rule->action == PARSE_BLOCK ?
	    RECORD_BLOCK : rule->action == PARSE_RESOLVE ? RECORD_RESOLVE : 0 };

	if (rule->action != PARSE_BLOCK)
		return (e);
	if (rule->local.family == ADDR_V4)
		e.flags |= RECORD_LOCAL4;
	else if (rule->local.family == ADDR_V6)
		e.flags |= RECORD_LOCAL6;
	memcpy(e.local, rule->local.bytes, sizeof(e.local));
	return (e);
}

static void
report_conflict(struct build *b, uint32_t line, size_t at, uint32_t other,
    const char *why)
{
	char text[PARSE_TEXT_SIZE], place[TEXTS_NAME_SIZE];

	/* Once, though the group of that place has many names. */
	if (b->conflict.line == line && b->conflict.at == at &&
	    b->conflict.other == other)
		return;
	b->conflict.line = line;
	b->conflict.at = at;
	b->conflict.other = other;
	snprintf(text, sizeof(text), "conflicts with %s: %s",
	    texts_name(b->texts, line, other, place), why);
	build_report(b, line, at, text);
}

static bool
note_origin(struct build *b, struct pattern *p, struct origin origin)
{
	if (!b->traced)
		return (true);
	if (!build_room(b, &b->origins, b->norigins + 1ULL, &b->origins_max,
	    sizeof(*b->origins)))
		return (false);
	origin.next = p->origins;
	b->origins[b->norigins++] = origin;
	p->origins = b->norigins;
	return (true);
}

/* What the rule says belongs to that pattern. */
static bool
take_rule_into(struct build *b, struct pattern *p, uint32_t line,
    const struct parse_rule *rule)
{
	const struct effect then = rule_effect(rule);
	struct effect first;
	const char *why;

	if (p == NULL)
		return (false);
	first = pattern_effect(p);
	if (p->line != 0 && (why = conflict(&first, &then)) != NULL) {
		report_conflict(b, line, rule->pattern_at, p->line, why);
		return (true);
	}
	if (p->line == 0) {
		p->line = line;
		p->at = (uint16_t)rule->pattern_at;
	}
	p->flags |= then.flags;
	if (rule->action == PARSE_BLOCK)
		memcpy(p->local, then.local, sizeof(p->local));
	if (rule->action == PARSE_GRANT) {
		b->sets[p->set].grants = true;
		if (!note_ports(b, p, line, rule))
			return (false);
	}
	return (note_origin(b, p, (struct origin){ .line = line,
	    .at = (uint16_t)rule->pattern_at,
	    .grouped = rule->named || rule->group.len > 0 }));
}

bool
patterns_add(struct build *b, uint32_t set, uint32_t line,
    const struct parse_rule *rule)
{
	uint32_t name, before = b->npatterns;
	struct pattern *p;

	if (!patterns_name(b, &rule->name, &name))
		return (false);
	p = patterns_get(b, set, rule->wildcard, name, rule->name.len);
	/* Known by its name already. */
	if (b->npatterns == before)
		b->names_len = name;
	return (take_rule_into(b, p, line, rule));
}

bool
patterns_add_item(struct build *b, uint32_t set, uint32_t line,
    const struct parse_rule *rule, const struct item *item)
{
	return (patterns_count(b) && take_rule_into(b, patterns_get(b, set,
	    item->wildcard, item->name, item->name_len), line, rule));
}

/* The links of a pattern, which are at most ACL_PORTS_MAX. */
static unsigned int
list_ports(const struct build *b, const struct pattern *p,
    struct port_link *out)
{
	unsigned int n = 0;
	uint32_t i;

	for (i = p->ports; i != 0; i = b->ports[i - 1].next)
		out[n++] = b->ports[i - 1];
	return (n);
}

/* Those of both, in the order of the lines. */
static bool
merge_ports(struct build *b, struct pattern *p, const struct pattern *from)
{
	struct port_link x[ACL_PORTS_MAX], y[ACL_PORTS_MAX], *next;
	unsigned int nx = list_ports(b, p, x), ny = list_ports(b, from, y);
	unsigned int i, k;

	if (!build_room(b, &b->ports, b->nports + (uint64_t)nx + ny,
	    &b->ports_max, sizeof(*b->ports)))
		return (false);
	p->ports = 0;
	p->nports = 0;
	for (i = k = 0; i < nx || k < ny;) {
		next = k == ny || (i < nx && x[i].line <= y[k].line) ?
		    &x[i++] : &y[k++];
		if (note_one(b, p, next->line, next->port))
			continue;
		report_ports(b, p, next->line, from->at);
		break;
	}
	return (true);
}

/* The later of the two is told, once. */
static void
report_merge(struct build *b, const struct pattern *p, struct pattern *from,
    const struct effect *one, const struct effect *other)
{
	if (!from->reported && from->line > p->line)
		report_conflict(b, from->line, from->at, p->line,
		    conflict(one, other));
	else if (!from->reported)
		report_conflict(b, p->line, p->at, from->line,
		    conflict(other, one));
	from->reported = true;
}

static bool
merge_origins(struct build *b, struct pattern *p, const struct pattern *from)
{
	struct origin origin;
	uint32_t i;

	for (i = from->origins; i != 0; i = origin.next) {
		origin = b->origins[i - 1];
		if (!note_origin(b, p, origin))
			return (false);
	}
	return (true);
}

bool
patterns_merge(struct build *b, uint32_t set, uint32_t pattern)
{
	struct pattern *from = &b->patterns[pattern], *p;
	struct effect first, then;

	if (!patterns_count(b) || (p = patterns_get(b, set,
	    (from->flags & RECORD_WILDCARD) != 0, from->name,
	    from->name_len)) == NULL)
		return (false);
	from = &b->patterns[pattern];
	first = pattern_effect(p);
	then = pattern_effect(from);
	if (p->line != 0 && conflict(&first, &then) != NULL) {
		report_merge(b, p, from, &first, &then);
		return (true);
	}
	if (p->line == 0 || from->line < p->line) {
		p->line = from->line;
		p->at = from->at;
	}
	p->flags |= from->flags;
	memcpy(p->local, from->local, sizeof(p->local));
	b->sets[set].grants |= from->nports > 0;
	return (merge_ports(b, p, from) && merge_origins(b, p, from));
}
