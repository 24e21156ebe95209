/* Questions on their way to the upstream. */
#include "exchange.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/accept.h"
#include "../dns/hop.h"
#include "accesslog.h"
#include "clock.h"
#include "deliver.h"
#include "hash.h"
#include "log.h"
#include "upstream.h"
#include "worker.h"

#define INLINE_MAX	512	/* octets of a message without an allocation */
#define TRIES_MAX	16	/* of one exchange */
#define STEP_MAX	CLOCK_SECOND	/* before the next upstream is asked */
#define RETRY_AGE	(CLOCK_SECOND / 2)	/* see try_again() */
#define RETRY_LOOK	64	/* waiting queries that are looked at for it */
#define BREAKS_MAX	2	/* then the question may be what breaks them */

LIST_HEAD(tries, try);

struct exchange {
	LIST_ENTRY(exchange) same_hash;
	TAILQ_ENTRY(exchange) by_deadline;	/* or free */
	TAILQ_ENTRY(exchange) by_step;
	struct waiting	waiting;	/* queries; never empty */
	struct tries	tries;		/* under way */
	struct dns_query dns;		/* of the first query */
	uint64_t	deadline;
	uint64_t	step_at;	/* when the next upstream is asked */
	uint64_t	last_try;	/* when the newest try began */
	uint32_t	tried;		/* upstreams, a bit each */
	unsigned int	ntries;
	uint8_t		last;		/* upstream of the newest try */
	bool		stepping;	/* is in the list by_step */
	unsigned int	breaks;		/* TCP: connections that broke under it */
	bool		reconnected;	/* TCP: one of these had no answer */
	bool		accepted;	/* TCP: one of these took questions */
	bool		for_tcp;	/* no truncated answer will do */
	bool		tcp;		/* to the upstream, now */
	const char	*broken;	/* what was wrong with an answer */
	uint8_t		*msg;		/* as the first query had it, but the id */
	size_t		len;
	uint8_t		space[INLINE_MAX];
};
TAILQ_HEAD(exchanges, exchange);

LIST_HEAD(bucket, exchange);

static struct exchange *pool;
static uint32_t fresh;			/* never used ones begin here */
static struct bucket *buckets;
static size_t nbuckets;			/* power of two */
static struct exchanges unused = TAILQ_HEAD_INITIALIZER(unused);
/* The times from the beginning are the same for all, so these are ordered. */
static struct exchanges by_deadline = TAILQ_HEAD_INITIALIZER(by_deadline);
static struct exchanges by_step = TAILQ_HEAD_INITIALIZER(by_step);
static uint64_t step;

void
exchange_init(void)
{
	size_t i;

	/* All upstreams get their turn before the time is up (D6). */
	step = worker.timeout / (upstream_count() + 1);
	if (step > STEP_MAX)
		step = STEP_MAX;
	for (nbuckets = 16; nbuckets < worker.config.max_connections;
	    nbuckets *= 2)
		;
	/* Each has a query, so there are never more than these. */
	pool = calloc(worker.config.max_connections, sizeof(*pool));
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
	return (q->from.tcp || worker.config.upstream_tcp);
}

