/* ACL text -> image. */
#include "compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ancestors.h"
#include "build.h"
#include "decide.h"
#include "emit.h"
#include "layout.h"
#include "lex.h"
#include "msg.h"
#include "parse.h"

#define RULE_LEN_MIN	5	/* octets of the shortest rule: ::~>a */

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
	b->subnets_max = b->patterns_max = b->ports_max = (uint32_t)max;
	b->subnets = calloc(max, sizeof(*b->subnets));
	b->subnet_slots = calloc(2 * max, sizeof(*b->subnet_slots));
	b->patterns = calloc(max, sizeof(*b->patterns));
	b->pattern_slots = calloc(2 * max, sizeof(*b->pattern_slots));
	b->ports = calloc(max, sizeof(*b->ports));
	/* The wire form has two octets more than its text; a line has four. */
	b->names_max = (uint32_t)len + 1;
	b->names = malloc(b->names_max);
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
	free(b->ancestors);
	free(b->ancestor_slots);
}

/* The index of the subnet, which is made if it is new. */
static uint32_t
subnet_index(struct build *b, const struct addr_net *net)
{
	uint32_t i, nslots = 2 * b->subnets_max;
	struct image_subnet *s;

	i = image_place(image_subnet_hash(&net->base, net->prefix), nslots);
	for (; b->subnet_slots[i] != 0; i = slot_after(i, nslots)) {
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

/* Room for one pattern more, and slots for it. */
static bool
patterns_room(struct build *b)
{
	uint32_t was = b->patterns_max, i, at, nslots;

	if (!build_room(b, &b->patterns, b->npatterns + 1ULL,
	    &b->patterns_max, sizeof(*b->patterns)))
		return (false);
	if (b->patterns_max == was)
		return (true);
	nslots = 2 * b->patterns_max;
	free(b->pattern_slots);
	b->pattern_slots = calloc(nslots, sizeof(*b->pattern_slots));
	if (b->pattern_slots == NULL) {
		build_report(b, 0, 0, "out of memory");
		return (false);
	}
	for (i = 0; i < b->npatterns; i++) {
		at = image_place(b->patterns[i].hash, nslots);
		while (b->pattern_slots[at] != 0)
			at = slot_after(at, nslots);
		b->pattern_slots[at] = i + 1;
	}
	return (true);
}

/* The rule's pattern, which is made, with line 0, if it is new; NULL: memory. */
static struct pattern *
pattern_get(struct build *b, uint32_t subnet, const struct parse_rule *rule)
{
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	uint32_t i, nslots;
	struct pattern *p;
	uint64_t hash;

	if (!patterns_room(b))
		return (NULL);
	nslots = 2 * b->patterns_max;
	image_suffixes_init(&suffixes, &rule->name);
	hash = image_key_hash(subnet, rule->wildcard,
	    suffixes.hash[suffixes.labels]);
	i = image_place(hash, nslots);
	for (; b->pattern_slots[i] != 0; i = slot_after(i, nslots)) {
		p = &b->patterns[b->pattern_slots[i] - 1];
		if (p->hash == hash && p->subnet == subnet &&
		    ((p->flags & RECORD_WILDCARD) != 0) == rule->wildcard &&
		    p->name_len == rule->name.len && memcmp(b->names + p->name,
		    rule->name.wire, p->name_len) == 0)
			return (p);
	}
	if (!build_room(b, &b->names, b->names_len + (uint64_t)rule->name.len,
	    &b->names_max, 1))
		return (NULL);
	p = &b->patterns[b->npatterns++];
	b->pattern_slots[i] = b->npatterns;
	*p = (struct pattern){ .hash = hash, .subnet = subnet,
	    .name = b->names_len, .name_len = rule->name.len };
	memcpy(b->names + p->name, rule->name.wire, p->name_len);
	b->names_len += p->name_len;
	if (rule->wildcard) {
		p->flags = RECORD_WILDCARD;
		b->subnets[subnet].depths |= image_depth_bit(suffixes.labels);
	}
	return (p);
}

/* Append the port unless it is there; false: no more than ACL_PORTS_MAX. */
static bool
pattern_add_port(struct build *b, struct pattern *p, struct image_port port)
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
	b->ports[b->nports++] = (struct port_link){ .port = port };
	*next = b->nports;
	return (true);
}

/* All of the rule's; false, and reported: there are too many. */
static bool
pattern_add_ports(struct build *b, struct pattern *p, unsigned int line,
    const struct parse_rule *rule)
{
	char text[PARSE_TEXT_SIZE];
	unsigned int i;

	if (!build_room(b, &b->ports, b->nports + (uint64_t)rule->nports,
	    &b->ports_max, sizeof(*b->ports)))
		return (false);
	for (i = 0; i < rule->nports; i++) {
		if (pattern_add_port(b, p, (struct image_port){
		    .port = rule->ports[i], .proto = rule->proto }))
			continue;
		snprintf(text, sizeof(text), "more than %d ports for the "
		    "client and name of line %u", ACL_PORTS_MAX, p->line);
		build_report(b, line, rule->pattern_at, text);
		return (false);
	}
	return (true);
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

/* For one of its names; false: nothing more can come of the text. */
static bool
add_pattern(struct build *b, uint32_t subnet, unsigned int line,
    const struct parse_rule *rule)
{
	struct pattern *p = pattern_get(b, subnet, rule);
	char text[PARSE_TEXT_SIZE];
	const char *why;

	if (p == NULL)
		return (false);
	if (p->line != 0 && (why = conflict(p, rule)) != NULL) {
		snprintf(text, sizeof(text), "conflicts with line %u: %s",
		    p->line, why);
		build_report(b, line, rule->pattern_at, text);
		return (true);
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
		return (pattern_add_ports(b, p, line, rule) ||
		    p->nports == ACL_PORTS_MAX);
	}
	return (true);
}

static bool
add_rule(struct build *b, unsigned int line, const struct lex_line *text,
    struct parse_rule *rule)
{
	uint32_t subnet = subnet_index(b, &rule->client);

	b->rules++;
	do {
		if (!add_pattern(b, subnet, line, rule))
			return (false);
	} while (parse_next_name(text, rule));
	return (true);
}

size_t
acl_text_start(const char *text, size_t len)
{
	return (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
}

static void
take_text(struct build *b, const char *text, size_t len)
{
	struct lex_text lines = { .text = text, .len = len };
	struct lex_line line;
	struct parse_rule rule;
	struct parse_error wrong;

	lines.next = acl_text_start(text, len);
	while (lex_next_line(&lines, &line)) {
		switch (parse_line(&line, &rule, &wrong)) {
		case PARSE_EMPTY:
			break;
		case PARSE_RULE:
			if (!add_rule(b, lines.number, &line, &rule))
				return;
			break;
		case PARSE_ERROR:
			build_report(b, lines.number, wrong.at, wrong.text);
			break;
		}
	}
}

int
acl_compile(const char *text, size_t len, acl_error_fn *error, void *arg,
    struct acl_compiled *out)
{
	struct build b = { .error = error, .arg = arg };
	struct acl_image *image;

	memset(out, 0, sizeof(*out));
	if (len > IMAGE_SIZE_MAX) {
		build_report(&b, 0, 0, "the file is too large");
		return (-1);
	}
	if (!build_init(&b, text, len)) {
		build_report(&b, 0, 0, "out of memory");
		build_free(&b);
		return (-1);
	}
	take_text(&b, text, len);
	if (!b.failed && build_ancestors(&b) &&
	    (image = build_emit(&b)) != NULL)
		*out = (struct acl_compiled){ .image = image,
		    .size = image->size, .rules = image->rules };
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
