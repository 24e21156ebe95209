/* What each client has in use: a hash table with chains, from a fixed pool. */
#include "quota.h"

#include <stdlib.h>

#include "choice.h"
#include "hash.h"
#include "log.h"
#include "policy.h"
#include "settings.h"
#include "share.h"

/*
 * One client may have a quarter of all places, and at least SHARE_MIN: enough
 * for a resolver or a NAT with many hosts behind it, and three more like it.
 */
#define SHARE_DIVISOR	4
#define SHARE_MIN	64

/* By their links: a bucket, or those that are not in use. */
LIST_HEAD(quota_list, quota);

static struct quota_list *quota_buckets, quota_unused;
static struct quota *quota_pool;
static uint32_t quota_nbuckets;		/* power of two */
static uint32_t quota_share, quota_places;
static uint32_t quota_fresh;		/* never used ones begin here */
static uint32_t quota_octets;		/* of all clients */
static struct rank quota_by_octets;

void
quota_init(void)
{
	/*
	 * Requests and connections are limited by the same number each; and
	 * for one connection more another one is closed.
	 */
	uint32_t i;

	quota_places = 2 * settings.config.max_connections + 1;
	quota_share = settings.config.max_connections / SHARE_DIVISOR;
	if (quota_share < SHARE_MIN)
		quota_share = SHARE_MIN;
	/* Chains of four at the most cost less than a table out of the caches. */
	for (quota_nbuckets = 16; quota_nbuckets < quota_places / 4;)
		quota_nbuckets *= 2;
	quota_buckets = calloc(quota_nbuckets, sizeof(*quota_buckets));
	quota_pool = calloc(quota_places, sizeof(*quota_pool));
	if (quota_buckets == NULL || quota_pool == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < quota_nbuckets; i++)
		LIST_INIT(&quota_buckets[i]);
	LIST_INIT(&quota_unused);
	rank_init(&quota_by_octets);
}

bool
quota_serves(const struct addr *a)
{
	size_t i, n = settings.config.client_nets.n;

	for (i = 0; i < n; i++) {
		if (addr_in_net(a, &settings.config.client_nets.at[i]))
			return (true);
	}
	return (n == 0);
}

bool
quota_is_here(const struct addr *a)
{
	return (settings.config.nworkers < 2 || choice_worker(a->family,
	    a->bytes, settings.config.nworkers) == settings.config.number);
}

static struct quota *
quota_new(void)
{
	struct quota *c = LIST_FIRST(&quota_unused);

	if (c != NULL) {
		LIST_REMOVE(c, link);
		return (c);
	}
	return (quota_fresh < quota_places ? &quota_pool[quota_fresh++] : NULL);
}

struct quota *
quota_enter(const struct addr *a)
{
	struct quota_list *bucket;
	struct addr who = share_of(policy.image, a);
	struct quota *c;

	bucket = &quota_buckets[hash_bytes(&who, sizeof(who)) &
	    (quota_nbuckets - 1)];
	LIST_FOREACH(c, bucket, link) {
		if (addr_equal(&c->addr, &who))
			break;
	}
	if (c == NULL) {
		if ((c = quota_new()) == NULL)
			return (NULL);
		c->addr = who;
		c->places = 0;
		LIST_INSERT_HEAD(bucket, c, link);
	}
	if (c->places >= quota_share)
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
	LIST_INSERT_HEAD(&quota_unused, c, link);
}

bool
quota_may_try(const struct quota *c)
{
	return (c->tries.amount < quota_share);
}

enum quota_octets
quota_take_octets(struct quota *c, size_t octets)
{
	if (octets > QUOTA_OCTETS_SHARE - c->octets)
		return (QUOTA_AT_SHARE);
	if (octets > QUOTA_OCTETS_MAX - quota_octets)
		return (QUOTA_ALL_USED);
	c->octets += (uint32_t)octets;
	quota_octets += (uint32_t)octets;
	rank_set(&quota_by_octets, &c->by_octets, c->octets);
	return (QUOTA_TAKEN);
}

void
quota_give_octets(struct quota *c, size_t octets)
{
	c->octets -= (uint32_t)octets;
	quota_octets -= (uint32_t)octets;
	rank_set(&quota_by_octets, &c->by_octets, c->octets);
}

struct quota *
quota_most_octets(void)
{
	struct rank_entry *e = rank_top(&quota_by_octets);

	return (e == NULL ? NULL : (struct quota *)(void *)((char *)e -
	    offsetof(struct quota, by_octets)));
}
