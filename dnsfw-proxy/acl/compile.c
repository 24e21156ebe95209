/* ACL text -> image. */
#include "compile.h"

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "layout.h"
#include "lex.h"
#include "msg.h"
#include "parse.h"

#define RULE_LEN_MIN	5	/* octets of the shortest rule: ::~>a */

/* All rules of one subnet and one pattern; becomes a record. */
struct pattern {
	uint64_t	hash;
	uint32_t	subnet;		/* index */
	uint32_t	line;		/* of the first rule */
	uint32_t	name;		/* offset in build.names */
	uint32_t	ports;		/* index in build.ports + 1; 0: none */
	uint16_t	nports;
	uint8_t		flags;		/* RECORD_* */
	uint8_t		name_len;
	uint8_t		local[16];
};

/* A pattern's ports are a list, since its rules may stand anywhere. */
struct port_link {
	struct image_port port;
	uint32_t	next;		/* index in build.ports + 1; 0: none */
};

/*
 * What the text has said so far.  A line makes at most one of each thing, so
 * all arrays have their final size from the start, and none ever grows.
 */
struct build {
	acl_error_fn	*error;
	void		*arg;
	bool		 failed;
	uint32_t	 nslots;	/* of both hash tables */
	uint32_t	 rules;
	struct image_subnet *subnets;
	uint32_t	 nsubnets;
	uint32_t	*subnet_slots;	/* index + 1; 0: empty */
	struct pattern	*patterns;
	uint32_t	 npatterns;
	uint32_t	*pattern_slots;	/* index + 1; 0: empty */
	struct port_link *ports;
	uint32_t	 nports;
	uint8_t		*names;
	uint32_t	 names_len;
};

static void
report(struct build *b, unsigned int line, size_t at, const char *text)
{
	b->failed = true;
	b->error(b->arg, line, line == 0 ? 0 : (unsigned int)at + 1, text);
}

