/*
 * A fixed table of grants, found through open addressing and ended through a
 * binary heap on the expiry.  Slots and heap hold indices into the table, and the
 * names but the last to end are in a table of their own, which is seldom touched.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hosts.h"
#include "machines.h"
#include "kernel/backend.h"
#include "log.h"

#define NONE	UINT32_MAX
#define ENDING_MAX 4096		/* that ledger_ending finds at once */

#define NETWORK	64		/* of an IPv6 client, who chooses the rest */

/* All that tells two grants apart is before the label. */
#define KEY_SIZE	offsetof(struct msg_grant, label)
static_assert(KEY_SIZE == 48, "the key has no holes, and is hashed by words");

/* At least; a power of two.  With few, two clients would meet in one too often. */
#define CLIENT_COUNTERS	65536U

struct ledger {
	struct ledger_entry *entries;
	struct others	*others;	/* of each entry */
	uint32_t	*slots;		/* index + 1, 0: empty; power of two */
	uint32_t	*heap;		/* indices, earliest expiry first */
	uint32_t	*clients;	/* grants by hash of the client */
	uint32_t	 mask;		/* slots - 1 */
	uint32_t	 client_mask;	/* counters of clients - 1 */
	uint32_t	 max;
	uint32_t	 room;		/* entries */
	uint32_t	 count;
	uint32_t	 used;		/* entries that were ever in use */
	uint32_t	 free;		/* list of those given back */
	uint32_t	 epoch;		/* the number of the last doubt */
	uint32_t	 kinds[BACKEND_KINDS];	/* how many of each */
	uint32_t	 sample[BACKEND_KINDS];	/* entries that were found last */
	unsigned int	 workers;
	uint32_t	 owned[LEDGER_NOBODY + 1];	/* grants of each worker */
};

static void *
ledger_table(size_t n, size_t size)
{
	void *p;

	if ((p = calloc(n, size)) == NULL)
		fatalx("no memory for --max-grants");
	return (p);
}

struct ledger *
ledger_new(uint32_t max, uint32_t room, unsigned int workers)
{
	struct ledger *l = ledger_table(1, sizeof(*l));
	uint32_t nslots = 16;

	if (room < max)
		room = max;
	/* At most half full, so that probes stay short. */
	while (nslots / 2 < room)
		nslots *= 2;
	l->entries = ledger_table(room, sizeof(*l->entries));
	l->others = ledger_table(room, sizeof(*l->others));
	l->heap = ledger_table(room, sizeof(*l->heap));
	l->slots = ledger_table(nslots, sizeof(*l->slots));
	l->mask = nslots - 1;
	l->client_mask = l->mask | (CLIENT_COUNTERS - 1);
	l->clients = ledger_table(l->client_mask + 1UL, sizeof(*l->clients));
	l->max = max;
	l->room = room;
	l->free = NONE;
	l->epoch = 1;
	l->workers = workers;
	return (l);
}

void
ledger_free(struct ledger *l)
{
	free(l->entries);
	free(l->others);
	free(l->heap);
	free(l->slots);
	free(l->clients);
	free(l);
}

static uint32_t
place_of(const struct ledger *l, const struct ledger_entry *e)
{
	return ((uint32_t)(e - l->entries));
}

static void
ledger_key(const struct msg_grant *g, struct msg_grant *k)
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
 * Which counter has the number of the client's grants.  All addresses of a host,
 * or of a machine, are one client; of an IPv6 address only the first half counts.
 * Two clients meet in one counter so seldom, and so unpredictably, that sharing it
 * does no harm.
 */
