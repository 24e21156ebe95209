/* The decision (A4, A5). */
#include "decide.h"

#include <string.h>

#include "find.h"

/* Add the port unless it is among the first n, those of other records. */
static void
add_port(struct acl_decision *out, unsigned int n,
    const struct image_port *port)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (out->ports[i].port == port->port &&
		    out->ports[i].proto == port->proto)
			return;
	if (out->nports == ACL_PORTS_MAX) {
		out->overflow = true;
		return;
	}
	out->ports[out->nports++] = (struct acl_port){
		.proto = port->proto, .times = port->times, .port = port->port
	};
}

/* A rule that matches by several names or nets is one that matches. */
static void
note_line(struct acl_decision *out, uint32_t line)
{
	unsigned int i;

	for (i = 0; i < out->nlines && out->lines[i] != line; i++)
		;
	if (i == out->nlines && i < ACL_LINES_MAX)
		out->lines[out->nlines++] = line;
}

static void
apply_block(const struct image_record *r, unsigned int depth,
    struct acl_decision *out)
{
	size_t len = image_record_local_len(r);

	out->hides = depth > 0;
	if (out->verdict != ACL_NOMATCH)
		return;
	out->line = r->line;
	out->depth = (uint8_t)depth;
	out->verdict = len > 0 ? ACL_LOCAL : ACL_BLOCK;
	if (len > 0) {
		out->local.family = r->flags & RECORD_LOCAL4 ? ADDR_V4 :
		    ADDR_V6;
		memcpy(out->local.bytes, image_record_local(r), len);
	}
}

/* Take a matching record into account; true if the walk ends with it. */
static bool
apply(void *decision, const struct image_record *r, unsigned int depth)
{
	struct acl_decision *out = decision;
	const struct image_port *ports = image_record_ports(r);
	bool resolve = (r->flags & RECORD_RESOLVE) != 0;
	bool any = resolve && (r->flags & RECORD_WILDCARD) && depth == 0;
	unsigned int i, before = out->nports;

	note_line(out, r->line);
	if (r->flags & RECORD_BLOCK) {
		apply_block(r, depth, out);
		return (true);
	}
	if (out->verdict == ACL_NOMATCH) {
		out->verdict = ACL_ALLOW;
		out->line = r->line;
		out->resolve_first = resolve && r->nports == 0;
	}
	if (out->depth < depth)
		out->depth = (uint8_t)depth;
	out->resolve |= resolve;
	out->any |= any;
	for (i = 0; i < r->nports; i++)
		add_port(out, before, &ports[i]);
	return (out->overflow);
}

void
acl_decide(const struct acl_image *image, const struct addr *client,
    const struct dns_name *name, struct acl_decision *out)
{
	const struct addr_net net = { .base = *client,
	    .prefix = (uint8_t)(addr_len(client->family) * 8) };

	memset(out, 0, offsetof(struct acl_decision, ports));
	find_walk(image, &net, name, false, apply, out);
}

/*
 * What does the subnet say of names below that it does not name itself?  Its
 * most specific wildcard that they match decides (A4); NULL: it has none.
 */
static const struct image_record *
find_below(const struct acl_image *image, const struct image_subnet *s,
    const struct dns_name *name, const struct image_suffixes *suffixes)
{
	const struct image_record *r = NULL;
	unsigned int depth;

	for (depth = suffixes->labels + 1; r == NULL && depth-- > 0;) {
		if (s->depths & image_depth_bit(depth))
			r = find_record(image, s->set, true, name, suffixes,
			    depth);
	}
	return (r);
}

bool
acl_is_ancestor(const struct acl_image *image, const struct addr *client,
    const struct dns_name *name)
{
	const struct image_subnet *s;
	const struct image_record *r;
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	DNS_UNINITIALIZED struct dns_name folded;
	struct addr base = *client;
	unsigned int i = 0;

	if (addr_len(client->family) == 0)
		return (false);
	dns_name_fold(name, &folded);
	image_suffixes_init(&suffixes, &folded);
	while ((s = find_next_subnet(image, &base, &i)) != NULL) {
		if (find_ancestor(image, s->set,
		    &folded, &suffixes))
			return (true);
		if ((r = find_below(image, s, &folded, &suffixes)) != NULL)
			return ((r->flags & RECORD_BLOCK) == 0);
	}
	return (false);
}
