/* Alias targets: a hash table of pairs, and one of those who hold them. */
#include "alias.h"

#include <sys/queue.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../acl/hosts.h"
#include "hash.h"
#include "kin.h"
#include "log.h"
#include "policy.h"
#include "share.h"
#include "stock.h"

#define BUCKETS		ALIAS_PLACES	/* of both tables; power of two */
#define SWEEP		64	/* places that a full table looks at */

/* A client for its share; it is there as long as it holds something. */
struct holder {
	LIST_ENTRY(holder) link;	/* bucket, or free list */
	struct stock_share pairs;
	struct addr	addr;
};

struct pair {
	LIST_ENTRY(pair) link;		/* bucket, or free list */
	struct stock_item item;		/* of its holder */
	struct holder	*holder;	/* NULL: free */
	struct addr	client;
	struct dns_name	target;		/* turned */
	struct alias_origin origins[ALIAS_ORIGINS];
};

LIST_HEAD(pair_list, pair);
LIST_HEAD(holder_list, holder);

static struct pair_list *pair_buckets, unused_pairs;
static struct holder_list *alias_holder_buckets, unused_holders;
static struct pair *pairs;
static struct holder *alias_holders;
static size_t fresh_pairs, fresh_holders;
static struct stock alias_stock;	/* pairs in use */

void
alias_init(void)
{
	/* Pages that are never used cost nothing. */
	pairs = calloc(ALIAS_PLACES, sizeof(*pairs));
	alias_holders = calloc(ALIAS_PLACES, sizeof(*alias_holders));
	pair_buckets = calloc(BUCKETS, sizeof(*pair_buckets));
	alias_holder_buckets = calloc(BUCKETS, sizeof(*alias_holder_buckets));
	if (pairs == NULL || alias_holders == NULL || pair_buckets == NULL ||
	    alias_holder_buckets == NULL)
		fatalx("no memory for alias targets");
	LIST_INIT(&unused_pairs);
	LIST_INIT(&unused_holders);
	fresh_pairs = fresh_holders = 0;
	stock_init(&alias_stock);
}

/* --- those who hold pairs --- */

static struct holder_list *
holder_bucket(const struct addr *a)
{
	return (&alias_holder_buckets[hash_bytes(a, sizeof(*a)) % BUCKETS]);
}

static struct holder *
holder_find(const struct addr *client)
{
	struct addr a = share_of(policy.image, client);
	struct holder *h;

	LIST_FOREACH(h, holder_bucket(&a), link) {
		if (addr_equal(&h->addr, &a))
			break;
	}
	return (h);
}

/* There are as many as pairs, and each has one. */
static struct holder *
alias_holder_new(const struct addr *client)
{
	struct holder *h = LIST_FIRST(&unused_holders);

	if (h != NULL)
		LIST_REMOVE(h, link);
	else
		h = &alias_holders[fresh_holders++];
	h->addr = share_of(policy.image, client);
	memset(&h->pairs, 0, sizeof(h->pairs));
	LIST_INSERT_HEAD(holder_bucket(&h->addr), h, link);
	return (h);
}

/* --- pairs --- */

/*
 * In lower case, and with the last label first: so all names below another one
 * begin with its octets, but for the root, and no label of a long one is walked
 * over to see that.
 */
static void
last_label_first(const struct dns_name *name, struct dns_name *out)
{
	DNS_UNINITIALIZED struct dns_name folded;
	size_t at, n, to = name->len - 1U;

	dns_name_fold(name, &folded);
	out->len = name->len;
	out->labels = name->labels;
	out->wire[to] = 0;
	for (at = 0; to > 0; at += n) {
		n = folded.wire[at] + 1U;
		to -= n;
		memcpy(out->wire + to, folded.wire + at, n);
	}
}

static bool
target_is_below(const struct dns_name *turned, const struct dns_name *above)
{
	return (turned->len >= above->len &&
	    memcmp(turned->wire, above->wire, above->len - 1U) == 0);
}

static struct pair_list *
pair_bucket(const struct addr *client, const struct dns_name *turned)
{
	DNS_UNINITIALIZED uint8_t key[sizeof(*client) + DNS_NAME_MAX];

	memcpy(key, client, sizeof(*client));
	memcpy(key + sizeof(*client), turned->wire, turned->len);
	return (&pair_buckets[hash_bytes(key, sizeof(*client) + turned->len) %
	    BUCKETS]);
}

static struct pair *
pair_find(const struct addr *client, const struct dns_name *turned)
{
	struct pair *p;

	LIST_FOREACH(p, pair_bucket(client, turned), link) {
		if (addr_equal(&p->client, client) &&
		    dns_name_identical(&p->target, turned))
			break;
	}
	return (p);
}

static bool
pair_counts(const struct pair *p, uint64_t now)
{
	unsigned int i;

	for (i = 0; i < ALIAS_ORIGINS; i++)
		if (p->origins[i].expiry > now)
			return (true);
	return (false);
}

static void
pair_free(struct pair *p)
{
	struct holder *h = p->holder;

	LIST_REMOVE(p, link);
	LIST_INSERT_HEAD(&unused_pairs, p, link);
	stock_give(&alias_stock, &p->item);
	p->holder = NULL;
	if (h->pairs.amount > 0)
		return;
	LIST_REMOVE(h, link);
	LIST_INSERT_HEAD(&unused_holders, h, link);
}