/* All but the id and letter case (D12). */
static uint64_t
hash_of(const struct query *q, const uint8_t *msg, size_t len)
{
	static uint8_t copy[DNS_MESSAGE_MAX];
	DNS_UNINITIALIZED struct dns_name folded;

	memcpy(copy, msg, len);
	copy[0] = q->from.tcp;
	copy[1] = 0;
	if (q->dns.has_question) {
		dns_name_fold(&q->dns.qname, &folded);
		memcpy(copy + DNS_HEADER_SIZE, folded.wire, folded.len);
	}
	return (hash_bytes(copy, len));
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

static void
end_try(struct try *t)
{
	LIST_REMOVE(t, link);
	if (t->tcp)
		uptcp_end(t);
	else
		upudp_end(t);
}

/* The queries are the caller's afterwards. */
static void
exchange_free(struct exchange *x)
{
	while (!LIST_EMPTY(&x->tries))
		end_try(LIST_FIRST(&x->tries));
	LIST_REMOVE(x, same_hash);
	TAILQ_REMOVE(&by_deadline, x, by_deadline);
	if (x->stepping)
		TAILQ_REMOVE(&by_step, x, by_step);
	if (x->msg != x->space)
		free(x->msg);
	TAILQ_INSERT_HEAD(&unused, x, by_deadline);
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

static void
fail(struct exchange *x, enum dns_ede ede, const char *reason)
{
	struct waiting waiting;
	struct query *q;

	take_waiting(x, &waiting, x->ntries > 0 ? x->last : ACCESS_NONE);
	while ((q = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, q, link);
		query_failed(q, ede, reason);
	}
}

static bool
send_to(struct exchange *x, int upstream)
{
	struct try *t;

	x->tried |= 1U << upstream;
	t = x->tcp ? uptcp_send((size_t)upstream, x->msg, x->len,
	    x->breaks >= BREAKS_MAX) :
	    upudp_send((size_t)upstream, x->msg, x->len);
	if (t == NULL)
		return (false);
	t->exchange = x;
	t->upstream = (uint8_t)upstream;
	t->tcp = x->tcp;
	LIST_INSERT_HEAD(&x->tries, t, link);
	x->last = (uint8_t)upstream;
	x->last_try = worker.now;
	x->ntries++;
	return (true);
}

/* Ask an upstream that was not asked yet.  False: there is none. */
static bool
next_try(struct exchange *x)
{
	bool probe, sent = false;
	int i;

	while (x->ntries < TRIES_MAX &&
	    (i = upstream_choose(x->tried, &probe)) != -1) {
		if (send_to(x, i)) {
			sent = true;
			if (!probe)
				break;
		}
	}
	return (sent);
}

/* If there is somebody else to ask, in a while that is to be done. */
static void
schedule_step(struct exchange *x)
{
	if (upstream_count() == 1)
		return;
	x->step_at = worker.now + step;
	TAILQ_INSERT_TAIL(&by_step, x, by_step);
	x->stepping = true;
}

/*
 * --randomize-case: a forger has to guess the case of each letter, too, since
 * the upstream repeats the question as it was asked.
 */
static void
mix_case(struct exchange *x)
{
	uint8_t bits[DNS_NAME_MAX], *c = x->dns.qname.wire;
	size_t i, len = x->dns.has_question ? x->dns.qname.len : 0;

	arc4random_buf(bits, sizeof(bits));
	/* Lengths of labels, up to 63, are no letters. */
	for (i = 0; i < len; i++) {
		if (isalpha(c[i]) && (bits[i] & 1) != 0)
			c[i] ^= 'a' ^ 'A';
	}
	memcpy(x->msg + DNS_HEADER_SIZE, c, len);
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
	x->tried = 0;
	x->ntries = x->breaks = 0;
	x->stepping = x->reconnected = x->accepted = false;
	x->broken = NULL;
	TAILQ_INIT(&x->waiting);
	LIST_INIT(&x->tries);
	if (worker.config.randomize_case)
		mix_case(x);
	return (x);
}

static void
begin(struct query *q, const uint8_t *msg, size_t len, struct bucket *bucket)
{
	struct exchange *x = exchange_new(q, msg, len);

	counters.exchanges++;
	TAILQ_INSERT_TAIL(&x->waiting, q, link);
	q->exchange = x;
	LIST_INSERT_HEAD(bucket, x, same_hash);
	x->deadline = worker.now + worker.timeout;
	TAILQ_INSERT_TAIL(&by_deadline, x, by_deadline);
	worker_need_tick();
	if (next_try(x))
		schedule_step(x);
	else
		fail(x, EDE_NETWORK_ERROR, "no upstream can be reached");
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

/*
 * A client that sends its question again has lost patience, so perhaps the
 * message was lost: ask once more, the next upstream if there is one.  Other
 * clients with the same question start nothing: each try is a chance for a
 * forger.
 */
static void
try_again(struct exchange *x, const struct addr *client)
{
	if (worker.now < x->last_try + RETRY_AGE || x->ntries >= TRIES_MAX ||
	    !waits_already(x, client))
		return;
	if (!next_try(x))
		send_to(x, (x->last + 1) % (int)upstream_count());
}

void
exchange_join(struct query *q, const uint8_t *msg, size_t len)
{
	static uint8_t copy[DNS_MESSAGE_MAX];
	struct bucket *bucket;
	struct exchange *x;

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
	bucket = bucket_of(hash_of(q, msg, len));
	/* One that is nearly over is no help to who asks only now (D6). */
	LIST_FOREACH(x, bucket, same_hash) {
		if (x->deadline - worker.timeout / 2 > worker.now &&
		    same(x, q, msg, len))
			break;
	}
	if (x == NULL) {
		begin(q, msg, len, bucket);
		return;
	}
	counters.shared++;
	try_again(x, &q->addr);
	TAILQ_INSERT_TAIL(&x->waiting, q, link);
	q->exchange = x;
}

/*
 * It matches, but cannot be parsed to its last record (D10).  Another upstream
 * may have a better one.  Over UDP it may be a forgery or a damaged datagram,
 * and the true answer may still come (D11); over TCP it is the answer.
 */
static bool
broken_answer(struct try *t, enum dns_err err)
{
	struct exchange *x = t->exchange;
	bool asked;

	counters.junk++;
	x->broken = dns_strerror(err);
	asked = next_try(x);
	if (!t->tcp)
		return (false);
	end_try(t);
	if (!asked && LIST_EMPTY(&x->tries))
		fail(x, EDE_OTHER, x->broken);
	return (true);
}

bool
exchange_answer(struct try *t, const uint8_t *msg, size_t len)
{
	static uint8_t space[DNS_MESSAGE_MAX];
	struct exchange *x = t->exchange;
	struct dns_response r;
	struct waiting waiting;
	int upstream = t->upstream;
	enum dns_err err;

	err = dns_response_matches(msg, len, &x->dns, t->id,
	    worker.config.randomize_case);
	if (err != DNS_OK) {
		counters.junk++;
		return (false);
	}
	upstream_answered(t->upstream);
	err = dns_accept(&msg, &len, &x->dns, !t->tcp, space, &r);
	if (err != DNS_OK)
		return (broken_answer(t, err));
	take_waiting(x, &waiting, upstream);
	deliver(&waiting, msg, len, &r);
	return (true);
}

/*
 * Perhaps it is this question that breaks the connections, and all others with
 * them; perhaps it only travelled with it.  Over UDP it does so alone.
 */
static void
go_by_udp(struct exchange *x)
{
	x->tcp = false;
	x->tried = 0;
	dns_limit_edns(x->msg, &x->dns.edns);
}

/*
 * The connection of a try broke.  A server may close an idle one just when it
 * is used; and some answer only so many queries on one (RFC 7766 section
 * 6.2.4).  Then the same upstream may be asked again.
 */
static void
note_break(const struct try *t, enum way way)
{
	struct exchange *x = t->exchange;
	bool again = way == WAY_ANSWERED || !x->reconnected;

	x->reconnected |= way != WAY_ANSWERED;
	x->accepted |= way != WAY_NONE;
	x->breaks++;
	/* The other upstreams, and UDP, are to have their turn. */
	if (again && (x->breaks < BREAKS_MAX || (x->for_tcp &&
	    x->ntries + upstream_count() <= TRIES_MAX)))
		x->tried &= ~(1U << t->upstream);
}

/*
 * No upstream is left, but perhaps another question broke all connections: try
 * without it.
 */
static bool
try_without_others(struct exchange *x)
{
	if (x->tcp && !x->for_tcp)
		go_by_udp(x);
	else if (x->tcp && x->accepted)
		x->tried = 0;
	else
		return (false);
	return (next_try(x));
}

void
exchange_try_failed(struct try *t, enum way way)
{
	struct exchange *x = t->exchange;

	if (t->tcp)
		note_break(t, way);
	end_try(t);
	if (!next_try(x) && LIST_EMPTY(&x->tries) && !try_without_others(x))
		fail(x, EDE_NETWORK_ERROR, "no upstream can be reached");
}

/* It has had its time: is it silent?  What has failed was not, or is counted. */
static void
judge_newest(const struct exchange *x)
{
	const struct try *t = LIST_FIRST(&x->tries);

	if (t != NULL && t->upstream == x->last)
		upstream_silent(x->last);
}

static void
tick_steps(void)
{
	struct exchange *x;

	while ((x = TAILQ_FIRST(&by_step)) != NULL &&
	    x->step_at <= worker.now) {
		TAILQ_REMOVE(&by_step, x, by_step);
		x->stepping = false;
		judge_newest(x);
		if (next_try(x))
			schedule_step(x);
	}
}

bool
exchange_tick(void)
{
	struct exchange *x;

	tick_steps();
	while ((x = TAILQ_FIRST(&by_deadline)) != NULL &&
	    x->deadline <= worker.now) {
		counters.timeouts++;
		if (!x->stepping)
			judge_newest(x);
		if (x->broken != NULL)
			fail(x, EDE_OTHER, x->broken);
		else
			fail(x, EDE_NO_REACHABLE,
			    "the upstream does not answer");
	}
	return (!TAILQ_EMPTY(&by_deadline));
}
