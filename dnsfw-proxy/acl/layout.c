/* Access to the parts of an image, and its hashes. */
#include "layout.h"

#include <string.h>

static const void *
image_at(const struct acl_image *image, uint64_t offset)
{
	return ((const uint8_t *)image + offset);
}

static uint64_t
buckets_offset(const struct acl_image *image)
{
	return (sizeof(*image) +
	    (uint64_t)image->nsubnets * sizeof(struct image_subnet));
}

static uint64_t
subnet_slots_offset(const struct acl_image *image)
{
	return (buckets_offset(image) +
	    ((uint64_t)image->nbuckets + 1) * sizeof(uint32_t));
}

static uint64_t
ancestor_slots_offset(const struct acl_image *image)
{
	return (subnet_slots_offset(image) +
	    (uint64_t)image->nsubnet_slots * sizeof(uint32_t));
}

static uint64_t
places_offset(const struct acl_image *image)
{
	return (ancestor_slots_offset(image) +
	    (uint64_t)image->nancestor_slots * sizeof(uint32_t));
}

static uint64_t
notes_offset(const struct acl_image *image)
{
	return (places_offset(image) +
	    (uint64_t)image->nplaces * sizeof(struct image_place));
}

static uint64_t
times_offset(const struct acl_image *image)
{
	return (notes_offset(image) +
	    (uint64_t)image->nnotes * sizeof(struct image_note));
}

static uint64_t
members_offset(const struct acl_image *image)
{
	return (times_offset(image) +
	    (uint64_t)image->ntimes * sizeof(struct image_times));
}

static uint64_t
names_offset(const struct acl_image *image)
{
	return (members_offset(image) +
	    (uint64_t)image->nmembers * sizeof(struct image_member));
}

uint64_t
image_records_offset(const struct acl_image *image)
{
	return (names_offset(image) + image->names_size);
}

const struct image_subnet *
image_subnets(const struct acl_image *image)
{
	return (image_at(image, sizeof(*image)));
}

const uint32_t *
image_buckets(const struct acl_image *image)
{
	return (image_at(image, buckets_offset(image)));
}

const uint32_t *
image_subnet_slots(const struct acl_image *image)
{
	return (image_at(image, subnet_slots_offset(image)));
}

const uint32_t *
image_ancestor_slots(const struct acl_image *image)
{
	return (image_at(image, ancestor_slots_offset(image)));
}

const struct image_place *
image_places(const struct acl_image *image)
{
	return (image_at(image, places_offset(image)));
}

const struct image_note *
image_notes(const struct acl_image *image)
{
	return (image_at(image, notes_offset(image)));
}

const struct image_times *
image_times(const struct acl_image *image)
{
	return (image_at(image, times_offset(image)));
}

const struct image_member *
image_members(const struct acl_image *image)
{
	return (image_at(image, members_offset(image)));
}

const char *
image_names(const struct acl_image *image)
{
	return (image_at(image, names_offset(image)));
}

const struct image_port *
image_record_ports(const struct image_record *r)
{
	return ((const void *)(r + 1));
}

const uint8_t *
image_record_local(const struct image_record *r)
{
	return ((const void *)(image_record_ports(r) + r->nports));
}

size_t
image_record_local_len(const struct image_record *r)
{
	if (r->flags & RECORD_LOCAL4)
		return (addr_len(ADDR_V4));
	if (r->flags & RECORD_LOCAL6)
		return (addr_len(ADDR_V6));
	return (0);
}

const uint8_t *
image_record_name(const struct image_record *r)
{
	return (image_record_local(r) + image_record_local_len(r));
}

size_t
image_record_size(const struct image_record *r)
{
	size_t size;

	size = sizeof(*r) + r->nports * sizeof(struct image_port) +
	    image_record_local_len(r) + r->name_len;
	return ((size + IMAGE_ALIGN - 1) & ~(size_t)(IMAGE_ALIGN - 1));
}

const struct image_record *
image_record(const struct acl_image *image, uint64_t offset)
{
	const struct image_record *r = image_at(image, offset);

	if (offset % IMAGE_ALIGN != 0 || offset > image->size ||
	    image->size - offset < sizeof(*r) ||
	    image->size - offset < image_record_size(r))
		return (NULL);
	return (r);
}

/* Multiply to 128 bits and fold: every bit of the input reaches every bit. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return ((uint64_t)p ^ (uint64_t)(p >> 64));
}

#define HASH_SEED	0x243f6a8885a308d3ULL	/* digits of pi: any odd or */
#define HASH_NAME	0x13198a2e03707345ULL	/* dense constants would do */
#define HASH_KEY	0xa4093822299f31d1ULL
#define HASH_SUBNET	0x082efa98ec4e6c89ULL

static uint64_t
hash_bytes(uint64_t h, const uint8_t *p, size_t len)
{
	uint64_t word;

	for (; len > 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = mix(h ^ word, HASH_NAME);
	}
	for (word = 0; len > 0; len--)
		word = word << 8 | *p++;
	return (mix(h ^ word, HASH_NAME));
}

void
image_suffixes_init(struct image_suffixes *out, const struct dns_name *name)
{
	unsigned int depth, n;
	size_t at;

	for (at = n = 0; n < DNS_LABELS_MAX && at < name->len &&
	    name->wire[at] != 0; n++) {
		out->offset[n] = (uint8_t)at;
		at += name->wire[at] + 1U;
	}
	out->offset[n] = (uint8_t)at;
	out->labels = n;
	/* So far by position; a suffix is found by its depth. */
	for (depth = 0; depth < n - depth; depth++) {
		at = out->offset[depth];
		out->offset[depth] = out->offset[n - depth];
		out->offset[n - depth] = (uint8_t)at;
	}
	out->hash[0] = HASH_SEED;
	for (depth = 1; depth <= n; depth++)
		out->hash[depth] = hash_bytes(out->hash[depth - 1],
		    name->wire + out->offset[depth],
		    (size_t)out->offset[depth - 1] - out->offset[depth]);
}

uint64_t
image_depth_bit(unsigned int depth)
{
	return (1ULL << (depth < 63 ? depth : 63));
}

uint64_t
image_key_hash(uint32_t set, bool wildcard, uint64_t name_hash)
{
	return (mix(name_hash ^ ((uint64_t)set << 1 | wildcard), HASH_KEY));
}

uint64_t
image_bytes_hash(uint64_t h, const void *bytes, size_t len)
{
	return (hash_bytes(h ^ HASH_SEED, bytes, len));
}

uint64_t
image_subnet_hash(const struct addr *base, unsigned int prefix)
{
	uint64_t h;

	h = mix(HASH_SEED ^ ((uint64_t)base->family << 8 | prefix),
	    HASH_SUBNET);
	return (hash_bytes(h, base->bytes, sizeof(base->bytes)));
}

uint32_t
image_place(uint64_t hash, uint32_t n)
{
	return ((uint32_t)((hash >> 32) * n >> 32));
}
