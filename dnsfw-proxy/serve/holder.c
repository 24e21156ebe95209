/* Clients with grants under way: a hash table with chains, from a fixed pool. */
#include "holder.h"

#include <stdlib.h>

#include "hash.h"
#include "log.h"
#include "policy.h"
#include "share.h"

#define BUCKETS	16384		/* power of two */

LIST_HEAD(holders, holder);

static struct holders holder_buckets[BUCKETS], free_holders;
static struct holder *holder_pool;
static uint32_t holder_fresh, holder_max;	/* never used ones begin there */

void
holder_init(uint32_t max)
{
	holder_pool = calloc(max, sizeof(*holder_pool));
	if (holder_pool == NULL)
		fatalx("no memory for grants");
	holder_max = max;
}

static struct holder *
holder_new(const struct addr *who, struct holders *bucket)
{
	struct holder *h = LIST_FIRST(&free_holders);

	if (h != NULL)
		LIST_REMOVE(h, link);
	else if (holder_fresh < holder_max)
		h = &holder_pool[holder_fresh++];
	else
		return (NULL);
	h->who = *who;
	LIST_INSERT_HEAD(bucket, h, link);
	return (h);
}

struct holder *
holder_of(const struct addr *client)
{
	struct addr who = share_of(policy.image, client);
	struct holders *bucket;
	struct holder *h;

	bucket = &holder_buckets[hash_bytes(&who, sizeof(who)) & (BUCKETS - 1)];
	LIST_FOREACH(h, bucket, link) {
		if (addr_equal(&h->who, &who))
			return (h);
	}
	return (holder_new(&who, bucket));
}

void
holder_release(struct holder *h)
{
	if (h->slots > 0 || h->waits.amount > 0)
		return;
	LIST_REMOVE(h, link);
	LIST_INSERT_HEAD(&free_holders, h, link);
}
