/*
 * Look-ups in an image.  All that is read of it is inside of it, whatever it
 * holds: offsets and indices are tested where they are used, and each loop has
 * its own end.
 */
#include "find.h"

#include <string.h>

const struct image_subnet *
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

const struct image_record *
find_record(const struct acl_image *image, uint32_t set, bool wildcard,
    const struct dns_name *name, const struct image_suffixes *suffixes,
    unsigned int depth)
{
	const struct image_record *r;
	const uint8_t *key = name->wire + suffixes->offset[depth];
	size_t len = (size_t)name->len - suffixes->offset[depth];
	const uint32_t *bucket;
	uint64_t at;

	bucket = image_buckets(image) + image_place(image_key_hash(set,
	    wildcard, suffixes->hash[depth]), image->nbuckets);
	for (at = bucket[0]; at < bucket[1]; at += image_record_size(r)) {
		if ((r = image_record(image, at)) == NULL)
			break;
		if (r->set == set && r->name_len == len &&
		    ((r->flags & RECORD_WILDCARD) != 0) == wildcard &&
		    memcmp(image_record_name(r), key, len) == 0)
			return (r);
	}
	return (NULL);
}

const struct image_subnet *
find_next_subnet(const struct acl_image *image, struct addr *base,
    unsigned int *i)
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

bool
find_walk_wildcards(const struct acl_image *image,
    const struct image_subnet *s, const struct dns_name *name,
    const struct image_suffixes *suffixes, unsigned int depth, find_take *take,
    void *arg)
{
	const struct image_record *r;

	for (;; depth--) {
		if (s->depths & image_depth_bit(depth)) {
			r = find_record(image, s->set, true, name, suffixes,
			    depth);
			if (r != NULL && take(arg, r, depth))
				return (true);
		}
		if (depth == 0)
			return (false);
	}
}

/* From the most to the least specific. */
bool
find_walk_subnet(const struct acl_image *image, const struct image_subnet *s,
    const struct dns_name *name, const struct image_suffixes *suffixes,
    bool wildcard, find_take *take, void *arg)
{
	const struct image_record *r;
	unsigned int depth = suffixes->labels;

	if (depth > 0 && !wildcard) {
		r = find_record(image, s->set, false, name, suffixes, depth);
		if (r != NULL && take(arg, r, depth))
			return (true);
		depth--;	/* a wildcard does not match its own apex */
	}
	return (find_walk_wildcards(image, s, name, suffixes, depth, take,
	    arg));
}

void
find_walk(const struct acl_image *image, const struct addr_net *client,
    const struct dns_name *name, bool wildcard, find_take *take, void *arg)
{
	static const struct dns_name root = { .len = 1 };
	const struct image_subnet *s;
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	DNS_UNINITIALIZED struct dns_name folded;
	struct addr base = client->base;
	unsigned int i = 0;

	if (addr_len(base.family) == 0)
		return;
	dns_name_fold(name == NULL ? &root : name, &folded);
	image_suffixes_init(&suffixes, &folded);
	while ((s = find_next_subnet(image, &base, &i)) != NULL) {
		if (s->prefix <= client->prefix && find_walk_subnet(image, s,
		    &folded, &suffixes, wildcard, take, arg))
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

bool
find_ancestor(const struct acl_image *image, uint32_t set,
    const struct dns_name *name, const struct image_suffixes *suffixes)
{
	const uint32_t *slots = image_ancestor_slots(image);
	const struct image_record *r;
	uint32_t i, probes, n = image->nancestor_slots;

	i = image_place(image_key_hash(set, false,
	    suffixes->hash[suffixes->labels]), n);
	for (probes = 0; slots[i] != 0 && probes < n; probes++) {
		if ((r = image_record(image, slots[i])) == NULL)
			break;
		if (r->set == set && is_below(r, name->wire, name->len))
			return (true);
		i = i + 1 < n ? i + 1 : 0;
	}
	return (false);
}
