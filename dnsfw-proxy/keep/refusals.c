/* What clients were refused of late. */
#include "refusals.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "clock.h"
#include "hash.h"
#include "log.h"

#define BUCKETS		4096	/* power of two */
#define SHARE_PREFIX	64	/* of IPv6: a host in it chooses the rest */
#define LOOK_BACK	8	/* of the client, which may be the same */

struct place {
	TAILQ_ENTRY(place) link;	/* of the client's, or free */
	TAILQ_ENTRY(place) older;	/* of all */
	struct client	*client;	/* NULL: free */
	struct refusal	refusal;
};
TAILQ_HEAD(places, place);

/* Who has no more than that only makes room as others do: by age. */
#define LITTLE	(REFUSALS_WORKER / REFUSALS_CLIENT)
#define OLD	(3600 * CLOCK_SECOND)

/* An IPv6 one is its /64, as everywhere where each has a share (D22). */
struct client {
	LIST_ENTRY(client) same;	/* hash */
	TAILQ_ENTRY(client) even;	/* that have as many, or free */
	struct places	places;		/* oldest first */
	unsigned int	count;
	struct addr	share;
};
TAILQ_HEAD(clients, client);

/* Those of one worker.  A client has one place at least. */
struct store {
	struct place	places[REFUSALS_WORKER];
	struct client	clients[REFUSALS_WORKER];
	size_t		used, known;	/* of these, ever */
	struct places	by_age;		/* oldest first */
	struct places	free_places;
	struct clients	free_clients;
	LIST_HEAD(, client) buckets[BUCKETS];
	struct clients	with[REFUSALS_CLIENT + 1];	/* by their count */
	unsigned int	most;		/* that one has */
};

static struct store *stores;	/* one a worker */
static unsigned int nworkers;
static uint64_t last_number;

void
refusals_open(unsigned int workers)
{
	struct store *s;
	size_t i;

	nworkers = workers;
	stores = calloc(workers, sizeof(*stores));
	if (stores == NULL)
		fatalx("no memory");
	for (s = stores; s < stores + workers; s++) {
		TAILQ_INIT(&s->by_age);
		TAILQ_INIT(&s->free_places);
		TAILQ_INIT(&s->free_clients);
		for (i = 0; i <= REFUSALS_CLIENT; i++)
			TAILQ_INIT(&s->with[i]);
	}
}

static unsigned int
worker_of(uint8_t family, const uint8_t client[16])
{
	return (nworkers > 1 ? choice_worker(family, client, nworkers) : 0);
}

/* --- clients --- */

static struct addr
share_of_client(uint8_t family, const uint8_t bytes[16])
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	if (family == ADDR_V6)
		addr_mask(&a, SHARE_PREFIX);
	return (a);
}

static size_t
bucket_of(const struct addr *share)
{
	return (hash_bytes(share, sizeof(*share)) % BUCKETS);
}

static struct client *
find_client(struct store *s, uint8_t family, const uint8_t bytes[16])
{
	const struct addr share = share_of_client(family, bytes);
	struct client *c;

	LIST_FOREACH(c, &s->buckets[bucket_of(&share)], same)
		if (addr_equal(&c->share, &share))
			break;
	return (c);
}

/* One with nothing yet.  There is room for as many as there are places. */
static struct client *
add_client(struct store *s, uint8_t family, const uint8_t bytes[16])
{
	struct client *c = TAILQ_FIRST(&s->free_clients);

	if (c != NULL)
		TAILQ_REMOVE(&s->free_clients, c, even);
	else
		c = &s->clients[s->known++];
	c->share = share_of_client(family, bytes);
	c->count = 0;
	TAILQ_INIT(&c->places);
	LIST_INSERT_HEAD(&s->buckets[bucket_of(&c->share)], c, same);
	TAILQ_INSERT_TAIL(&s->with[0], c, even);
	return (c);
}

/* It has one more, or one less. */
static void
set_count(struct store *s, struct client *c, unsigned int count)
{
	TAILQ_REMOVE(&s->with[c->count], c, even);
	TAILQ_INSERT_TAIL(&s->with[count], c, even);
	c->count = count;
	if (count > s->most)
		s->most = count;
	else if (TAILQ_EMPTY(&s->with[s->most]))
		s->most--;
}

/* --- places --- */

static void
drop_oldest(struct store *s, struct client *c)
{
	struct place *p = TAILQ_FIRST(&c->places);

	TAILQ_REMOVE(&c->places, p, link);
	TAILQ_REMOVE(&s->by_age, p, older);
	TAILQ_INSERT_TAIL(&s->free_places, p, link);
	p->client = NULL;
	set_count(s, c, c->count - 1);
	if (c->count > 0)
		return;
	TAILQ_REMOVE(&s->with[0], c, even);
	LIST_REMOVE(c, same);
	TAILQ_INSERT_TAIL(&s->free_clients, c, even);
}