static bool
build_init(struct build *b, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	size_t max;

	for (max = 1; p < end; p++, max++)
		if ((p = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
	if (max > len / RULE_LEN_MIN + 1)
		max = len / RULE_LEN_MIN + 1;
	b->nslots = 2 * (uint32_t)max;
	b->subnets = calloc(max, sizeof(*b->subnets));
	b->subnet_slots = calloc(b->nslots, sizeof(*b->subnet_slots));
	b->patterns = calloc(max, sizeof(*b->patterns));
	b->pattern_slots = calloc(b->nslots, sizeof(*b->pattern_slots));
	b->ports = calloc(max, sizeof(*b->ports));
	/* The wire form has two octets more than its text; a line has four. */
	b->names = malloc(len + 1);
	return (b->subnets != NULL && b->subnet_slots != NULL &&
	    b->patterns != NULL && b->pattern_slots != NULL &&
	    b->ports != NULL && b->names != NULL);
}

static void
build_free(struct build *b)
{
	free(b->subnets);
	free(b->subnet_slots);
	free(b->patterns);
	free(b->pattern_slots);
	free(b->ports);
	free(b->names);
}

/* The slot behind i in a table of n. */
static uint32_t
slot_after(uint32_t i, uint32_t n)
{
	return (i + 1 < n ? i + 1 : 0);
}

/* The index of the subnet, which is made if it is new. */
static uint32_t
subnet_index(struct build *b, const struct addr_net *net)
{
	struct image_subnet *s;
	uint32_t i;

	i = image_place(image_subnet_hash(&net->base, net->prefix),
	    b->nslots);
	for (; b->subnet_slots[i] != 0; i = slot_after(i, b->nslots)) {
		s = &b->subnets[b->subnet_slots[i] - 1];
		if (s->family == net->base.family && s->prefix == net->prefix &&
		    memcmp(s->base, net->base.bytes, sizeof(s->base)) == 0)
			return (b->subnet_slots[i] - 1);
	}
	s = &b->subnets[b->nsubnets++];
	s->family = net->base.family;
	s->prefix = net->prefix;
	memcpy(s->base, net->base.bytes, sizeof(s->base));
	b->subnet_slots[i] = b->nsubnets;
	return (b->nsubnets - 1);
}

/* The pattern of the rule, which is made, with line 0, if it is new. */
static struct pattern *
pattern_get(struct build *b, uint32_t subnet, const struct parse_rule *rule)
{
	struct image_suffixes suffixes;
	struct pattern *p;
	uint64_t hash;
	uint32_t i;

	image_suffixes_init(&suffixes, &rule->name);
	hash = image_key_hash(subnet, rule->wildcard,
	    suffixes.hash[suffixes.labels]);
	i = image_place(hash, b->nslots);
	for (; b->pattern_slots[i] != 0; i = slot_after(i, b->nslots)) {
		p = &b->patterns[b->pattern_slots[i] - 1];
		if (p->hash == hash && p->subnet == subnet &&
		    ((p->flags & RECORD_WILDCARD) != 0) == rule->wildcard &&
		    p->name_len == rule->name.len && memcmp(b->names + p->name,
		    rule->name.wire, p->name_len) == 0)
			return (p);
	}
	p = &b->patterns[b->npatterns++];
	b->pattern_slots[i] = b->npatterns;
	p->hash = hash;
	p->subnet = subnet;
	p->name = b->names_len;
	p->name_len = rule->name.len;
	memcpy(b->names + p->name, rule->name.wire, p->name_len);
	b->names_len += p->name_len;
	if (rule->wildcard) {
		p->flags = RECORD_WILDCARD;
		b->subnets[subnet].depths |= image_depth_bit(suffixes.labels);
	}
	return (p);
}

/* Append the port unless it is there; -1: ACL_PORTS_MAX are. */
static int
pattern_add_port(struct build *b, struct pattern *p,
    const struct parse_rule *rule)
{
	struct port_link *link;
	uint32_t *next = &p->ports;

	for (; *next != 0; next = &link->next) {
		link = &b->ports[*next - 1];
		if (link->port.port == rule->port &&
		    link->port.proto == rule->proto)
			return (0);
	}
	if (p->nports == ACL_PORTS_MAX)
		return (-1);
	p->nports++;
	link = &b->ports[b->nports++];
	link->port.port = rule->port;
	link->port.proto = rule->proto;
	*next = b->nports;
	return (0);
}

/* RECORD_LOCAL4, RECORD_LOCAL6 or 0. */
static uint8_t
local_flag(const struct addr *local)
{
	switch (local->family) {
	case ADDR_V4:
		return (RECORD_LOCAL4);
	case ADDR_V6:
		return (RECORD_LOCAL6);
	default:
		return (0);
	}
}

/* Why the rule cannot stand beside those of its pattern (A6), or NULL. */
static const char *
conflict(const struct pattern *p, const struct parse_rule *rule)
{
	bool blocks = (p->flags & RECORD_BLOCK) != 0;

	if (rule->action != PARSE_BLOCK)
		return (blocks ? "the same client and name are blocked there" :
		    NULL);
	if (!blocks)
		return ("the same client and name are allowed there");
	if (local_flag(&rule->local) !=
	    (p->flags & (RECORD_LOCAL4 | RECORD_LOCAL6)) ||
	    memcmp(p->local, rule->local.bytes, sizeof(p->local)) != 0)
		return ("the same client and name get another answer there");
	return (NULL);
}

static void
add_rule(struct build *b, unsigned int line, const struct parse_rule *rule)
{
	struct pattern *p;
	const char *why;
	char text[PARSE_TEXT_SIZE];

	b->rules++;
	p = pattern_get(b, subnet_index(b, &rule->client), rule);
	if (p->line != 0 && (why = conflict(p, rule)) != NULL) {
		snprintf(text, sizeof(text), "conflicts with line %u: %s",
		    p->line, why);
		report(b, line, rule->pattern_at, text);
		return;
	}
	if (p->line == 0)
		p->line = line;
	switch (rule->action) {
	case PARSE_BLOCK:
		p->flags |= RECORD_BLOCK | local_flag(&rule->local);
		memcpy(p->local, rule->local.bytes, sizeof(p->local));
		break;
	case PARSE_RESOLVE:
		p->flags |= RECORD_RESOLVE;
		break;
	case PARSE_GRANT:
		if (pattern_add_port(b, p, rule) == 0)
			break;
		snprintf(text, sizeof(text), "more than %d ports for the "
		    "client and name of line %u", ACL_PORTS_MAX, p->line);
		report(b, line, rule->pattern_at, text);
		break;
	}
}

/* List the distinct prefix lengths, longest first. */
static void
emit_prefixes(const struct build *b, struct acl_image *image)
{
	bool seen[IMAGE_FAMILIES][IMAGE_PREFIXES] = { { false } };
	const struct image_subnet *s;
	unsigned int family, prefix;
	uint32_t i;

	for (i = 0; i < b->nsubnets; i++) {
		s = &b->subnets[i];
		family = s->family == ADDR_V4 ? IMAGE_V4 : IMAGE_V6;
		seen[family][s->prefix] = true;
	}
	for (family = 0; family < IMAGE_FAMILIES; family++)
		for (prefix = IMAGE_PREFIXES; prefix-- > 0;)
			if (seen[family][prefix])
				image->prefixes[family][
				    image->nprefixes[family]++] =
				    (uint8_t)prefix;
}

static void
emit_subnets(const struct build *b, struct image_subnet *subnets,
    uint32_t *slots, uint32_t nslots)
{
	struct addr base = { .family = 0 };
	uint32_t i, slot;

	memcpy(subnets, b->subnets, b->nsubnets * sizeof(*subnets));
	for (i = 0; i < b->nsubnets; i++) {
		base.family = subnets[i].family;
		memcpy(base.bytes, subnets[i].base, sizeof(base.bytes));
		slot = image_place(image_subnet_hash(&base,
		    subnets[i].prefix), nslots);
		while (slots[slot] != 0)
			slot = slot_after(slot, nslots);
		slots[slot] = i + 1;
	}
}

/* Write one record to where at points. */
static void
emit_record(const struct build *b, const struct pattern *p, void *at)
{
	struct image_record *r = at;
	uint8_t *tail = (uint8_t *)(r + 1);
	size_t local_len;
	uint32_t i;

	r->subnet = p->subnet;
	r->line = p->line;
	r->nports = p->nports;
	r->flags = p->flags;
	r->name_len = p->name_len;
	for (i = p->ports; i != 0; i = b->ports[i - 1].next) {
		memcpy(tail, &b->ports[i - 1].port, sizeof(struct image_port));
		tail += sizeof(struct image_port);
	}
	local_len = image_record_local_len(r);
	memcpy(tail, p->local, local_len);
	memcpy(tail + local_len, b->names + p->name, p->name_len);
}

/* The size of the record that the pattern becomes. */
static uint32_t
record_size(const struct pattern *p)
{
	const struct image_record r = { .nports = p->nports,
	    .flags = p->flags, .name_len = p->name_len };

	return ((uint32_t)image_record_size(&r));
}

static uint64_t
records_size(const struct build *b)
{
	uint64_t size;
	uint32_t i;

	for (size = i = 0; i < b->npatterns; i++)
		size += record_size(&b->patterns[i]);
	return (size);
}

/* A counting sort: how much is in each bucket, where each ends, the records. */
static void
emit_records(const struct build *b, struct acl_image *image,
    uint32_t *buckets)
{
	const struct pattern *p, *end = b->patterns + b->npatterns;
	uint64_t at = image_records_offset(image);
	uint32_t i, n = image->nbuckets;

	for (p = b->patterns; p < end; p++)
		buckets[image_place(p->hash, n)] += record_size(p);
	for (i = 0; i <= n; i++)
		buckets[i] = (uint32_t)(at += buckets[i]);
	/* Each is filled from its end, so that its beginning is what is left. */
	for (p = b->patterns; p < end; p++) {
		i = image_place(p->hash, n);
		buckets[i] -= record_size(p);
		emit_record(b, p, (uint8_t *)image + buckets[i]);
	}
}

static void
emit(struct build *b, struct acl_compiled *out)
{
	struct acl_image header = {
		.version = IMAGE_VERSION,
		.rules = b->rules,
		.nsubnets = b->nsubnets,
		.nrecords = b->npatterns,
		.nbuckets = b->npatterns + 1,
		.nsubnet_slots = 2 * b->nsubnets + 1,
	}, *image;

	memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
	header.size = image_records_offset(&header) + records_size(b);
	if (header.size > IMAGE_SIZE_MAX) {
		report(b, 0, 0, "the list is too large");
		return;
	}
	image = calloc(1, header.size);
	if (image == NULL) {
		report(b, 0, 0, "out of memory");
		return;
	}
	*image = header;
	emit_prefixes(b, image);
	/* The parts are const for all readers, but this is their maker. */
	emit_subnets(b, (void *)(uintptr_t)image_subnets(image),
	    (void *)(uintptr_t)image_subnet_slots(image),
	    image->nsubnet_slots);
	emit_records(b, image, (void *)(uintptr_t)image_buckets(image));
	out->image = image;
	out->size = header.size;
	out->rules = b->rules;
}

int
acl_compile(const char *text, size_t len, acl_error_fn *error, void *arg,
    struct acl_compiled *out)
{
	struct build b = { .error = error, .arg = arg };
	struct lex_text lines = { .text = text, .len = len };
	struct lex_line line;
	struct parse_rule rule;
	struct parse_error wrong;

	memset(out, 0, sizeof(*out));
	if (len > IMAGE_SIZE_MAX) {
		report(&b, 0, 0, "the file is too large");
		return (-1);
	}
	if (!build_init(&b, text, len)) {
		report(&b, 0, 0, "out of memory");
		build_free(&b);
		return (-1);
	}
	/* A byte order mark at the start is not text. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		lines.next = 3;
	while (lex_next_line(&lines, &line)) {
		switch (parse_line(&line, &rule, &wrong)) {
		case PARSE_EMPTY:
			break;
		case PARSE_RULE:
			add_rule(&b, lines.number, &rule);
			break;
		case PARSE_ERROR:
			report(&b, lines.number, wrong.at, wrong.text);
			break;
		}
	}
	if (!b.failed)
		emit(&b, out);
	build_free(&b);
	return (b.failed ? -1 : 0);
}

void
acl_compiled_file(struct acl_compiled *c, const char *path)
{
	struct acl_image *image = c->image;
	const char *slash = strrchr(path, '/');
	size_t len = strlen(path);

	if (len >= sizeof(image->file) && slash != NULL)
		path = slash + 1;
	if ((len = strlen(path)) < sizeof(image->file))
		memcpy(image->file, path, len + 1);
}
