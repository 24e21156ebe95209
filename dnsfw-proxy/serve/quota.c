/* What each client has in use: a hash table with chains, from a fixed pool. */
#include "quota.h"

#include <sys/queue.h>

#include <stdlib.h>

#include "hash.h"
#include "log.h"
#include "settings.h"
#include "share.h"

/*
 * One client may have a quarter of all places, and at least SHARE_MIN: enough
 * for a resolver or a NAT with many hosts behind it, and three more like it.
 */
#define SHARE_DIVISOR	4
#define SHARE_MIN	64

struct quota {
	LIST_ENTRY(quota) link;	/* bucket, or free list */
	struct addr	addr;
	uint32_t	places;		/* in use; 0 in the free list */
};
LIST_HEAD(quota_list, quota);

static struct quota_list *buckets, unused;
static struct quota *pool;
static uint32_t nbuckets;		/* power of two */
static uint32_t share, places, fresh;	/* fresh: never used ones begin here */

void
quota_init(void)
{
	/*
	 * Requests and connections are limited by the same number each; and
	 * for one connection more another one is closed.
	 */
	uint32_t i;

	places = 2 * settings.config.max_connections + 1;
	share = settings.config.max_connections / SHARE_DIVISOR;
	if (share < SHARE_MIN)
		share = SHARE_MIN;
	for (nbuckets = 16; nbuckets < places; nbuckets *= 2)
		;
	buckets = calloc(nbuckets, sizeof(*buckets));
	pool = calloc(places, sizeof(*pool));
	if (buckets == NULL || pool == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < nbuckets; i++)
		LIST_INIT(&buckets[i]);
	LIST_INIT(&unused);
}

bool
quota_serves(const struct addr *a)
{
	size_t i, n = settings.config.nclient_nets;

	for (i = 0; i < n; i++) {
		if (addr_in_net(a, &settings.client_nets[i]))
			return (true);
	}
	return (n == 0);
}

static struct quota *
unused_client(void)
{
	struct quota *c = LIST_FIRST(&unused);

	if (c != NULL) {
		LIST_REMOVE(c, link);
		return (c);
	}
	return (fresh < places ? &pool[fresh++] : NULL);
}

struct quota *
quota_enter(const struct addr *a)
{
	struct quota_list *bucket;
	struct addr who = share_of(a);
	struct quota *c;

	bucket = &buckets[hash_bytes(&who, sizeof(who)) & (nbuckets - 1)];
	LIST_FOREACH(c, bucket, link) {
		if (addr_equal(&c->addr, &who))
			break;
	}
	if (c == NULL) {
		if ((c = unused_client()) == NULL)
			return (NULL);
		c->addr = who;
		c->places = 0;
		LIST_INSERT_HEAD(bucket, c, link);
	}
	if (c->places >= share)
		return (NULL);
	c->places++;
	return (c);
}

void
quota_leave(struct quota *c)
{
	if (--c->places > 0)
		return;
	LIST_REMOVE(c, link);
	LIST_INSERT_HEAD(&unused, c, link);
}
