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
	free(b->ancestors);
	free(b->ancestor_slots);
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
		build_report(b, line, rule->pattern_at, text);
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
		build_report(b, line, rule->pattern_at, text);
		break;
	}
}

size_t
acl_text_start(const char *text, size_t len)
{
	return (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
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
	lines.next = acl_text_start(text, len);
	while (lex_next_line(&lines, &line)) {
		switch (parse_line(&line, &rule, &wrong)) {
		case PARSE_EMPTY:
			break;
		case PARSE_RULE:
			add_rule(&b, lines.number, &rule);
			break;
		case PARSE_ERROR:
			build_report(&b, lines.number, wrong.at, wrong.text);
			break;
		}
	}
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
