/* Questions on their way to the upstream. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

#include "../dns/hop.h"
#include "accesslog.h"
#include "clock.h"
#include "counters.h"
#include "deliver.h"
#include "hash.h"
#include "log.h"
#include "loop.h"
#include "settings.h"
#include "tries.h"
#include "turns.h"

#define RETRY_LOOK	64	/* waiting queries that are looked at for a retry */

LIST_HEAD(bucket, exchange);

static struct exchange *pool;
static uint32_t fresh;			/* never used ones begin here */
static struct bucket *buckets;
static size_t nbuckets;			/* power of two */
static struct exchanges unused = TAILQ_HEAD_INITIALIZER(unused);
/* The times from the beginning are the same for all, so this is ordered. */
static struct exchanges by_deadline = TAILQ_HEAD_INITIALIZER(by_deadline);
static struct exchanges next_open = TAILQ_HEAD_INITIALIZER(next_open);

void
exchange_init(void)
{
	size_t i;

	tries_init();
	turns_init(settings.config.max_connections);
	for (nbuckets = 16; nbuckets < settings.config.max_connections;
	    nbuckets *= 2)
		;
	/* Each has a query, so there are never more than these. */
	pool = calloc(settings.config.max_connections, sizeof(*pool));
	buckets = calloc(nbuckets, sizeof(*buckets));
	if (pool == NULL || buckets == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < nbuckets; i++)
		LIST_INIT(&buckets[i]);
}

/* How the question goes upstream, as long as that does. */
static bool
by_tcp(const struct query *q)
{
	return (q->from.tcp || settings.config.upstream_tcp);
}

/* All but the id and letter case (D12); *question: name, type and class (D24). */
static uint64_t
hash_of(const struct query *q, const uint8_t *msg, size_t len,
    uint64_t *question)
{
	size_t end = q->dns.has_question ? q->dns.question_end :
	    DNS_HEADER_SIZE;
	static uint8_t copy[DNS_MESSAGE_MAX];
	DNS_UNINITIALIZED struct dns_name folded;

	memcpy(copy, msg, len);
	copy[0] = q->from.tcp;
	copy[1] = 0;
	if (q->dns.has_question) {
		dns_name_fold(&q->dns.qname, &folded);
		memcpy(copy + DNS_HEADER_SIZE, folded.wire, folded.len);
	}
	*question = hash_bytes(copy + DNS_HEADER_SIZE, end - DNS_HEADER_SIZE);
	/* The rest, with the header before it. */
	end -= DNS_HEADER_SIZE;
	memmove(copy + end, copy, DNS_HEADER_SIZE);
	return (*question ^ hash_bytes(copy + end, len - end));
}

static bool
same(const struct exchange *x, const struct query *q, const uint8_t *msg,
    size_t len)
{
	size_t rest = DNS_HEADER_SIZE;

	if (x->len != len || x->for_tcp != q->from.tcp ||
	    x->dns.has_question != q->dns.has_question ||
	    memcmp(x->msg + 2, msg + 2, DNS_HEADER_SIZE - 2) != 0)
		return (false);
	if (q->dns.has_question) {
		if (!dns_name_equal(&x->dns.qname, &q->dns.qname))
			return (false);
		rest += q->dns.qname.len;
	}
	return (memcmp(x->msg + rest, msg + rest, len - rest) == 0);
}

static struct bucket *
bucket_of(uint64_t hash)
{
	return (&buckets[hash & (nbuckets - 1)]);
}

/* The queries are the caller's afterwards, and begin_next() is to follow. */
static void
exchange_free(struct exchange *x)
{
	struct exchange *next = turns_leave(x);

	if (next != NULL)
		TAILQ_INSERT_TAIL(&next_open, next, by_turn);
	tries_end(x);
	LIST_REMOVE(x, same_hash);
	TAILQ_REMOVE(&by_deadline, x, by_deadline);
	if (x->msg != x->space)
		free(x->msg);
	TAILQ_INSERT_HEAD(&unused, x, by_deadline);
}

static void
expire(struct exchange *x)
{
	counters.timeouts++;
	tries_expire(x);
}

/* Free the exchange and take its queries; who answered, or was asked last. */
static void
take_waiting(struct exchange *x, struct waiting *waiting, int upstream)
{
	struct query *q;

	TAILQ_INIT(waiting);
	TAILQ_CONCAT(waiting, &x->waiting, link);
	TAILQ_FOREACH(q, waiting, link) {
		q->exchange = NULL;
		q->upstream = upstream;
	}
	exchange_free(x);
}