static uint32_t
counter_of(const struct ledger *l, const struct msg_grant *g)
{
	struct {
		uint8_t		local;
		struct addr	who;
	} client = { .local = g->local, .who.family = g->family };

	memcpy(client.who.bytes, g->client, sizeof(client.who.bytes));
	if (!hosts_first(&client.who)) {
		(void)machines_first(&client.who);
		addr_mask(&client.who, NETWORK);
	}
	return ((uint32_t)hash_bytes(&client, sizeof(client)) & l->client_mask);
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

struct ledger_entry *
ledger_find(const struct ledger *l, const struct msg_grant *g)
{
	struct msg_grant k;
	uint32_t s;

	ledger_key(g, &k);
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

/* What is reserved_room for the others, and is not in use. */
static uint64_t
reserved_room(const struct ledger *l, unsigned int worker, uint32_t part)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < l->workers; i++) {
		if (i != worker && l->owned[i] < part)
			sum += part - l->owned[i];
	}
	return (sum);
}

bool
ledger_admits(const struct ledger *l, const struct msg_grant *g,
    unsigned int worker)
{
	uint32_t have = l->clients[counter_of(l, g)], part;

	if (l->count >= l->max || (have >= LEDGER_CLIENT_MIN &&
	    have >= l->max - l->count))
		return (false);
	if (l->workers < 2)
		return (true);
	part = l->max / (2 * l->workers);
	return (l->owned[worker] < part ||
	    reserved_room(l, worker, part) < l->max - l->count);
}

static uint32_t
unused_entry(struct ledger *l)
{
	uint32_t e = l->free;

	if (e == NONE)
		return (l->used++);
	l->free = l->entries[e].next_free;
	return (e);
}

/* The name that ends last is the entry's, the others are beside it. */
static void
give_name(struct ledger *l, struct ledger_entry *e, const char *label,
    uint64_t end)
{
	struct others *o = &l->others[place_of(l, e)];
	char *last = e->grant.label;

	if (memcmp(last, label, MSG_LABEL_SIZE) == 0) {
		if (end > e->expiry)
			e->expiry = end;
	} else if (end <= e->expiry) {
		others_put(o, label, end);
	} else {
		others_drop(o, label);
		if (e->expiry != 0)
			others_put(o, last, e->expiry);
		memcpy(last, label, MSG_LABEL_SIZE);
		e->expiry = end;
	}
}

static struct ledger_entry *
new_entry(struct ledger *l, const struct msg_grant *k, unsigned int worker)
{
	uint32_t e = unused_entry(l);
	struct ledger_entry *entry = &l->entries[e];

	*entry = (struct ledger_entry){ .grant = *k, .owner = (uint8_t)worker,
	    .counter = counter_of(l, k) };
	l->owned[worker]++;
	l->clients[entry->counter]++;
	l->kinds[backend_kind(k)]++;
	heap_set(l, l->count++, e);
	return (entry);
}

struct ledger_entry *
ledger_put(struct ledger *l, const struct msg_grant *g, uint64_t end,
    uint64_t since, unsigned int worker)
{
	struct ledger_entry *entry;
	struct msg_grant k;
	uint32_t s;

	ledger_key(g, &k);
	s = find_slot(l, &k);
	if (l->slots[s] == 0) {
		if (l->count == l->room)
			return (NULL);
		entry = new_entry(l, &k, worker);
		l->slots[s] = place_of(l, entry) + 1;
	}
	entry = &l->entries[l->slots[s] - 1];
	give_name(l, entry, g->label, end);
	if (since != 0)
		entry->since = since;
	heap_up(l, entry->heap);
	heap_down(l, entry->heap);
	return (entry);
}

size_t
ledger_names(const struct ledger *l, const struct ledger_entry *e,
    uint64_t now, struct ledger_name out[LEDGER_NAMES])
{
	out[0].end = e->expiry;
	memcpy(out[0].label, e->grant.label, MSG_LABEL_SIZE);
	return (1 + others_list(&l->others[place_of(l, e)], now, out + 1));
}

enum ledger_left
ledger_forbid(struct ledger *l, struct ledger_entry *e, const char *label,
    uint64_t now)
{
	struct others *o = &l->others[place_of(l, e)];
	struct ledger_name *next;

	if (memcmp(e->grant.label, label, MSG_LABEL_SIZE) != 0) {
		others_drop(o, label);
		return (LEDGER_AS_IT_WAS);
	}
	next = others_last(o);
	if (next->end <= now)
		return (LEDGER_NOTHING);
	memcpy(e->grant.label, next->label, MSG_LABEL_SIZE);
	e->expiry = next->end;
	next->end = 0;
	e->sure = 0;
	heap_up(l, e->heap);
	return (LEDGER_SHORTER);
}

