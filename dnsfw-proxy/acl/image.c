/* The compiled ACL: its check. */
#include "image.h"

#include <netinet/in.h>

#include <string.h>

#include "decide.h"
#include "hosts.h"
#include "layout.h"
#include "msg.h"

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
	if (image->ntimes > IMAGE_TIMES_MAX)
		return ("too many times");
	if (image->nmembers > IMAGE_MEMBERS_MAX)
		return ("too many addresses of hosts");
	if (image->names_size % IMAGE_ALIGN != 0 || (image->names_size > 0 &&
	    image_names(image)[image->names_size - 1] != '\0'))
		return ("names of files without an end");
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
		    subnets[i].prefix > addr_len(subnets[i].family) * 8 ||
		    subnets[i].set >= image->nsets || subnets[i].grants > 1)
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

	if (r->set >= image->nsets)
		return ("set of a record out of range");
	if (r->name_len == 0)
		return ("record without a name");
	if (r->nports > ACL_PORTS_MAX)
		return ("too many ports");
	for (i = 0; i < r->nports; i++)
		if (ports[i].port == 0 || (ports[i].proto != IPPROTO_TCP &&
		    ports[i].proto != IPPROTO_UDP) ||
		    ports[i].times > image->ntimes)
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

static const char *
check_places(const struct acl_image *image)
{
	const struct image_place *p = image_places(image);
	uint32_t i;

	for (i = 0; i < image->nplaces; i++) {
		if (p[i].line == 0 || p[i].first == 0 ||
		    (i > 0 && p[i].line <= p[i - 1].line))
			return ("lines of files not in order");
		if (p[i].name >= image->names_size)
			return ("name of a file out of range");
	}
	return (NULL);
}

static const char *
check_notes(const struct acl_image *image)
{
	const struct image_note *n = image_notes(image);
	const struct image_times *t = image_times(image);
	uint32_t i;

	for (i = 0; i < image->nnotes; i++)
		if (n[i].line == 0 || n[i].text >= image->names_size ||
		    (i > 0 && n[i].line <= n[i - 1].line))
			return ("bad comment");
	for (i = 0; i < image->ntimes; i++)
		if (t[i].min == 0 || t[i].max < t[i].min ||
		    t[i].max > MSG_TTL_MAX)
			return ("bad times");
	return (NULL);
}

static bool
is_good_member(const struct image_member *m)
{
	size_t bits = addr_len(m->family) * 8;

	return (bits != 0 && (m->prefix == bits ||
	    (m->family == ADDR_V6 && m->prefix == HOST_NET)));
}

/* How many a host has, from its first one on; 0: too many, or others. */
static uint32_t
count_members(const struct acl_image *image, uint32_t host)
{
	const struct image_member *m = image_members(image);
	uint32_t at = host, n = 1;

	for (; m[at].next != 0; at = m[at].next)
		if (m[at].next <= at || m[at].next >= image->nmembers ||
		    m[m[at].next].host != host || n++ == ACL_HOST_MAX)
			return (0);
	return (n);
}

/* Each is found, and is behind the first one of its host. */
static const char *
check_members(const struct acl_image *image)
{
	const struct image_member *m = image_members(image);
	uint32_t i, n, sum = 0;

	for (i = 0; i < image->nmembers; i++) {
		if (!is_good_member(&m[i]))
			return ("bad address of a host");
		if (i > 0 && memcmp(&m[i], &m[i - 1],
		    offsetof(struct image_member, pad)) <= 0)
			return ("addresses of hosts not in order");
		if (m[i].host != i)
			continue;
		if ((n = count_members(image, i)) == 0)
			return ("host without an end");
		sum += n;
	}
	return (sum == image->nmembers ? NULL : "address of no host");
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
	if (why == NULL)
		why = check_places(image);
	if (why == NULL)
		why = check_notes(image);
	if (why == NULL)
		why = check_members(image);
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