/*
 * Those whose turn has come.  One may end at once, and let the next one in: that
 * is for the loop, not for as many calls in each other.
 */
static void
begin_next(void)
{
	static bool running;
	struct exchange *x;

	if (running)
		return;
	running = true;
	while ((x = TAILQ_FIRST(&next_open)) != NULL) {
		TAILQ_REMOVE(&next_open, x, by_turn);
		if (x->deadline > loop.now)
			tries_begin(x);
		else
			expire(x);
	}
	running = false;
}

void
exchange_done(struct exchange *x, int upstream, const uint8_t *msg,
    size_t len, const struct dns_response *r)
{
	struct waiting waiting;

	take_waiting(x, &waiting, upstream);
	deliver(&waiting, msg, len, r);
	begin_next();
}

void
exchange_fail(struct exchange *x, enum dns_ede ede, const char *reason)
{
	struct waiting waiting;
	struct query *q;

	take_waiting(x, &waiting, x->ntries > 0 ? x->last : ACCESS_NONE);
	while ((q = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, q, link);
		query_failed(q, ede, reason);
	}
	begin_next();
}

static struct exchange *
exchange_new(const struct query *q, const uint8_t *msg, size_t len)
{
	struct exchange *x = TAILQ_FIRST(&unused);

	if (x != NULL)
		TAILQ_REMOVE(&unused, x, by_deadline);
	else
		x = &pool[fresh++];
	x->msg = x->space;
	if (len > sizeof(x->space) && (x->msg = malloc(len)) == NULL)
		fatalx("no memory");
	memcpy(x->msg, msg, len);
	x->len = len;
	x->for_tcp = q->from.tcp;
	x->tcp = by_tcp(q);
	x->dns = q->dns;
	TAILQ_INIT(&x->waiting);
	return (x);
}

static void
begin(struct query *q, const uint8_t *msg, size_t len, struct bucket *bucket,
    uint64_t question)
{
	struct exchange *x = exchange_new(q, msg, len);

	counters.exchanges++;
	TAILQ_INSERT_TAIL(&x->waiting, q, link);
	q->exchange = x;
	LIST_INSERT_HEAD(bucket, x, same_hash);
	x->deadline = loop.now + settings.timeout;
	TAILQ_INSERT_TAIL(&by_deadline, x, by_deadline);
	loop_need_tick();
	tries_prepare(x);
	if (turns_take(x, question, q->client))
		tries_begin(x);
}

static bool
waits_already(const struct exchange *x, const struct addr *client)
{
	const struct query *q;
	unsigned int n = 0;

	TAILQ_FOREACH(q, &x->waiting, link) {
		if (addr_equal(&q->addr, client))
			return (true);
		if (++n == RETRY_LOOK)
			break;
	}
	return (false);
}

void
exchange_again(struct exchange *x)
{
	if (!x->queued)
		tries_more(x);
}

void
exchange_join(struct query *q, const uint8_t *msg, size_t len)
{
	static uint8_t copy[DNS_MESSAGE_MAX];
	struct bucket *bucket;
	struct exchange *x;
	uint64_t question;

	memcpy(copy, msg, len);
	msg = copy;
	if (!q->dns.is_signed && dns_remove_hop_options(copy, &len,
	    q->dns.question_end, &q->dns.edns) != DNS_OK) {
		query_failed(q, EDE_OTHER, "too long without its options");
		return;
	}
	/* Over UDP an answer of one fragment is what can be trusted (D13). */
	if (!by_tcp(q))
		dns_limit_edns(copy, &q->dns.edns);
	bucket = bucket_of(hash_of(q, msg, len, &question));
	/* One that is nearly over is no help to who asks only now (D6). */
	LIST_FOREACH(x, bucket, same_hash) {
		if (x->deadline - settings.timeout / 2 > loop.now &&
		    same(x, q, msg, len))
			break;
	}
	if (x == NULL) {
		begin(q, msg, len, bucket, question);
		return;
	}
	counters.shared++;
	/*
	 * A client that sends its question again has lost patience, so perhaps
	 * the message was lost.  Other clients with the same question start
	 * nothing: each try is a chance for a forger.
	 */
	if (waits_already(x, &q->addr))
		exchange_again(x);
	turns_join(x, q->client);
	TAILQ_INSERT_TAIL(&x->waiting, q, link);
	q->exchange = x;
}

bool
exchange_tick(void)
{
	struct exchange *x;

	tries_tick();
	while ((x = TAILQ_FIRST(&by_deadline)) != NULL &&
	    x->deadline <= loop.now)
		expire(x);
	return (!TAILQ_EMPTY(&by_deadline));
}
