/* A cache of live grants: buckets of a few entries, the soonest to end goes. */
#include "grantcache.h"

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

#define BUCKETS		32768	/* power of two */
#define WAYS		4

/* All that tells two grants apart; no padding, hashed as bytes. */
struct key {
	uint8_t		client[16];
	uint8_t		dst[16];
	uint16_t	port;
	uint8_t		family;
	uint8_t		proto;
	uint8_t		local;
	uint8_t		pad[3];
	uint8_t		name[DNS_NAME_MAX];	/* folded; as far as it goes */
};
static_assert(offsetof(struct key, name) == 40, "key has no holes");

/*
 * One line of the processor's cache.  The hash stands for the grant: who does
 * not know its key cannot make two meet, and by chance they do so once in 10^14
 * look-ups in a full table.  Then one grant is not made: nothing is opened.
 */
struct bucket {
	uint64_t	hash[WAYS];
	uint64_t	expiry[WAYS];	/* ns; 0: empty */
} __attribute__((aligned(64)));

#define TABLE_SIZE	(BUCKETS * sizeof(struct bucket))

static struct bucket *table;

void
grantcache_init(void)
{
	table = aligned_alloc(TABLE_SIZE, TABLE_SIZE);
	if (table == NULL)
		fatalx("no memory for the table of grants");
	/* One entry of the TLB instead of hundreds, where the kernel can do that. */
	(void)madvise(table, TABLE_SIZE, MADV_HUGEPAGE);
	memset(table, 0, TABLE_SIZE);
}

uint64_t
grantcache_hash(const struct msg_grant *g, const struct dns_name *name)
{
	DNS_UNINITIALIZED struct dns_name folded;
	DNS_UNINITIALIZED struct key k;

	dns_name_fold(name, &folded);
	memcpy(k.client, g->client, sizeof(k.client));
	memcpy(k.dst, g->dst, sizeof(k.dst));
	k.port = g->port;
	k.family = g->family;
	k.proto = g->proto;
	k.local = g->local;
	memset(k.pad, 0, sizeof(k.pad));
	memcpy(k.name, folded.wire, folded.len);
	return (hash_bytes(&k, offsetof(struct key, name) + folded.len));
}

uint64_t
grantcache_expiry(uint64_t hash)
{
	const struct bucket *b = &table[hash & (BUCKETS - 1)];
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (b->hash[i] == hash)
			return (b->expiry[i]);
	}
	return (0);
}

void
grantcache_forget(void)
{
	/* Zeros again, when they are touched. */
	if (madvise(table, TABLE_SIZE, MADV_DONTNEED) == -1)
		fatal("madvise");
}

void
grantcache_put(uint64_t hash, uint64_t expiry)
{
	struct bucket *b = &table[hash & (BUCKETS - 1)];
	unsigned int i, victim = 0;

	for (i = 0; i < WAYS; i++) {
		if (b->hash[i] == hash) {
			victim = i;
			break;
		}
		if (b->expiry[i] < b->expiry[victim])
			victim = i;
	}
	b->hash[victim] = hash;
	b->expiry[victim] = expiry;
}
