/* Names that clients were answered, and their connections. */
#include "seen.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "clock.h"
#include "hash.h"
#include "log.h"

#define BUCKETS		16384		/* power of two */
#define SHARE_PREFIX	64		/* of IPv6: a host in it chooses the rest */
#define SLOTS		MSG_SEEN_ADDRESSES
#define LOOK_AT		16		/* names with one address, the newest */
/*
 * Who was answered connects within that, if it did not know the address before; and
 * a connection that was there then is the same one still.  Some walks long.
 */
#define JUST_NOW	(5 * CLOCK_SECOND)

/* An address that a name has had. */
struct slot {
	LIST_ENTRY(slot) same;		/* hash: client and address */
	struct seen_name *of;		/* NULL: free */
	struct addr	dst;
	uint64_t	at;		/* ns: when it was told */
};

struct seen_name {
	LIST_ENTRY(seen_name) same;	/* hash: client and name */
	struct key {
		struct addr	client;
		char		name[MSG_SEEN_NAME];
	} key;
	uint64_t	first, last;	/* ns */
	uint32_t	count;
	bool		addresses, other, more;
	uint8_t		nports;
	uint8_t		next_slot;
	struct control_port ports[CONTROL_PORTS];
	uint64_t	port_last[CONTROL_PORTS];	/* ns: a connection */
	struct slot	slots[SLOTS];
};

/* How many names a client has; an IPv6 one is its /64 (D22). */
struct share {
	LIST_ENTRY(share) same;		/* hash */
	struct addr	of;
	uint32_t	count;
};

static struct seen_name *seen_all;		/* per_worker of each; NULL: not open */
static struct share *shares;		/* as many */
static uint32_t per_worker, per_client, seen_used[MSG_WORKERS_MAX];
static unsigned int seen_workers;
static uint32_t nshares, lost;
static LIST_HEAD(, seen_name) by_name[BUCKETS];
static LIST_HEAD(, slot) by_address[BUCKETS];
static LIST_HEAD(, share) by_share[BUCKETS];

void
seen_open(unsigned int workers)
{
	seen_workers = workers;
	per_worker = SEEN_NAMES / workers;
	per_client = per_worker / 4 < SEEN_CLIENT ? per_worker / 4 :
	    SEEN_CLIENT;
	seen_all = calloc(workers * per_worker, sizeof(*seen_all));
	shares = calloc(workers * per_worker, sizeof(*shares));
	if (seen_all == NULL || shares == NULL)
		fatalx("no memory");
}

static struct addr
address_of(uint8_t family, const uint8_t bytes[16])
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return (a);
}

static size_t
seen_bucket(const void *key, size_t len)
{
	return (hash_bytes(key, len) % BUCKETS);
}

static size_t
bucket_of_flow(const struct addr *client, const struct addr *dst)
{
	const struct addr key[2] = { *client, *dst };

	return (seen_bucket(key, sizeof(key)));
}

/* --- names --- */

/* With a place for one more, or NULL; it may be new. */
static struct share *
share_for(const struct addr *client)
{
	struct addr of = *client;
	struct share *s;
	size_t bucket;

	if (of.family == ADDR_V6)
		addr_mask(&of, SHARE_PREFIX);
	bucket = seen_bucket(&of, sizeof(of));
	LIST_FOREACH(s, &by_share[bucket], same)
		if (addr_equal(&s->of, &of))
			return (s->count < per_client ? s : NULL);
	/* There are as many as names, and each has one at least. */
	s = &shares[nshares++];
	s->of = of;
	LIST_INSERT_HEAD(&by_share[bucket], s, same);
	return (s);
}

static struct seen_name *
name_add(unsigned int worker, const struct key *key, size_t bucket)
{
	struct seen_name *p;
	struct share *s;

	if (seen_used[worker] == per_worker ||
	    (s = share_for(&key->client)) == NULL) {
		lost += lost < UINT32_MAX;
		return (NULL);
	}
	s->count++;
	p = &seen_all[worker * per_worker + seen_used[worker]++];
	p->key = *key;
	LIST_INSERT_HEAD(&by_name[bucket], p, same);
	return (p);
}

/* NULL: there is no room. */
static struct seen_name *
name_of(unsigned int worker, const struct msg_seen *m)
{
	struct key key = { .client = address_of(m->family, m->client) };
	struct seen_name *p;
	size_t bucket;

	memcpy(key.name, m->name, sizeof(key.name));
	bucket = seen_bucket(&key, sizeof(key));
	LIST_FOREACH(p, &by_name[bucket], same)
		if (memcmp(&p->key, &key, sizeof(key)) == 0)
			return (p);
	return (name_add(worker, &key, bucket));
}

