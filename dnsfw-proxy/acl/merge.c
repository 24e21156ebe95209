/* Which set of rules a subnet has, from its own and its groups'. */
#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "patterns.h"

/* Several sets that make one. */
struct mix {
	uint32_t	*parts;		/* ascending */
	uint32_t	 n;
	uint32_t	 set;
};

struct mixes {
	struct build	*b;
	struct mix	*all;
	uint32_t	 n, max;
	uint32_t	*slots;		/* 2 * max: index + 1; 0: empty */
	uint32_t	 parts[GROUPS_MAX + 1];	/* of the subnet in question */
	uint32_t	 nparts;
};

static void
add_part(struct mixes *m, uint32_t set)
{
	uint32_t i;

	if (set == 0)
		return;
	for (i = m->nparts++; i > 0 && m->parts[i - 1] > set - 1; i--)
		m->parts[i] = m->parts[i - 1];
	m->parts[i] = set - 1;
}

/* The sets that are for the subnet. */
static void
list_parts(struct mixes *m, const struct subnet *s)
{
	const struct member *member;
	uint32_t i;

	m->nparts = 0;
	add_part(m, s->own);
	for (i = s->groups; i != 0; i = member->next) {
		member = &m->b->members[i - 1];
		add_part(m, m->b->groups[member->group].set);
	}
}

static uint64_t
mix_hash(const uint32_t *parts, uint32_t n)
{
	uint64_t h = n;

	for (; n > 0; n--)
		h = image_key_hash(*parts++, false, h);
	return (h);
}

/* The new set of the parts. */
static bool
make(struct mixes *m, struct mix *mix)
{
	struct build *b = m->b;
	uint32_t i, p, set = 0;

	mix->parts = calloc(m->nparts, sizeof(*mix->parts));
	if (mix->parts == NULL)
		return (build_end(b, "out of memory"));
	memcpy(mix->parts, m->parts, m->nparts * sizeof(*mix->parts));
	mix->n = m->nparts;
	m->n++;
	if (!patterns_set(b, &set))
		return (false);
	mix->set = set - 1;
	for (i = 0; i < mix->n; i++)
		for (p = b->sets[mix->parts[i]].first; p != 0;
		    p = b->patterns[p - 1].next)
			if (!patterns_merge(b, mix->set, p - 1))
				return (false);
	return (true);
}

/* The set of the parts, which is made if it is new. */
static bool
find(struct mixes *m, uint32_t *set)
{
	uint32_t i, nslots = 2 * m->max;
	struct mix *mix;

	i = image_place(mix_hash(m->parts, m->nparts), nslots);
	for (; m->slots[i] != 0; i = slot_after(i, nslots)) {
		mix = &m->all[m->slots[i] - 1];
		if (mix->n == m->nparts && memcmp(mix->parts, m->parts,
		    mix->n * sizeof(*mix->parts)) == 0) {
			*set = mix->set;
			return (true);
		}
	}
	mix = &m->all[m->n];
	m->slots[i] = m->n + 1;
	if (!make(m, mix))
		return (false);
	*set = mix->set;
	return (true);
}

/* Those who are in a group: each may need a set of its own. */
static bool
room(struct mixes *m)
{
	uint32_t i;

	for (i = 0; i < m->b->nsubnets; i++)
		m->max += m->b->subnets[i].groups != 0;
	m->max++;
	m->all = calloc(m->max, sizeof(*m->all));
	m->slots = calloc(2 * (size_t)m->max, sizeof(*m->slots));
	if (m->all == NULL || m->slots == NULL)
		return (build_end(m->b, "out of memory"));
	return (true);
}

static bool
give(struct mixes *m, struct subnet *s)
{
	list_parts(m, s);
	if (m->nparts == 0)
		return (true);
	s->image.set = m->parts[0];
	if (m->nparts > 1 && !find(m, &s->image.set))
		return (false);
	m->b->sets[s->image.set].used = true;
	return (true);
}

bool
merge_sets(struct build *b)
{
	struct mixes m = { .b = b };
	struct subnet *s;
	uint32_t i, n;
	bool ok = room(&m);

	for (i = n = 0; ok && i < b->nsubnets; i++) {
		s = &b->subnets[i];
		ok = give(&m, s);
		if (m.nparts > 0)
			b->subnets[n++] = *s;
	}
	b->nsubnets = n;
	for (i = 0; i < m.n; i++)
		free(m.all[i].parts);
	free(m.all);
	free(m.slots);
	return (ok);
}
