/*
 * The decision (A4, A5).  All that is read of the image is inside of it,
 * whatever it holds: offsets and indices are tested where they are used, and
 * each loop has its own end.
 */
#include "decide.h"

#include <string.h>

#include "layout.h"

static const struct image_subnet *
find_subnet(const struct acl_image *image, const struct addr *base,
    uint8_t prefix)
{
	const struct image_subnet *subnets = image_subnets(image), *s;
	const uint32_t *slots = image_subnet_slots(image);
	uint32_t i, probes, n = image->nsubnet_slots;

	i = image_place(image_subnet_hash(base, prefix), n);
	for (probes = 0; slots[i] != 0 && probes < n; probes++) {
		if (slots[i] > image->nsubnets)
			break;
		s = &subnets[slots[i] - 1];
		if (s->family == base->family && s->prefix == prefix &&
		    memcmp(s->base, base->bytes, sizeof(s->base)) == 0)
			return (s);
		i = i + 1 < n ? i + 1 : 0;
	}
	return (NULL);
}

/* The record for the name's suffix of that depth, as a wildcard or exactly. */
static const struct image_record *
find_record(const struct acl_image *image, uint32_t subnet, bool wildcard,
    const struct dns_name *name, const struct image_suffixes *suffixes,
    unsigned int depth)
{
	const struct image_record *r;
	const uint8_t *key = name->wire + suffixes->offset[depth];
	size_t len = (size_t)name->len - suffixes->offset[depth];
	const uint32_t *bucket;
	uint64_t at;

	bucket = image_buckets(image) + image_place(image_key_hash(subnet,
	    wildcard, suffixes->hash[depth]), image->nbuckets);
	for (at = bucket[0]; at < bucket[1]; at += image_record_size(r)) {
		if ((r = image_record(image, at)) == NULL)
			break;
		if (r->subnet == subnet && r->name_len == len &&
		    ((r->flags & RECORD_WILDCARD) != 0) == wildcard &&
		    memcmp(image_record_name(r), key, len) == 0)
			return (r);
	}
	return (NULL);
}

static void
add_port(struct acl_decision *out, const struct image_port *port)
{
	unsigned int i;

	for (i = 0; i < out->nports; i++)
		if (out->ports[i].port == port->port &&
		    out->ports[i].proto == port->proto)
			return;
	if (out->nports == ACL_PORTS_MAX) {
		out->overflow = true;
		return;
	}
	out->ports[out->nports++] = (struct acl_port){
		.proto = port->proto, .port = port->port
	};
}

static void
apply_block(const struct image_record *r, struct acl_decision *out)
{
	size_t len = image_record_local_len(r);

	if (out->verdict != ACL_NOMATCH)
		return;
	out->line = r->line;
	out->verdict = len > 0 ? ACL_LOCAL : ACL_BLOCK;
	if (len > 0) {
		out->local.family = r->flags & RECORD_LOCAL4 ? ADDR_V4 :
		    ADDR_V6;
		memcpy(out->local.bytes, image_record_local(r), len);
	}
}

/* Take a matching record into account; true if the walk ends with it. */
static bool
apply(const struct image_record *r, unsigned int depth,
    struct acl_decision *out)
{
	const struct image_port *ports = image_record_ports(r);
	bool resolve = (r->flags & RECORD_RESOLVE) != 0;
	bool any = resolve && (r->flags & RECORD_WILDCARD) && depth == 0;
	unsigned int i;

	if (r->flags & RECORD_BLOCK) {
		apply_block(r, out);
		return (true);
	}
	if (out->verdict == ACL_NOMATCH) {
		out->verdict = ACL_ALLOW;
		out->line = r->line;
	}
	out->resolve |= resolve;
	out->any |= any;
	for (i = 0; i < r->nports; i++)
		add_port(out, &ports[i]);
	return (out->overflow);
}

/* The patterns of one subnet from the most to the least specific. */
static bool
walk_subnet(const struct acl_image *image, const struct image_subnet *s,
    const struct dns_name *name, const struct image_suffixes *suffixes,
    struct acl_decision *out)
{
	const struct image_record *r;
	uint32_t subnet = (uint32_t)(s - image_subnets(image));
	unsigned int depth = suffixes->labels;

	if (depth > 0) {
		r = find_record(image, subnet, false, name, suffixes, depth);
		if (r != NULL && apply(r, depth, out))
			return (true);
		depth--;	/* a wildcard does not match its own apex */
	}
	for (;; depth--) {
		if (s->depths & image_depth_bit(depth)) {
			r = find_record(image, subnet, true, name, suffixes,
			    depth);
			if (r != NULL && apply(r, depth, out))
				return (true);
		}
		if (depth == 0)
			return (false);
	}
}

void
acl_decide(const struct acl_image *image, const struct addr *client,
    const struct dns_name *name, struct acl_decision *out)
{
	static const struct dns_name root = { .len = 1 };
	const struct image_subnet *s;
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	DNS_UNINITIALIZED struct dns_name folded;
	struct addr base = *client;
	unsigned int i, family;

	memset(out, 0, offsetof(struct acl_decision, ports));
	if (addr_len(client->family) == 0)
		return;
	family = client->family == ADDR_V4 ? IMAGE_V4 : IMAGE_V6;
	dns_name_fold(name == NULL ? &root : name, &folded);
	image_suffixes_init(&suffixes, &folded);
	for (i = 0; i < image->nprefixes[family]; i++) {
		/* Longest first, so masking what is masked already is right. */
		addr_mask(&base, image->prefixes[family][i]);
		s = find_subnet(image, &base, image->prefixes[family][i]);
		if (s != NULL && walk_subnet(image, s, &folded, &suffixes, out))
			return;
	}
}
