/* A cache of live grants: buckets of a few entries, the soonest to end goes. */
#include "known.h"

#include <sys/mman.h>

#include <stdbool.h>
#include <string.h>

#include "hash.h"
#include "log.h"

#define BUCKETS		32768	/* power of two */
#define WAYS		4

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

/*
 * What is looked at for every grant is in one line of the cache: of all four,
 * some bits of the hash and when they end.
 */
struct bucket {
	uint64_t	expiry[WAYS];	/* ns; 0: empty */
	uint32_t	tag[WAYS];
	struct key	key[WAYS];
} __attribute__((aligned(64)));

/* Where a key is, or would be. */
struct place {
	struct key	 key;
	struct bucket	*bucket;
	uint32_t	 tag;
};

static struct bucket *table;

void
known_init(void)
{
	/* Pages that are never used cost nothing. */
	table = mmap(NULL, BUCKETS * sizeof(*table), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		fatal("no memory for the table of grants");
}

static void
place_of(const struct msg_grant *g, struct place *p)
{
	struct key *k = &p->key;
	uint64_t hash;

	memset(k, 0, sizeof(*k));
	memcpy(k->client, g->client, sizeof(k->client));
	memcpy(k->dst, g->dst, sizeof(k->dst));
	k->port = g->port;
	k->family = g->family;
	k->proto = g->proto;
	k->local = g->local;
	hash = hash_bytes(k, sizeof(*k));
	p->bucket = &table[hash & (BUCKETS - 1)];
	p->tag = (uint32_t)(hash >> 32);
}

static bool
is_at(const struct place *p, unsigned int i)
{
	const struct bucket *b = p->bucket;

	return (b->tag[i] == p->tag && b->expiry[i] != 0 &&
	    memcmp(&b->key[i], &p->key, sizeof(p->key)) == 0);
}

uint64_t
known_expiry(const struct msg_grant *g)
{
	struct place p;
	unsigned int i;

	place_of(g, &p);
	for (i = 0; i < WAYS; i++) {
		if (is_at(&p, i))
			return (p.bucket->expiry[i]);
	}
	return (0);
}

void
known_forget(void)
{
	/* Zeros again, when they are touched. */
	if (madvise(table, BUCKETS * sizeof(*table), MADV_DONTNEED) == -1)
		fatal("madvise");
}

void
known_put(const struct msg_grant *g, uint64_t expiry)
{
	unsigned int i, victim = 0;
	struct place p;

	place_of(g, &p);
	for (i = 0; i < WAYS && !is_at(&p, i); i++) {
		if (p.bucket->expiry[i] < p.bucket->expiry[victim])
			victim = i;
	}
	if (i < WAYS)
		victim = i;
	p.bucket->expiry[victim] = expiry;
	p.bucket->tag[victim] = p.tag;
	p.bucket->key[victim] = p.key;
}