/*
 * Whose oldest goes when there is no place: that of all if it is old, or nobody has
 * much; else it is who has most.
 */
static struct client *
who_gives(const struct store *s, uint64_t now)
{
	const struct place *p = TAILQ_FIRST(&s->by_age);

	if (s->most <= LITTLE || now - p->refusal.last > OLD)
		return (p->client);
	return (TAILQ_FIRST(&s->with[s->most]));
}

static struct place *
take_place(struct store *s, uint64_t now)
{
	struct place *p;

	if (s->used < REFUSALS_WORKER)
		return (&s->places[s->used++]);
	if (TAILQ_EMPTY(&s->free_places))
		drop_oldest(s, who_gives(s, now));
	p = TAILQ_FIRST(&s->free_places);
	TAILQ_REMOVE(&s->free_places, p, link);
	return (p);
}

static bool
is_again(const struct msg_refusal *a, const struct msg_refusal *b)
{
	return (a->kind == b->kind && a->rule == b->rule &&
	    memcmp(a->client, b->client, sizeof(a->client)) == 0 &&
	    a->qtype == b->qtype && strcmp(a->name, b->name) == 0 &&
	    strcmp(a->reason, b->reason) == 0);
}

static struct place *
find_again(const struct client *c, const struct msg_refusal *m)
{
	unsigned int i = 0;
	struct place *p;

	TAILQ_FOREACH_REVERSE(p, &c->places, places, link)
		if (is_again(&p->refusal.told, m))
			return (p);
		else if (++i == LOOK_BACK)
			break;
	return (NULL);
}

/* The same as before: the count may be any number that a worker says. */
static void
add_to(struct refusal *r, const struct msg_refusal *m)
{
	r->told.count = r->told.count > UINT32_MAX - m->count ? UINT32_MAX :
	    r->told.count + m->count;
}

/* A new place of the client, which gives up its oldest if it has its share. */
static struct place *
begin(struct store *s, const struct msg_refusal *m, uint64_t now)
{
	struct client *c = find_client(s, m->family, m->client);
	struct place *p;

	if (c != NULL && c->count == REFUSALS_CLIENT)
		drop_oldest(s, c);
	p = take_place(s, now);
	/* The place may have been the client's last one. */
	c = find_client(s, m->family, m->client);
	if (c == NULL)
		c = add_client(s, m->family, m->client);
	set_count(s, c, c->count + 1);
	TAILQ_INSERT_TAIL(&c->places, p, link);
	TAILQ_INSERT_TAIL(&s->by_age, p, older);
	p->client = c;
	p->refusal.told = *m;
	p->refusal.id = last_number + 1;
	p->refusal.first = now;
	return (p);
}

bool
refusals_take(unsigned int worker, const struct msg_refusal *m, uint64_t now)
{
	struct store *s = &stores[worker];
	struct client *c;
	struct place *p;

	if (worker_of(m->family, m->client) != worker)
		return (false);
	c = find_client(s, m->family, m->client);
	if (c != NULL && (p = find_again(c, m)) != NULL) {
		add_to(&p->refusal, m);
		TAILQ_REMOVE(&c->places, p, link);
		TAILQ_INSERT_TAIL(&c->places, p, link);
		TAILQ_REMOVE(&s->by_age, p, older);
		TAILQ_INSERT_TAIL(&s->by_age, p, older);
	} else
		p = begin(s, m, now);
	p->refusal.number = ++last_number;
	p->refusal.last = now;
	return (true);
}

size_t
refusals_next(const struct addr *client, uint64_t above,
    const struct refusal **out, size_t max)
{
	struct store *s = &stores[worker_of(client->family, client->bytes)];
	const struct client *c = find_client(s, client->family, client->bytes);
	const struct place *p;
	size_t n = 0;

	if (c == NULL)
		return (0);
	TAILQ_FOREACH(p, &c->places, link) {
		if (p->refusal.number <= above ||
		    memcmp(p->refusal.told.client, client->bytes,
		    sizeof(client->bytes)) != 0)
			continue;
		if (n == max)
			break;
		out[n++] = &p->refusal;
	}
	return (n);
}

uint32_t
refusals_places(void)
{
	return (nworkers * REFUSALS_WORKER);
}

const struct refusal *
refusals_place(uint32_t i)
{
	const struct store *s = &stores[i / REFUSALS_WORKER];
	const struct place *p = &s->places[i % REFUSALS_WORKER];

	return (i % REFUSALS_WORKER < s->used && p->client != NULL ?
	    &p->refusal : NULL);
}
