/* The compiled ACL: its check, and access to its parts. */
#include "layout.h"

#include <netinet/in.h>

#include <string.h>

#include "decide.h"
#include "msg.h"

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

uint64_t
image_records_offset(const struct acl_image *image)
{
	return (ancestor_slots_offset(image) +
	    (uint64_t)image->nancestor_slots * sizeof(uint32_t));
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
image_key_hash(uint32_t subnet, bool wildcard, uint64_t name_hash)
{
	return (mix(name_hash ^ ((uint64_t)subnet << 1 | wildcard), HASH_KEY));
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

/* Magic, version and sizes: after this the tables are inside. */
static const char *
check_header(const struct acl_image *image, size_t size)
{
	if (memcmp(image->magic, IMAGE_MAGIC, sizeof(image->magic)) != 0)
		return ("not an ACL image");
	if (image->version != IMAGE_VERSION)
		return ("image of another version");
	if (image->size != size || size > IMAGE_SIZE_MAX)
		return ("wrong size");
	if (image_records_offset(image) > size)
		return ("tables reach beyond the end");
	if (image->nbuckets == 0 || image->nancestor_slots == 0 ||
	    image->nsubnet_slots == 0 ||
	    image->nsubnet_slots / 2 < image->nsubnets)
		return ("hash table too small");
	if (memchr(image->file, '\0', sizeof(image->file)) == NULL)
		return ("file name without an end");
	return (NULL);
}

static const char *
check_prefixes(const struct acl_image *image)
{
	unsigned int family, i, max;

	for (family = 0; family < IMAGE_FAMILIES; family++) {
		max = family == IMAGE_V4 ? 32 : 128;
		if (image->nprefixes[family] > max + 1)
			return ("too many prefix lengths");
		for (i = 0; i < image->nprefixes[family]; i++) {
			if (image->prefixes[family][i] > max)
				return ("prefix length out of range");
			if (i > 0 && image->prefixes[family][i] >=
			    image->prefixes[family][i - 1])
				return ("prefix lengths not in order");
		}
	}
	return (NULL);
}

static const char *
check_subnets(const struct acl_image *image)
{
	const struct image_subnet *subnets = image_subnets(image);
	const uint32_t *slots = image_subnet_slots(image);
	uint32_t i, used;

	for (i = 0; i < image->nsubnets; i++)
		if (addr_len(subnets[i].family) == 0 ||
		    subnets[i].prefix > addr_len(subnets[i].family) * 8)
			return ("bad subnet");
	for (i = used = 0; i < image->nsubnet_slots; i++) {
		if (slots[i] > image->nsubnets)
			return ("subnet index out of range");
		used += slots[i] != 0;
	}
	return (used == image->nsubnets ? NULL : "wrong number of subnets");
}

static const char *
check_record(const struct acl_image *image, const struct image_record *r)
{
	const struct image_port *ports = image_record_ports(r);
	unsigned int i, locals = r->flags & (RECORD_LOCAL4 | RECORD_LOCAL6);
	bool allows, blocks;

	if (r->subnet >= image->nsubnets)
		return ("subnet of a record out of range");
	if (r->name_len == 0)
		return ("record without a name");
	if (r->nports > ACL_PORTS_MAX)
		return ("too many ports");
	for (i = 0; i < r->nports; i++)
		if (ports[i].port == 0 || (ports[i].proto != IPPROTO_TCP &&
		    ports[i].proto != IPPROTO_UDP))
			return ("bad port");
	if (r->flags & ~(RECORD_WILDCARD | RECORD_RESOLVE | RECORD_BLOCK |
	    RECORD_LOCAL4 | RECORD_LOCAL6) ||
	    locals == (RECORD_LOCAL4 | RECORD_LOCAL6))
		return ("bad flags of a record");
	allows = r->nports > 0 || (r->flags & RECORD_RESOLVE) != 0;
	blocks = (r->flags & RECORD_BLOCK) != 0;
	if (allows == blocks || (locals != 0 && !blocks))
		return ("contradicting record");
	return (NULL);
}

/* The records of a bucket, from its offset to the end; both are its offsets. */
static const char *
check_bucket(const struct acl_image *image, uint64_t at, uint64_t end,
    uint32_t *records)
{
	const struct image_record *r;
	const char *why;

	for (; at < end; at += image_record_size(r)) {
		if ((r = image_record(image, at)) == NULL)
			return ("record reaches beyond the end");
		if ((why = check_record(image, r)) != NULL)
			return (why);
		++*records;
	}
	return (at == end ? NULL : "record not in its place");
}

/* The buckets follow each other and fill the rest of the image. */
static const char *
check_records(const struct acl_image *image)
{
	const uint32_t *buckets = image_buckets(image);
	const char *why;
	uint32_t i, records = 0;

	if (buckets[0] != image_records_offset(image) ||
	    buckets[image->nbuckets] != image->size)
		return ("record not in its place");
	for (i = 0; i < image->nbuckets; i++) {
		why = check_bucket(image, buckets[i], buckets[i + 1], &records);
		if (why != NULL)
			return (why);
	}
	return (records == image->nrecords ? NULL : "wrong number of records");
}

/* Each slot has a record that allows something; one is free. */
static const char *
check_ancestors(const struct acl_image *image)
{
	const uint32_t *slots = image_ancestor_slots(image);
	const struct image_record *r;
	uint32_t i, used;

	for (i = used = 0; i < image->nancestor_slots; i++) {
		if (slots[i] == 0)
			continue;
		used++;
		r = image_record(image, slots[i]);
		if (slots[i] < image_records_offset(image) || r == NULL ||
		    (r->flags & RECORD_BLOCK) != 0)
			return ("ancestor of nothing");
	}
	return (used < image->nancestor_slots ? NULL :
	    "no free slot for ancestors");
}

const struct acl_image *
acl_image_open(const void *data, size_t size, const char **why)
{
	const struct acl_image *image = data;

	if (size < sizeof(*image))
		*why = "shorter than a header";
	else if ((uintptr_t)data % _Alignof(struct acl_image) != 0)
		*why = "not aligned";
	else if ((*why = check_header(image, size)) == NULL)
		*why = check_prefixes(image);
	return (*why == NULL ? image : NULL);
}

const char *
acl_image_check(const struct acl_image *image)
{
	const char *why = check_subnets(image);

	if (why == NULL)
		why = check_records(image);
	return (why == NULL ? check_ancestors(image) : why);
}

uint32_t
acl_image_rules(const struct acl_image *image)
{
	return (image->rules);
}

const char *
acl_image_file(const struct acl_image *image)
{
	return (image->file);
}
