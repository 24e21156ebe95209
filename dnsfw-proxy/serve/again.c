/* Queries over UDP by who sent them: a hash table with chains. */
#include "again.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

static struct requests *buckets;
static uint32_t nbuckets;		/* power of two */

void
again_init(uint32_t max)
{
	uint32_t i;

	/* Chains of four at the most cost less than a table out of the caches. */
	for (nbuckets = 16; nbuckets < max / 4; nbuckets *= 2)
		;
	if ((buckets = calloc(nbuckets, sizeof(*buckets))) == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < nbuckets; i++)
		LIST_INIT(&buckets[i]);
}

static uint16_t
port_of(const struct asker *from)
{
	return (from->peer.sa.sa_family == AF_INET ? from->peer.in.sin_port :
	    from->peer.in6.sin6_port);
}

static uint32_t
place_of(const struct request *r)
{
	struct {
		struct addr	addr;
		uint8_t		pad;
		uint16_t	port, id;
	} key;

	memset(&key, 0, sizeof(key));
	key.addr = r->client;
	key.port = port_of(&r->from);
	key.id = r->dns.id;
	return ((uint32_t)hash_bytes(&key, sizeof(key)) & (nbuckets - 1));
}

/* Also the letters' case: the answer repeats that of the first. */
static bool
same_question(const struct request *a, const struct request *b)
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
	*place = place_of(r);
	LIST_FOREACH(o, &buckets[*place], of_asker) {
		if (o->dns.id == r->dns.id &&
		    port_of(&o->from) == port_of(&r->from) &&
		    o->from.listener == r->from.listener &&
		    addr_equal(&o->client, &r->client) && same_question(o, r))
			break;
	}
	return (o);
}

void
again_add(struct request *r, uint32_t place)
{
	if (!r->from.tcp)
		LIST_INSERT_HEAD(&buckets[place], r, of_asker);
}

void
again_remove(struct request *r)
{
	if (!r->from.tcp)
		LIST_REMOVE(r, of_asker);
}