/* Free what is over, a part of the table at a time. */
static void
sweep(uint64_t now)
{
	static size_t hand;
	unsigned int i;

	for (i = 0; i < SWEEP; i++, hand++) {
		hand %= ALIAS_PLACES;
		if (pairs[hand].holder != NULL &&
		    !pair_counts(&pairs[hand], now))
			pair_free(&pairs[hand]);
	}
}

static struct pair *
pair_of_item(struct stock_item *item)
{
	return ((struct pair *)(void *)((char *)item -
	    offsetof(struct pair, item)));
}

/* Room for another pair of the client: its own, or of who has most (D22). */
static void
make_room(const struct addr *client, uint64_t now)
{
	struct holder *h;

	if (alias_stock.amount == ALIAS_PLACES)
		sweep(now);
	h = holder_find(client);
	if (h != NULL && h->pairs.amount == ALIAS_SHARE)
		pair_free(pair_of_item(TAILQ_FIRST(&h->pairs.items)));
	else if (alias_stock.amount == ALIAS_PLACES)
		pair_free(pair_of_item(stock_oldest(&alias_stock)));
}

static struct pair *
pair_new(const struct addr *client, const struct dns_name *turned)
{
	struct holder *h = holder_find(client);
	struct pair *p = LIST_FIRST(&unused_pairs);

	if (h == NULL)
		h = alias_holder_new(client);
	if (p != NULL)
		LIST_REMOVE(p, link);
	else
		p = &pairs[fresh_pairs++];
	memset(p->origins, 0, sizeof(p->origins));
	p->holder = h;
	p->client = *client;
	p->target = *turned;
	LIST_INSERT_HEAD(pair_bucket(client, turned), p, link);
	stock_take(&alias_stock, &h->pairs, &p->item, 1);
	return (p);
}

/* --- origins --- */

/* Who is led there: all addresses of a host are one client (U11). */
static struct addr
led_client(const struct addr *client)
{
	struct addr who = *client;

	if (policy.image != NULL)
		(void)acl_host_first(policy.image, &who);
	return (who);
}

/* Its own place, or that of the one that ends first. */
static struct alias_origin *
place_for(struct pair *p, const struct dns_name *folded, unsigned int hops)
{
	struct alias_origin *o, *place = &p->origins[0];
	unsigned int i;

	for (i = 0; i < ALIAS_ORIGINS; i++) {
		o = &p->origins[i];
		if (o->hops == hops && dns_name_identical(&o->name, folded))
			return (o);
		if (o->expiry < place->expiry)
			place = o;
	}
	place->expiry = 0;
	place->hops = (uint8_t)hops;
	place->name = *folded;
	return (place);
}

void
alias_remember(const struct addr *client, const struct dns_name *target,
    const struct dns_name *origin, unsigned int hops, uint64_t now,
    uint64_t expiry)
{
	DNS_UNINITIALIZED struct dns_name folded, turned;
	const struct addr who = led_client(client);
	struct alias_origin *o;
	struct pair *p;

	if (hops > ALIAS_HOPS_MAX || expiry <= now ||
	    dns_name_equal(target, origin))
		return;
	last_label_first(target, &turned);
	if ((p = pair_find(&who, &turned)) == NULL) {
		make_room(&who, now);
		p = pair_new(&who, &turned);
	} else
		stock_pass(&alias_stock, &p->item, &p->holder->pairs);
	dns_name_fold(origin, &folded);
	o = place_for(p, &folded, hops);
	if (o->expiry < expiry)
		o->expiry = expiry;
}

/*
 * Those who were led there for the client: its host, or the addresses of its machine,
 * as each of them has asked.
 */
static unsigned int
all_led(const struct addr *client, struct addr out[KIN_MAX])
{
	unsigned int n = kin_list(policy.image, client, out);

	if (n > 0)
		return (n);
	out[0] = led_client(client);
	return (1);
}

const struct alias_origin *
alias_origins(const struct addr *client, const struct dns_name *target,
    uint64_t now)
{
	DNS_UNINITIALIZED struct dns_name turned;
	struct addr led[KIN_MAX];
	const struct pair *p;
	unsigned int i, n;

	if (alias_stock.amount == 0)
		return (NULL);
	last_label_first(target, &turned);
	n = all_led(client, led);
	for (i = 0; i < n; i++) {
		p = pair_find(&led[i], &turned);
		if (p != NULL && pair_counts(p, now))
			return (p->origins);
	}
	return (NULL);
}

static bool
is_led(const struct pair *p, const struct addr *who)
{
	return (addr_equal(&p->client, who) ||
	    kin_are_one(policy.image, &p->client, who));
}

size_t
alias_origins_below(const struct addr *client, const struct dns_name *name,
    uint64_t now, const struct alias_origin **out, size_t max)
{
	const struct addr who = led_client(client);
	const struct holder *h = holder_find(&who);
	DNS_UNINITIALIZED struct dns_name above;
	const struct pair *p;
	struct stock_item *item;
	unsigned int i;
	size_t n = 0;

	if (h == NULL)
		return (0);
	last_label_first(name, &above);
	TAILQ_FOREACH(item, &h->pairs.items, link) {
		p = pair_of_item(item);
		if (!target_is_below(&p->target, &above) || !is_led(p, &who))
			continue;
		for (i = 0; i < ALIAS_ORIGINS && n < max; i++)
			if (p->origins[i].expiry > now)
				out[n++] = &p->origins[i];
	}
	return (n);
}
