/* Queries over UDP by who sent them: a hash table with chains. */
#include "again.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

/* What a chain is for; hashed as bytes, as far as the question goes. */
struct again_key {
	struct addr	addr;
	uint8_t		pad;
	uint16_t	port, id;
	uint8_t		question[DNS_NAME_MAX + 4];
};
static_assert(offsetof(struct again_key, question) == sizeof(struct addr) + 5,
    "key has no holes");

static struct requests *again_buckets;
static uint32_t again_nbuckets;		/* power of two */

void
again_init(uint32_t max)
{
	uint32_t i;

	/* Chains of four at the most cost less than a table out of the caches. */
	for (again_nbuckets = 16; again_nbuckets < max / 4; again_nbuckets *= 2)
		;
	again_buckets = calloc(again_nbuckets, sizeof(*again_buckets));
	if (again_buckets == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < again_nbuckets; i++)
		LIST_INIT(&again_buckets[i]);
}

static uint16_t
again_port(const struct asker *from)
{
	return (from->peer.sa.sa_family == AF_INET ? from->peer.in.sin_port :
	    from->peer.in6.sin6_port);
}

/*
 * Also of the question: who asks for many names with one port and id is not to
 * have all of them in one chain.
 */
static uint32_t
again_place(const struct request *r)
{
	DNS_UNINITIALIZED struct again_key key;
	size_t n = r->dns.has_question ?
	    r->dns.question_end - DNS_HEADER_SIZE : 0;

	key.addr = r->client;
	key.pad = 0;
	key.port = again_port(&r->from);
	key.id = r->dns.id;
	memcpy(key.question, r->msg + DNS_HEADER_SIZE, n);
	return ((uint32_t)hash_bytes(&key, offsetof(struct again_key, question) + n) &
	    (again_nbuckets - 1));
}

/* Also the letters' case: the answer repeats that of the first. */
static bool
again_same_question(const struct request *a, const struct request *b)
{
	if (!a->dns.has_question || !b->dns.has_question)
		return (a->dns.has_question == b->dns.has_question);
	return (a->dns.question_end == b->dns.question_end &&
	    memcmp(a->msg + DNS_HEADER_SIZE, b->msg + DNS_HEADER_SIZE,
	    a->dns.question_end - DNS_HEADER_SIZE) == 0);
}

struct request *
again_find(const struct request *r, uint32_t *place)
{
	struct request *o;

	if (r->from.tcp)
		return (NULL);
	*place = again_place(r);
	LIST_FOREACH(o, &again_buckets[*place], of_asker) {
		if (o->dns.id == r->dns.id &&
		    again_port(&o->from) == again_port(&r->from) &&
		    o->from.listener == r->from.listener &&
		    addr_equal(&o->client, &r->client) && again_same_question(o, r))
			break;
	}
	return (o);
}

void
again_add(struct request *r, uint32_t place)
{
	if (!r->from.tcp)
		LIST_INSERT_HEAD(&again_buckets[place], r, of_asker);
}

void
again_remove(struct request *r)
{
	if (!r->from.tcp)
		LIST_REMOVE(r, of_asker);
}
