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
apply(const struct image_record *r, unsigned int depth,
    struct acl_decision *out)
{
	const struct image_port *ports = image_record_ports(r);
	bool resolve = (r->flags & RECORD_RESOLVE) != 0;
	bool any = resolve && (r->flags & RECORD_WILDCARD) && depth == 0;
	unsigned int i;

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

/*
 * The next subnet that contains the client, from the longest prefix on; NULL:
 * there is none.  *i counts the prefix lengths, and base, the client's address
 * at first, is masked on the way.
 */
static const struct image_subnet *
next_subnet(const struct acl_image *image, struct addr *base, unsigned int *i)
{
	unsigned int family = base->family == ADDR_V4 ? IMAGE_V4 : IMAGE_V6;
	const struct image_subnet *s = NULL;
	uint8_t prefix;

	while (s == NULL && *i < image->nprefixes[family]) {
		prefix = image->prefixes[family][(*i)++];
		/* Longest first, so masking what is masked already is right. */
		addr_mask(base, prefix);
		s = find_subnet(image, base, prefix);
	}
	return (s);
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
	unsigned int i = 0;

	memset(out, 0, offsetof(struct acl_decision, ports));
	if (addr_len(client->family) == 0)
		return;
	dns_name_fold(name == NULL ? &root : name, &folded);
	image_suffixes_init(&suffixes, &folded);
	while ((s = next_subnet(image, &base, &i)) != NULL) {
		if (walk_subnet(image, s, &folded, &suffixes, out))
			return;
	}
}

/* Is what the record is for below the name with these labels? */
static bool
is_below(const struct image_record *r, const uint8_t *key, size_t len)
{
	const uint8_t *name = image_record_name(r);
	size_t at = 0;

	while (at + len < r->name_len && name[at] != 0)
		at += name[at] + 1U;
	return (at > 0 && at + len == r->name_len &&
	    memcmp(name + at, key, len) == 0);
}

/* Is the name that begins at key above one that the subnet's rules allow? */
static bool
find_ancestor(const struct acl_image *image, uint32_t subnet,
    const uint8_t *key, size_t len, uint64_t hash)
{
	const uint32_t *slots = image_ancestor_slots(image);
	const struct image_record *r;
	uint32_t i, probes, n = image->nancestor_slots;

	i = image_place(image_key_hash(subnet, false, hash), n);
	for (probes = 0; slots[i] != 0 && probes < n; probes++) {
		if ((r = image_record(image, slots[i])) == NULL)
			break;
		if (r->subnet == subnet && is_below(r, key, len))
			return (true);
		i = i + 1 < n ? i + 1 : 0;
	}
	return (false);
}

/*
 * What does the subnet say of names below that it does not name itself?  Its
 * most specific wildcard that they match decides (A4); NULL: it has none.
 */
static const struct image_record *
find_below(const struct acl_image *image, const struct image_subnet *s,
    const struct dns_name *name, const struct image_suffixes *suffixes)
{
	uint32_t subnet = (uint32_t)(s - image_subnets(image));
	const struct image_record *r = NULL;
	unsigned int depth;

	for (depth = suffixes->labels + 1; r == NULL && depth-- > 0;) {
		if (s->depths & image_depth_bit(depth))
			r = find_record(image, subnet, true, name, suffixes,
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
	while ((s = next_subnet(image, &base, &i)) != NULL) {
		if (find_ancestor(image, (uint32_t)(s - image_subnets(image)),
		    folded.wire, folded.len, suffixes.hash[suffixes.labels]))
			return (true);
		if ((r = find_below(image, s, &folded, &suffixes)) != NULL)
			return ((r->flags & RECORD_BLOCK) == 0);
	}
	return (false);
}
