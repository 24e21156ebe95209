/*
 * A fixed table of grants, found through open addressing and ended through a
 * binary heap on the expiry.  Slots and heap hold indices into the table.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "hash.h"
#include "log.h"

#define NONE	UINT32_MAX
#define ENDING_MAX 256		/* that ledger_ending finds at once */

/* All that tells two grants apart is before the label. */
#define KEY_SIZE	offsetof(struct msg_grant, label)
static_assert(KEY_SIZE == 48, "the key has no holes, and is hashed by words");

struct entry {
	struct msg_grant grant;		/* what is no part of the key is 0 */
	uint64_t	expiry;		/* 0: not in use */
	uint64_t	since;
	uint32_t	heap;		/* place in the heap */
	uint32_t	next_free;
};

struct ledger {
	struct entry	*entries;
	uint32_t	*slots;		/* index + 1, 0: empty; power of two */
	uint32_t	*heap;		/* indices, earliest expiry first */
	uint32_t	*clients;	/* grants by hash of the client */
	uint32_t	 mask;		/* slots - 1 */
	uint32_t	 max;
	uint32_t	 room;		/* entries */
	uint32_t	 count;
	uint32_t	 used;		/* entries that were ever in use */
	uint32_t	 free;		/* list of those given back */
	uint32_t	 kinds[BACKEND_KINDS];	/* how many of each */
	uint32_t	 sample[BACKEND_KINDS];	/* entries that were found last */
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
ledger_new(uint32_t max, uint32_t room)
{
	struct ledger *l = table(1, sizeof(*l));
	uint32_t nslots = 16;

	if (room < max)
		room = max;
	/* At most half full, so that probes stay short. */
	while (nslots / 2 < room)
		nslots *= 2;
	l->entries = table(room, sizeof(*l->entries));
	l->heap = table(room, sizeof(*l->heap));
	l->slots = table(nslots, sizeof(*l->slots));
	l->clients = table(nslots, sizeof(*l->clients));
	l->mask = nslots - 1;
	l->max = max;
	l->room = room;
	l->free = NONE;
	return (l);
}

void
ledger_free(struct ledger *l)
{
	free(l->entries);
	free(l->heap);
	free(l->slots);
	free(l->clients);
	free(l);
}

static void
key_of(const struct msg_grant *g, struct msg_grant *k)
{
	*k = *g;
	k->type = MSG_GRANT;
	k->seq = 0;
	k->ttl = 0;
	k->policy = 0;
}

/* Where a key belongs. */
static uint32_t
home_slot(const struct ledger *l, const void *key, size_t len)
{
	return ((uint32_t)hash_bytes(key, len) & l->mask);
}

/*
 * How many grants the client has; of an IPv6 address only the first half
 * counts.  Two clients meet in one counter so seldom, and so unpredictably,
 * that sharing it does no harm.
 */
static uint32_t *
client_count(const struct ledger *l, const struct msg_grant *g)
{
	uint8_t client[16] = { 0 };

	memcpy(client, g->client, 8);
	client[8] = g->family;
	client[9] = g->local;
	return (&l->clients[home_slot(l, client, sizeof(client))]);
}

/* The slot of the key, or the empty one where it would go. */
static uint32_t
find_slot(const struct ledger *l, const struct msg_grant *k)
{
	uint32_t s = home_slot(l, k, KEY_SIZE);

	while (l->slots[s] != 0 && memcmp(&l->entries[l->slots[s] - 1].grant,
	    k, KEY_SIZE) != 0)
		s = (s + 1) & l->mask;
	return (s);
}

static struct entry *
find(const struct ledger *l, const struct msg_grant *g)
{
	struct msg_grant k;
	uint32_t s;

	key_of(g, &k);
	s = l->slots[find_slot(l, &k)];
	return (s == 0 ? NULL : &l->entries[s - 1]);
}

/* Empty a slot and close the gap (linear probing without tombstones). */
static void
empty_slot(struct ledger *l, uint32_t s)
{
	uint32_t hole = s, home;

	for (;;) {
		l->slots[hole] = 0;
		for (;;) {
			s = (s + 1) & l->mask;
			if (l->slots[s] == 0)
				return;
			home = home_slot(l, &l->entries[l->slots[s] - 1].grant,
			    KEY_SIZE);
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
	const struct entry *e = find(l, g);

	return (e == NULL ? 0 : e->expiry);
}

const struct msg_grant *
ledger_find(const struct ledger *l, const struct msg_grant *g)
{
	const struct entry *e = find(l, g);

	return (e == NULL ? NULL : &e->grant);
}

bool
ledger_admits(const struct ledger *l, const struct msg_grant *g)
{
	uint32_t have = *client_count(l, g);

	return (l->count < l->max &&
	    (have < LEDGER_CLIENT_MIN || have < l->max - l->count));
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
ledger_put(struct ledger *l, const struct msg_grant *g, uint64_t expiry,
    uint64_t since)
{
	struct entry *entry;
	struct msg_grant k;
	uint32_t s, e;

	key_of(g, &k);
	s = find_slot(l, &k);
	if (l->slots[s] == 0) {
		if (l->count == l->room)
			return (-1);
		e = take_entry(l);
		l->entries[e].since = 0;
		l->slots[s] = e + 1;
		++*client_count(l, &k);
		l->kinds[backend_kind(&k)]++;
		heap_set(l, l->count++, e);
	}
	entry = &l->entries[l->slots[s] - 1];
	entry->grant = k;
	if (expiry > entry->expiry)
		entry->expiry = expiry;
	if (since != 0)
		entry->since = since;
	heap_up(l, entry->heap);
	heap_down(l, entry->heap);
	return (0);
}

static void
remove_entry(struct ledger *l, uint32_t e)
{
	struct entry *entry = &l->entries[e];
	uint32_t place = entry->heap, moved;

	empty_slot(l, find_slot(l, &entry->grant));
	--*client_count(l, &entry->grant);
	l->kinds[backend_kind(&entry->grant)]--;
	moved = l->heap[--l->count];
	if (moved != e) {
		heap_set(l, place, moved);
		heap_up(l, place);
		heap_down(l, l->entries[moved].heap);
	}
	entry->expiry = 0;
	entry->next_free = l->free;
	l->free = e;
}

void
ledger_remove(struct ledger *l, const struct msg_grant *g)
{
	const struct entry *e = find(l, g);

	if (e != NULL)
		remove_entry(l, (uint32_t)(e - l->entries));
}

void
ledger_restore(struct ledger *l, const struct msg_grant *was, uint64_t expiry,
    uint64_t since)
{
	struct entry *e = find(l, was);

	if (e == NULL)
		return;
	if (expiry == 0) {
		remove_entry(l, (uint32_t)(e - l->entries));
		return;
	}
	key_of(was, &e->grant);
	e->expiry = expiry;
	e->since = since;
	heap_up(l, e->heap);
}

void
ledger_expire(struct ledger *l, uint64_t now)
{
	while (l->count > 0 && heap_expiry(l, 0) <= now)
		remove_entry(l, l->heap[0]);
}

const struct msg_grant *
ledger_next(const struct ledger *l, uint32_t *cursor)
{
	while (*cursor < l->used) {
		if (l->entries[(*cursor)++].expiry != 0)
			return (&l->entries[*cursor - 1].grant);
	}
	return (NULL);
}

const struct msg_grant *
ledger_at(const struct ledger *l, uint32_t place)
{
	return (place < l->count ? &l->entries[l->heap[place]].grant : NULL);
}

const struct msg_grant *
ledger_sample(struct ledger *l, size_t kind, uint64_t after)
{
	uint32_t place = l->kinds[kind] == 0 ? 0 : l->count;
	const struct entry *e = &l->entries[l->sample[kind]];

	/* Towards the end of a heap is what ends late. */
	while (e->expiry < after || backend_kind(&e->grant) != kind) {
		if (place-- == 0)
			return (NULL);
		e = &l->entries[l->heap[place]];
	}
	l->sample[kind] = (uint32_t)(e - l->entries);
	return (&e->grant);
}

uint64_t
ledger_since(const struct ledger *l, const struct msg_grant *g)
{
	return (find(l, g)->since);
}

size_t
ledger_ending(const struct ledger *l, uint64_t until,
    const struct msg_grant **out, size_t max)
{
	uint32_t places[ENDING_MAX], child;
	size_t i, n = 0;

	if (max > ENDING_MAX)
		max = ENDING_MAX;
	if (max > 0 && l->count > 0 && heap_expiry(l, 0) < until)
		places[n++] = 0;
	/* Below a place of the heap everything ends later. */
	for (i = 0; i < n; i++) {
		out[i] = &l->entries[l->heap[places[i]]].grant;
		for (child = 2 * places[i] + 1; child <= 2 * places[i] + 2 &&
		    child < l->count && n < max; child++) {
			if (heap_expiry(l, child) < until)
				places[n++] = child;
		}
	}
	return (n);
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
