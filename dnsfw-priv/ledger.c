/*
 * A fixed table of grants, found through open addressing and ended through a
 * binary heap on the expiry.  Slots and heap hold indices into the table.
 */
#include "ledger.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define NONE	UINT32_MAX

/* All that tells two grants apart; no padding, compared as bytes. */
struct key {
	uint8_t		client[16];
	uint8_t		dst[16];
	uint16_t	port;
	uint8_t		family;
	uint8_t		proto;
	uint8_t		local;
	uint8_t		pad[3];
};
static_assert(sizeof(struct key) == 40, "key has no holes");

struct entry {
	struct key	key;
	uint64_t	expiry;
	uint32_t	heap;		/* place in the heap */
	uint32_t	next_free;
};

struct ledger {
	struct entry	*entries;
	uint32_t	*slots;		/* NONE or index; power of two */
	uint32_t	*heap;		/* indices, earliest expiry first */
	uint32_t	 mask;		/* slots - 1 */
	uint32_t	 max;
	uint32_t	 count;
	uint32_t	 used;		/* entries that were ever in use */
	uint32_t	 free;		/* list of those given back */
	uint64_t	 seed;
};

static void *
table(size_t n, size_t size)
{
	void *p;

	if ((p = calloc(n, size)) == NULL)
		fatalx("no memory for --max-grants");
	return (p);
}

struct ledger *
ledger_new(uint32_t max)
{
	struct ledger *l = table(1, sizeof(*l));
	uint32_t nslots = 16;

	/* At most half full, so that probes stay short. */
	while (nslots / 2 < max)
		nslots *= 2;
	l->entries = table(max, sizeof(*l->entries));
	l->heap = table(max, sizeof(*l->heap));
	l->slots = table(nslots, sizeof(*l->slots));
	memset(l->slots, 0xff, nslots * sizeof(*l->slots));
	l->mask = nslots - 1;
	l->max = max;
	l->free = NONE;
	arc4random_buf(&l->seed, sizeof(l->seed));
	return (l);
}

void
ledger_free(struct ledger *l)
{
	free(l->entries);
	free(l->heap);
	free(l->slots);
	free(l);
}

static void
key_of(const struct msg_grant *g, struct key *k)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->client, g->client, sizeof(k->client));
	memcpy(k->dst, g->dst, sizeof(k->dst));
	k->port = g->port;
	k->family = g->family;
	k->proto = g->proto;
	k->local = g->local;
}

/* Keyed multiply-and-fold; the seed keeps collisions unpredictable. */
static uint32_t
hash(const struct ledger *l, const struct key *k)
{
	uint64_t words[sizeof(*k) / 8], h = l->seed;
	size_t i;

	memcpy(words, k, sizeof(words));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return ((uint32_t)(h ^ h >> 32));
}

/* The slot of the key, or the empty one where it would go. */
static uint32_t
find_slot(const struct ledger *l, const struct key *k)
{
	uint32_t s = hash(l, k) & l->mask;

	while (l->slots[s] != NONE && memcmp(&l->entries[l->slots[s]].key, k,
	    sizeof(*k)) != 0)
		s = (s + 1) & l->mask;
	return (s);
}

/* Empty a slot and close the gap (linear probing without tombstones). */
static void
empty_slot(struct ledger *l, uint32_t s)
{
	uint32_t hole = s, home;

	for (;;) {
		l->slots[hole] = NONE;
		for (;;) {
			s = (s + 1) & l->mask;
			if (l->slots[s] == NONE)
				return;
			home = hash(l, &l->entries[l->slots[s]].key) & l->mask;
			/* It may move if its home is not between hole and s. */
			if (((s - home) & l->mask) >= ((s - hole) & l->mask))
				break;
		}
		l->slots[hole] = l->slots[s];
		hole = s;
	}
}

static uint64_t
heap_expiry(const struct ledger *l, uint32_t place)
{
	return (l->entries[l->heap[place]].expiry);
}

static void
heap_set(struct ledger *l, uint32_t place, uint32_t e)
{
	l->heap[place] = e;
	l->entries[e].heap = place;
}

static void
heap_swap(struct ledger *l, uint32_t a, uint32_t b)
{
	uint32_t e = l->heap[a];

	heap_set(l, a, l->heap[b]);
	heap_set(l, b, e);
}

static void
heap_up(struct ledger *l, uint32_t place)
{
	while (place > 0 &&
	    heap_expiry(l, place) < heap_expiry(l, (place - 1) / 2)) {
		heap_swap(l, place, (place - 1) / 2);
		place = (place - 1) / 2;
	}
}

static void
heap_down(struct ledger *l, uint32_t place)
{
	uint32_t child;

	while ((child = 2 * place + 1) < l->count) {
		if (child + 1 < l->count &&
		    heap_expiry(l, child + 1) < heap_expiry(l, child))
			child++;
		if (heap_expiry(l, place) <= heap_expiry(l, child))
			break;
		heap_swap(l, place, child);
		place = child;
	}
}

uint64_t
ledger_expiry(const struct ledger *l, const struct msg_grant *g)
{
	struct key k;
	uint32_t s;

	key_of(g, &k);
	s = find_slot(l, &k);
	return (l->slots[s] == NONE ? 0 : l->entries[l->slots[s]].expiry);
}

static uint32_t
take_entry(struct ledger *l)
{
	uint32_t e = l->free;

	if (e == NONE)
		return (l->used++);
	l->free = l->entries[e].next_free;
	return (e);
}

int
ledger_put(struct ledger *l, const struct msg_grant *g, uint64_t expiry)
{
	struct key k;
	uint32_t s, e;

	key_of(g, &k);
	s = find_slot(l, &k);
	if (l->slots[s] != NONE) {
		e = l->slots[s];
		if (expiry > l->entries[e].expiry) {
			l->entries[e].expiry = expiry;
			heap_down(l, l->entries[e].heap);
		}
		return (0);
	}
	if (l->count == l->max)
		return (-1);
	e = take_entry(l);
	l->entries[e].key = k;
	l->entries[e].expiry = expiry;
	l->slots[s] = e;
	heap_set(l, l->count++, e);
	heap_up(l, l->count - 1);
	return (0);
}

/* Take the entry at that place of the heap out. */
static void
forget(struct ledger *l, uint32_t place)
{
	uint32_t e = l->heap[place];

	empty_slot(l, find_slot(l, &l->entries[e].key));
	l->count--;
	if (place < l->count) {
		heap_set(l, place, l->heap[l->count]);
		heap_up(l, place);
		heap_down(l, place);
	}
	l->entries[e].next_free = l->free;
	l->free = e;
}

void
ledger_restore(struct ledger *l, const struct msg_grant *g, uint64_t expiry)
{
	struct key k;
	uint32_t s, e;

	key_of(g, &k);
	s = find_slot(l, &k);
	if ((e = l->slots[s]) == NONE)
		return;
	if (expiry == 0) {
		forget(l, l->entries[e].heap);
		return;
	}
	l->entries[e].expiry = expiry;
	heap_up(l, l->entries[e].heap);
}

void
ledger_expire(struct ledger *l, uint64_t now)
{
	while (l->count > 0 && heap_expiry(l, 0) <= now)
		forget(l, 0);
}

uint32_t
ledger_count(const struct ledger *l)
{
	return (l->count);
}

uint32_t
ledger_max(const struct ledger *l)
{
	return (l->max);
}