static void
remove_entry(struct ledger *l, uint32_t e)
{
	struct ledger_entry *entry = &l->entries[e];
	uint32_t place = entry->heap, moved;

	empty_slot(l, find_slot(l, &entry->grant));
	l->clients[entry->counter]--;
	l->owned[entry->owner]--;
	l->kinds[backend_kind(&entry->grant)]--;
	moved = l->heap[--l->count];
	if (moved != e) {
		heap_set(l, place, moved);
		heap_up(l, place);
		heap_down(l, l->entries[moved].heap);
	}
	entry->expiry = 0;
	others_clear(&l->others[e]);
	entry->next_free = l->free;
	l->free = e;
}

void
ledger_shorten(struct ledger *l, struct ledger_entry *e, uint64_t end)
{
	if (e->expiry <= end)
		return;
	e->expiry = end;
	others_shorten(&l->others[place_of(l, e)], end);
	heap_up(l, e->heap);
}

void
ledger_remove(struct ledger *l, struct ledger_entry *e)
{
	remove_entry(l, place_of(l, e));
}

bool
ledger_is_sure(const struct ledger *l, const struct ledger_entry *e)
{
	return (e->sure == l->epoch);
}

void
ledger_set_sure(struct ledger *l, struct ledger_entry *e, bool sure)
{
	e->sure = sure ? l->epoch : 0;
}

/* 0 is none, and by the time that numbers come again no grant is as old. */
uint32_t
ledger_doubt(struct ledger *l)
{
	if (++l->epoch == 0)
		l->epoch = 1;
	return (l->epoch);
}

bool
ledger_was_sure(const struct ledger_entry *e, uint32_t doubt)
{
	return (e->sure != 0 && (int32_t)(e->sure - doubt) >= 0);
}

void
ledger_expire(struct ledger *l, uint64_t now)
{
	while (l->count > 0 && heap_expiry(l, 0) <= now)
		remove_entry(l, l->heap[0]);
}

struct ledger_entry *
ledger_next(const struct ledger *l, uint32_t *cursor)
{
	while (*cursor < l->used) {
		if (l->entries[(*cursor)++].expiry != 0)
			return (&l->entries[*cursor - 1]);
	}
	return (NULL);
}

struct ledger_entry *
ledger_place(const struct ledger *l, uint32_t place)
{
	if (place >= l->used || l->entries[place].expiry == 0)
		return (NULL);
	return (&l->entries[place]);
}

uint32_t
ledger_places(const struct ledger *l)
{
	return (l->used);
}

struct ledger_entry *
ledger_at(const struct ledger *l, uint32_t place)
{
	return (place < l->count ? &l->entries[l->heap[place]] : NULL);
}

struct ledger_entry *
ledger_sample(struct ledger *l, size_t kind, uint64_t after)
{
	uint32_t place = l->kinds[kind] == 0 ? 0 : l->count;
	struct ledger_entry *e = &l->entries[l->sample[kind]];

	/* Towards the end of a heap is what ends late. */
	while (e->expiry < after || backend_kind(&e->grant) != kind) {
		if (place-- == 0)
			return (NULL);
		e = &l->entries[l->heap[place]];
	}
	l->sample[kind] = place_of(l, e);
	return (e);
}

size_t
ledger_ending(const struct ledger *l, uint64_t until,
    struct ledger_entry **out, size_t max)
{
	uint32_t places[ENDING_MAX], child;
	size_t i, n = 0;

	if (max > ENDING_MAX)
		max = ENDING_MAX;
	if (max > 0 && l->count > 0 && heap_expiry(l, 0) < until)
		places[n++] = 0;
	/* Below a place of the heap everything ends later. */
	for (i = 0; i < n; i++) {
		out[i] = &l->entries[l->heap[places[i]]];
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
