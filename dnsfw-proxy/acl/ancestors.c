/* The names above those that are allowed (D17). */
#include "ancestors.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"

#define ANCESTORS_FIRST	1024	/* room for so many; doubled as they come */
#define ANCESTORS_MAX	(1U << 29)

/* Is the suffix of p's name from offset on there for p's set? */
static bool
is_same(const struct build *b, const struct ancestor *a,
    const struct pattern *p, size_t offset)
{
	const struct pattern *q = &b->patterns[a->pattern];

	return (q->set == p->set &&
	    q->name_len - a->offset == (int)(p->name_len - offset) &&
	    memcmp(b->names + q->name + a->offset, b->names + p->name + offset,
	    p->name_len - offset) == 0);
}

/* Twice the room, with all in their new slots; false: there is none. */
static bool
grow(struct build *b)
{
	uint32_t i, at, max = b->ancestors_max * 2;
	void *more;

	if (max == 0)
		max = ANCESTORS_FIRST;
	if (max > ANCESTORS_MAX)
		return (false);
	more = reallocarray(b->ancestors, max, sizeof(*b->ancestors));
	if (more == NULL)
		return (false);
	b->ancestors = more;
	free(b->ancestor_slots);
	b->ancestors_max = 0;
	b->ancestor_slots = calloc(2 * (size_t)max, sizeof(uint32_t));
	if (b->ancestor_slots == NULL)
		return (false);
	b->ancestors_max = max;
	for (i = 0; i < b->nancestors; i++) {
		at = image_place(b->ancestors[i].hash, 2 * max);
		while (b->ancestor_slots[at] != 0)
			at = slot_after(at, 2 * max);
		b->ancestor_slots[at] = i + 1;
	}
	return (true);
}

/* Note one; *known: it was there. */
static bool
note(struct build *b, uint32_t pattern, size_t offset, uint64_t hash,
    bool *known)
{
	const struct pattern *p = &b->patterns[pattern];
	const struct ancestor *a;
	uint32_t i, nslots;

	*known = false;
	if (b->nancestors == b->ancestors_max && !grow(b))
		return (false);
	nslots = 2 * b->ancestors_max;
	i = image_place(hash, nslots);
	for (; b->ancestor_slots[i] != 0; i = slot_after(i, nslots)) {
		a = &b->ancestors[b->ancestor_slots[i] - 1];
		if (a->hash == hash && is_same(b, a, p, offset)) {
			*known = true;
			return (true);
		}
	}
	b->ancestors[b->nancestors++] = (struct ancestor){ .hash = hash,
	    .pattern = pattern, .offset = (uint8_t)offset };
	b->ancestor_slots[i] = b->nancestors;
	return (true);
}

/*
 * From the nearest up to the root, or to one that is known: then those above it
 * are, too.  A wildcard's own record tells of its apex, and of what is under
 * "*" (acl_is_ancestor).
 */
static bool
note_all(struct build *b, uint32_t pattern)
{
	const struct pattern *p = &b->patterns[pattern];
	DNS_UNINITIALIZED struct image_suffixes suffixes;
	DNS_UNINITIALIZED struct dns_name name;
	unsigned int depth;
	bool known = false;

	name.len = p->name_len;
	memcpy(name.wire, b->names + p->name, p->name_len);
	image_suffixes_init(&suffixes, &name);
	if (suffixes.labels == 0)
		return (true);
	depth = suffixes.labels;
	while (depth-- > 0 && !known) {
		if (!note(b, pattern, suffixes.offset[depth],
		    image_key_hash(p->set, false, suffixes.hash[depth]),
		    &known))
			return (false);
	}
	return (true);
}

bool
build_ancestors(struct build *b)
{
	const struct pattern *p;
	uint32_t i;

	for (i = 0; i < b->npatterns; i++) {
		p = &b->patterns[i];
		if (b->sets[p->set].used &&
		    (p->nports > 0 || (p->flags & RECORD_RESOLVE) != 0) &&
		    !note_all(b, i)) {
			build_report(b, 0, 0, "out of memory");
			return (false);
		}
	}
	return (true);
}
