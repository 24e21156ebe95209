/* Queries over UDP by who sent them: a hash table with chains. */
#include "again.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

LIST_HEAD(query_list, query);

static struct query_list *buckets;
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
port_of(const struct endpoint *from)
{
	return (from->peer.sa.sa_family == AF_INET ? from->peer.in.sin_port :
	    from->peer.in6.sin6_port);
}

static uint32_t
place_of(const struct addr *addr, const struct endpoint *from, uint16_t id)
{
	struct {
		struct addr	addr;
		uint8_t		pad;
		uint16_t	port, id;
	} key;

	memset(&key, 0, sizeof(key));
	key.addr = *addr;
	key.port = port_of(from);
	key.id = id;
	return ((uint32_t)hash_bytes(&key, sizeof(key)) & (nbuckets - 1));
}

/* Also the letters' case: the answer repeats that of the first. */
static bool
same_question(const struct query *q, const uint8_t *msg,
    const struct dns_query *dns)
{
	if (!q->dns.has_question || !dns->has_question)
		return (q->dns.has_question == dns->has_question);
	return (q->dns.question_end == dns->question_end &&
	    memcmp(q->head + DNS_HEADER_SIZE, msg + DNS_HEADER_SIZE,
	    dns->question_end - DNS_HEADER_SIZE) == 0);
}

struct query *
again_find(const uint8_t *msg, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns, uint32_t *place)
{
	struct query *q;

	if (from->tcp)
		return (NULL);
	*place = place_of(addr, from, dns->id);
	LIST_FOREACH(q, &buckets[*place], of_asker) {
		if (q->dns.id == dns->id &&
		    port_of(&q->from) == port_of(from) &&
		    q->from.listener == from->listener &&
		    addr_equal(&q->addr, addr) && same_question(q, msg, dns))
			break;
	}
	return (q);
}

void
again_add(struct query *q, uint32_t place)
{
	if (!q->from.tcp)
		LIST_INSERT_HEAD(&buckets[place], q, of_asker);
}

void
again_remove(struct query *q)
{
	if (!q->from.tcp)
		LIST_REMOVE(q, of_asker);
}
