/* The parts of the image, one after the other. */
#include "emit.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "includemsg.h"
#include "msg.h"

/* List the distinct prefix lengths, longest first. */
static void
emit_prefixes(const struct build *b, struct acl_image *image)
{
	bool seen[IMAGE_FAMILIES][IMAGE_PREFIXES] = { { false } };
	const struct image_subnet *s;
	unsigned int family, prefix;
	uint32_t i;

	for (i = 0; i < b->nsubnets; i++) {
		s = &b->subnets[i].image;
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

	for (i = 0; i < b->nsubnets; i++) {
		subnets[i] = b->subnets[i].image;
		subnets[i].depths = b->sets[subnets[i].set].depths;
		subnets[i].grants = b->sets[subnets[i].set].grants;
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

	r->set = p->set;
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

/* Does it become a record? */
static bool
is_used(const struct build *b, const struct pattern *p)
{
	return (b->sets[p->set].used);
}

/* The octets of all records; *n: their number. */
static uint64_t
records_size(const struct build *b, uint32_t *n)
{
	const struct pattern *p, *end = b->patterns + b->npatterns;
	uint64_t size = 0;

	for (*n = 0, p = b->patterns; p < end; p++) {
		if (!is_used(b, p))
			continue;
		size += record_size(p);
		++*n;
	}
	return (size);
}

/* A counting sort: how much is in each bucket, where each ends, the records. */
static void
emit_records(struct build *b, struct acl_image *image, uint32_t *buckets)
{
	struct pattern *p, *end = b->patterns + b->npatterns;
	uint64_t at = image_records_offset(image);
	uint32_t i, n = image->nbuckets;

	for (p = b->patterns; p < end; p++)
		if (is_used(b, p))
			buckets[image_place(p->hash, n)] += record_size(p);
	for (i = 0; i <= n; i++)
		buckets[i] = (uint32_t)(at += buckets[i]);
	/* Each is filled from its end, so that its beginning is what is left. */
	for (p = b->patterns; p < end; p++) {
		if (!is_used(b, p))
			continue;
		i = image_place(p->hash, n);
		p->record = buckets[i] -= record_size(p);
		emit_record(b, p, (uint8_t *)image + p->record);
	}
}

static void
emit_ancestors(const struct build *b, uint32_t *slots, uint32_t nslots)
{
	const struct ancestor *a, *end = b->ancestors + b->nancestors;
	uint32_t i;

	for (a = b->ancestors; a < end; a++) {
		i = image_place(a->hash, nslots);
		while (slots[i] != 0)
			i = slot_after(i, nslots);
		slots[i] = b->patterns[a->pattern].record;
	}
}

/* The octets of the files' names and of the comments. */
static uint64_t
names_size(const struct build *b)
{
	const struct texts *t = b->texts;
	uint64_t size = 1;
	uint32_t i;

	if (t->nfiles == 1 && b->nnotes == 0)
		return (0);
	for (i = 1; i < t->nfiles; i++)
		size += strlen(t->files[i].path) + 1;
	for (i = 0; i < b->nnotes; i++)
		size += b->notes[i].len + 1;
	return ((size + IMAGE_ALIGN - 1) & ~(uint64_t)(IMAGE_ALIGN - 1));
}

/* The list's own file has the empty name, at the beginning. */
static uint32_t
emit_places(const struct texts *t, struct image_place *places, char *names)
{
	uint32_t i, len, at = 1, name_at[INCLUDES_MAX + 1] = { 0 };
	const struct texts_part *part;

	for (i = 1; i < t->nfiles; i++) {
		len = (uint32_t)strlen(t->files[i].path) + 1;
		memcpy(names + at, t->files[i].path, len);
		name_at[i] = at;
		at += len;
	}
	for (i = 0; t->nfiles > 1 && i < t->nparts; i++) {
		part = &t->parts[i];
		places[i] = (struct image_place){ .line = part->line,
		    .first = part->first, .name = name_at[part->file] };
	}
	return (at);
}

/* Behind the files' names, from at on. */
static void
emit_notes(const struct build *b, struct image_note *notes, char *names,
    uint32_t at)
{
	const struct note *n, *end = b->notes + b->nnotes;

	for (n = b->notes; n < end; n++) {
		*notes++ = (struct image_note){ .line = n->line, .text = at };
		memcpy(names + at, n->text, n->len);
		at += n->len + 1;
	}
}

/* What is told of lines, and for how long ports are granted. */
static void
emit_facts(const struct build *b, struct acl_image *image)
{
	char *names = (void *)(uintptr_t)image_names(image);
	uint32_t at;

	at = emit_places(b->texts, (void *)(uintptr_t)image_places(image),
	    names);
	emit_notes(b, (void *)(uintptr_t)image_notes(image), names, at);
	if (b->ntimes > 0)
		memcpy((void *)(uintptr_t)image_times(image), b->times,
		    b->ntimes * sizeof(b->times[0]));
}

/* Who is of which host, each behind the one before. */
static void
emit_members(const struct build *b, struct image_member *members)
{
	uint32_t first[GROUPS_MAX], last[GROUPS_MAX], i, group;
	bool seen[GROUPS_MAX] = { false };

	for (i = 0; i < b->naddresses; i++) {
		members[i] = b->addresses[i].image;
		group = members[i].host;
		if (seen[group])
			members[last[group]].next = i;
		else
			first[group] = i;
		seen[group] = true;
		last[group] = i;
		members[i].host = first[group];
	}
}

struct acl_image *
build_emit(struct build *b)
{
	struct acl_image header = {
		.version = IMAGE_VERSION,
		.rules = b->rules,
		.nsubnets = b->nsubnets,
		.nsets = b->nsets,
		.nsubnet_slots = 2 * b->nsubnets + 1,
		.nancestor_slots = b->nancestors + b->nancestors / 2 + 1,
		.nplaces = b->texts->nfiles == 1 ? 0 : b->texts->nparts,
		.nnotes = b->nnotes,
		.ntimes = b->ntimes,
		.nmembers = b->naddresses,
	}, *image;
	uint64_t size = records_size(b, &header.nrecords);
	uint64_t names = names_size(b);

	memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
	header.nbuckets = header.nrecords + 1;
	header.names_size = (uint32_t)names;
	header.size = image_records_offset(&header) + size;
	if (names > UINT32_MAX || header.size > IMAGE_SIZE_MAX) {
		build_report(b, 0, 0, "the list is too large");
		return (NULL);
	}
	image = calloc(1, header.size);
	if (image == NULL) {
		build_report(b, 0, 0, "out of memory");
		return (NULL);
	}
	*image = header;
	emit_prefixes(b, image);
	/* The parts are const for all readers, but this is their maker. */
	emit_subnets(b, (void *)(uintptr_t)image_subnets(image),
	    (void *)(uintptr_t)image_subnet_slots(image),
	    image->nsubnet_slots);
	emit_records(b, image, (void *)(uintptr_t)image_buckets(image));
	emit_ancestors(b, (void *)(uintptr_t)image_ancestor_slots(image),
	    image->nancestor_slots);
	emit_facts(b, image);
	emit_members(b, (void *)(uintptr_t)image_members(image));
	return (image);
}
