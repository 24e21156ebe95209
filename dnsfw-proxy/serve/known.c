/* A cache of live grants: buckets of a few entries, the soonest to end goes. */
#include "known.h"

#include <sys/mman.h>

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

struct entry {
	struct key	key;
	uint64_t	expiry;		/* ns; 0: empty */
};

static struct entry (*table)[WAYS];

void
known_init(void)
{
	/* Pages that are never used cost nothing. */
	table = mmap(NULL, BUCKETS * sizeof(*table), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		fatal("no memory for the table of grants");
}

static struct entry *
bucket_of(const struct msg_grant *g, struct key *k)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->client, g->client, sizeof(k->client));
	memcpy(k->dst, g->dst, sizeof(k->dst));
	k->port = g->port;
	k->family = g->family;
	k->proto = g->proto;
	k->local = g->local;
	return (table[hash_bytes(k, sizeof(*k)) & (BUCKETS - 1)]);
}

uint64_t
known_expiry(const struct msg_grant *g)
{
	struct key k;
	struct entry *e = bucket_of(g, &k);
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (e[i].expiry != 0 && memcmp(&e[i].key, &k, sizeof(k)) == 0)
			return (e[i].expiry);
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
	struct key k;
	struct entry *e = bucket_of(g, &k), *victim = e;
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (e[i].expiry != 0 && memcmp(&e[i].key, &k, sizeof(k)) == 0) {
			victim = &e[i];
			break;
		}
		if (e[i].expiry < victim->expiry)
			victim = &e[i];
	}
	victim->key = k;
	victim->expiry = expiry;
}