/* Its newest address; for a new one the oldest of its own goes. */
static void
add_address(struct seen_name *p, const struct addr *dst, uint64_t now)
{
	struct slot *s;

	for (s = p->slots; s < p->slots + SLOTS && s->of != NULL; s++)
		if (addr_equal(&s->dst, dst))
			break;
	if (s == p->slots + SLOTS || s->of == NULL) {
		s = &p->slots[p->next_slot];
		p->next_slot = (uint8_t)((p->next_slot + 1) % SLOTS);
	}
	if (s->of != NULL)
		LIST_REMOVE(s, same);
	s->of = p;
	s->dst = *dst;
	s->at = now;
	LIST_INSERT_HEAD(&by_address[bucket_of_flow(&p->key.client, dst)], s,
	    same);
}

bool
seen_take(unsigned int worker, const struct msg_seen *m, uint64_t now)
{
	struct seen_name *p;
	size_t i;

	if (seen_all == NULL || (seen_workers > 1 &&
	    choice_worker(m->family, m->client, seen_workers) != worker) ||
	    (p = name_of(worker, m)) == NULL)
		return (false);
	if (p->count == 0)
		p->first = now;
	p->last = now;
	p->count += p->count < UINT32_MAX;
	p->addresses |= m->naddresses > 0;
	p->other |= m->other != 0;
	for (i = 0; i < m->naddresses; i++)
		add_address(p, &m->addresses[i], now);
	return (true);
}

/* --- connections --- */

/* Which of its ports that is; nports: none. */
static unsigned int
find_port(const struct seen_name *p, const struct order_flow *f)
{
	unsigned int i;

	for (i = 0; i < p->nports; i++)
		if (p->ports[i].proto == f->proto &&
		    p->ports[i].port == f->dport)
			break;
	return (i);
}

static bool
had_it_just_now(const struct seen_name *p, const struct order_flow *f,
    uint64_t now)
{
	unsigned int i = find_port(p, f);

	return (i < p->nports && now - p->port_last[i] <= JUST_NOW);
}

static void
keep_port(struct seen_name *p, const struct order_flow *f, uint64_t now)
{
	unsigned int i = find_port(p, f);

	p->last = now;
	if (i == CONTROL_PORTS) {
		p->more = true;
		return;
	}
	if (i == p->nports)
		p->ports[p->nports++] = (struct control_port){
		    .proto = f->proto, .port = f->dport };
	p->port_last[i] = now;
}

static void
give_flow(const struct addr *client, const struct order_flow *f, uint64_t now)
{
	const struct addr dst = address_of(f->family, f->dst);
	struct seen_name *newest = NULL;
	unsigned int looked = 0;
	struct slot *s;
	bool known = false;

	LIST_FOREACH(s, &by_address[bucket_of_flow(client, &dst)], same) {
		if (!addr_equal(&s->dst, &dst) ||
		    !addr_equal(&s->of->key.client, client))
			continue;
		if (newest == NULL)
			newest = s->of;
		if (now - s->at <= JUST_NOW || had_it_just_now(s->of, f, now)) {
			keep_port(s->of, f, now);
			known = true;
		}
		if (++looked == LOOK_AT)
			break;
	}
	if (!known && newest != NULL)
		keep_port(newest, f, now);
}

void
seen_flow(const struct order_flow *f, bool own)
{
	static const struct addr loopback[] = {
		{ .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } },
		{ .family = ADDR_V6, .bytes = { [15] = 1 } }
	};
	const struct addr client = address_of(f->family, f->src);
	uint64_t now = clock_now();

	if (seen_all == NULL || f->dport == 0)
		return;
	give_flow(&client, f, now);
	if (own) {
		give_flow(&loopback[0], f, now);
		give_flow(&loopback[1], f, now);
	}
}

/* --- who asks --- */

static struct control_seen
told_of(const struct seen_name *p, uint64_t now)
{
	struct control_seen m = { .type = CONTROL_SEEN_NAME,
	    .family = p->key.client.family, .nports = p->nports,
	    .more = p->more, .addresses = p->addresses, .other = p->other,
	    .first = (uint32_t)((now - p->first) / CLOCK_SECOND),
	    .last = (uint32_t)((now - p->last) / CLOCK_SECOND),
	    .count = p->count };

	memcpy(m.client, p->key.client.bytes, sizeof(m.client));
	memcpy(m.ports, p->ports, sizeof(m.ports));
	memcpy(m.name, p->key.name, sizeof(m.name));
	return (m);
}

uint32_t
seen_places(void)
{
	return (seen_workers * per_worker);
}

size_t
seen_next(uint32_t *cursor, unsigned int *looks, struct control_seen *out,
    size_t max)
{
	uint64_t now = clock_now();
	size_t n = 0;

	for (; *looks > 0 && n < max && *cursor < seen_places(); (*looks)--) {
		if (seen_all[*cursor].count > 0)
			out[n++] = told_of(&seen_all[*cursor], now);
		(*cursor)++;
	}
	return (n);
}

uint32_t
seen_lost(void)
{
	return (lost);
}
