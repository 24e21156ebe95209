/* Questions on their way to the upstream. */
#include "exchange.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/hop.h"
#include "counters.h"
#include "deliver.h"
#include "exchange_state.h"
#include "hash.h"
#include "kept.h"
#include "log.h"
#include "loop.h"
#include "scratch.h"
#include "settings.h"
#include "tries.h"
#include "turns.h"

#define RETRY_LOOK	64	/* waiting queries that are looked at for a retry */

LIST_HEAD(bucket, exchange);

static const struct waiter_events *exchange_events;
static const char no_room[] = "no memory for the question";
static struct exchange *exchange_pool;
static uint32_t exchange_fresh;		/* never used ones begin here */
static struct bucket *exchange_buckets;
static size_t exchange_nbuckets;	/* power of two */
static struct exchanges exchange_unused =
    TAILQ_HEAD_INITIALIZER(exchange_unused);
/* The times from the beginning are the same for all, so this is ordered. */
static struct exchanges by_deadline = TAILQ_HEAD_INITIALIZER(by_deadline);
static struct exchanges next_open = TAILQ_HEAD_INITIALIZER(next_open);

/* How the question goes upstream, as long as that does. */
static bool
by_tcp(const struct request *r)
{
	return (r->from.tcp || settings.config.upstream_tcp);
}

/*
 * All but the id and letter case (D12); *question: name, type and class (D24).
 * msg is as before afterwards.
 */
static uint64_t
exchange_hash(const struct request *r, uint8_t *msg, size_t len,
    uint64_t *question)
{
	uint8_t folded[DNS_NAME_MAX + 4], end[DNS_HEADER_SIZE];
	size_t at = DNS_HEADER_SIZE, n = 0;
	DNS_UNINITIALIZED struct dns_name name;
	uint64_t rest;

	if (r->dns.has_question) {
		n = r->dns.question_end - at;
		memcpy(folded, msg + at, n);
		dns_name_fold(&r->dns.qname, &name);
		memcpy(folded, name.wire, name.len);
	}
	*question = hash_bytes(folded, n);
	/* What is behind the question, with the header before it. */
	memcpy(end, msg + n, sizeof(end));
	memmove(msg + n, msg, DNS_HEADER_SIZE);
	msg[n] = r->from.tcp;
	msg[n + 1] = 0;
	rest = hash_bytes(msg + n, len - n);
	memcpy(msg + n, end, sizeof(end));
	return (*question ^ rest);
}

static bool
exchange_same(const struct exchange *x, const struct request *r,
    const uint8_t *msg, size_t len)
{
	size_t rest = DNS_HEADER_SIZE;

	if (x->len != len || x->for_tcp != r->from.tcp ||
	    x->dns.has_question != r->dns.has_question ||
	    memcmp(x->msg + 2, msg + 2, DNS_HEADER_SIZE - 2) != 0)
		return (false);
	if (r->dns.has_question) {
		if (!dns_name_equal(&x->dns.qname, &r->dns.qname))
			return (false);
		rest += r->dns.qname.len;
	}
	return (memcmp(x->msg + rest, msg + rest, len - rest) == 0);
}

static struct bucket *
exchange_bucket(uint64_t hash)
{
	return (&exchange_buckets[hash & (exchange_nbuckets - 1)]);
}

static void
exchange_set_next(struct exchange *x, bool next)
{
	if (x->next == next)
		return;
	x->next = next;
	if (next)
		TAILQ_INSERT_TAIL(&next_open, x, by_turn);
	else
		TAILQ_REMOVE(&next_open, x, by_turn);
}

/* Who waits is the caller's afterwards, and begin_next() is to follow. */
static void
exchange_free(struct exchange *x)
{
	struct exchange *next = turns_leave(x);

	exchange_set_next(x, false);
	if (next != NULL)
		exchange_set_next(next, true);
	tries_end(x);
	LIST_REMOVE(x, same_hash);
	TAILQ_REMOVE(&by_deadline, x, by_deadline);
	if (x->msg != x->space)
		kept_free(x->msg);
	TAILQ_INSERT_HEAD(&exchange_unused, x, by_deadline);
}

static void
exchange_expire(struct exchange *x)
{
	counters.timeouts++;
	tries_expire(x);
}

/* Free the exchange and take those who wait; who answered, or was asked last. */
static void
take_waiting(struct exchange *x, struct waiters *waiting, int upstream)
{
	struct waiter *w;

	TAILQ_INIT(waiting);
	TAILQ_CONCAT(waiting, &x->waiting, link);
	TAILQ_FOREACH(w, waiting, link) {
		w->exchange = NULL;
		w->request->upstream = upstream;
	}
	exchange_free(x);
}

static void
exchange_ask(struct exchange *x)
{
	x->asked_at = loop.now;
	tries_begin(x);
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
		exchange_set_next(x, false);
		/* If not, it ends in a tick. */
		if (x->deadline > loop.now)
			exchange_ask(x);
	}
	running = false;
}

/*
 * By the clock of turns, which is a tenth of a millisecond late at most, as a turn
 * is (D21).
 */
static void
count_time(const struct exchange *x)
{
	histogram_count(&counters.upstream, HISTOGRAM_UPSTREAM,
	    loop.now - x->asked_at);
}

static void
exchange_done(struct exchange *x, int upstream, const uint8_t *msg,
    size_t len, const struct dns_response *r)
{
	struct waiters waiting;

	count_time(x);
	take_waiting(x, &waiting, upstream);
	deliver(&waiting, msg, len, r);
	begin_next();
}

static void
fail_all(struct waiters *waiting, enum dns_ede ede, const char *reason)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(waiting)) != NULL) {
		TAILQ_REMOVE(waiting, w, link);
		exchange_events->failed(w, ede, reason);
	}
	begin_next();
}

static int
last_asked(const struct exchange *x)
{
	return (x->ntries > 0 ? x->last : REQUEST_NOBODY);
}

static void
exchange_fail(struct exchange *x, enum dns_ede ede, const char *reason)
{
	struct waiters waiting;

	/* Where nobody could be asked, it took no time that says anything. */
	if (x->ntries > 0 && x->deadline <= loop.now)
		count_time(x);
	take_waiting(x, &waiting, last_asked(x));
	fail_all(&waiting, ede, reason);
}

/*
 * Who waits for longest takes over what a client that waits no more had of it: its
 * share, and its turn.
 */
static void
exchange_pass(struct exchange *x, const struct quota *from)
{
	struct quota *to = TAILQ_FIRST(&x->waiting)->request->quota;

	if (to == from)
		return;
	tries_pass(x, from, to);
	if (x->quota != from)
		return;
	if (x->msg != x->space)
		kept_pass(x->msg, from, to);
	x->quota = to;
	turns_join(x, to);
}

/* Some have left it: it goes on for the others, or ends. */
static void
exchange_left(struct exchange *x, const struct quota *from)
{
	if (TAILQ_EMPTY(&x->waiting))
		exchange_free(x);
	else
		exchange_pass(x, from);
}

void
exchange_leave(struct waiter *w)
{
	struct exchange *x = w->exchange;

	if (x == NULL) {
		deliver_leave(w);
		return;
	}
	TAILQ_REMOVE(&x->waiting, w, link);
	w->exchange = NULL;
	w->request->upstream = last_asked(x);
	exchange_left(x, w->request->quota);
	begin_next();
}

/* Its long message is in the way of others' (kept.h). */
static void
exchange_evict(void *msg, void *exchange)
{
	struct waiters gone = TAILQ_HEAD_INITIALIZER(gone);
	struct exchange *x = exchange;
	struct quota *quota = x->quota;
	struct waiter *w;

	(void)msg;
	waiters_take(&x->waiting, quota, &gone);
	TAILQ_FOREACH(w, &gone, link) {
		w->exchange = NULL;
		w->request->upstream = last_asked(x);
	}
	exchange_left(x, quota);
	fail_all(&gone, EDE_OTHER, no_room);
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

/* Or NULL: the message is long, and there is no room for it. */
static struct exchange *
exchange_new(const struct request *r, const uint8_t *msg, size_t len)
{
	uint8_t *more = NULL;
	struct exchange *x;

	if ((x = TAILQ_FIRST(&exchange_unused)) == NULL)
		x = &exchange_pool[exchange_fresh];
	if (len > INLINE_MAX &&
	    (more = kept_alloc(r->quota, len, exchange_evict, x)) == NULL)
		return (NULL);
	/* Others may have become unused meanwhile. */
	if (x == &exchange_pool[exchange_fresh])
		exchange_fresh++;
	else
		TAILQ_REMOVE(&exchange_unused, x, by_deadline);
	x->next = false;
	x->msg = more != NULL ? more : x->space;
	memcpy(x->msg, msg, len);
	x->len = len;
	x->quota = r->quota;
	x->for_tcp = r->from.tcp;
	x->tcp = by_tcp(r);
	x->dns = r->dns;
	if (settings.config.randomize_case)
		mix_case(x);
	TAILQ_INIT(&x->waiting);
	return (x);
}

static void
exchange_begin(struct waiter *w, const uint8_t *msg, size_t len,
    struct bucket *bucket, uint64_t question)
{
	struct exchange *x = exchange_new(w->request, msg, len);

	if (x == NULL) {
		exchange_events->failed(w, EDE_OTHER, no_room);
		return;
	}
	counters.exchanges++;
	TAILQ_INSERT_TAIL(&x->waiting, w, link);
	w->exchange = x;
	LIST_INSERT_HEAD(bucket, x, same_hash);
	x->deadline = loop.now + settings.timeout;
	TAILQ_INSERT_TAIL(&by_deadline, x, by_deadline);
	loop_need_tick();
	tries_prepare(x);
	if (turns_take(x, question, w->request->quota))
		exchange_ask(x);
}

static bool
waits_already(const struct exchange *x, const struct addr *client)
{
	const struct waiter *w;
	unsigned int n = 0;

	TAILQ_FOREACH(w, &x->waiting, link) {
		if (addr_equal(&w->request->client, client))
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

/* The same with a message that is changed, and has room for DNS_MESSAGE_MAX. */
static void
exchange_join_copy(struct waiter *w, uint8_t *copy, size_t len)
{
	const struct request *r = w->request;
	struct bucket *bucket;
	struct exchange *x;
	uint64_t question;

	if (!r->dns.is_signed && dns_remove_hop_options(copy, &len,
	    r->dns.question_end, &w->request->dns.edns) != DNS_OK) {
		exchange_events->failed(w, EDE_OTHER, "too long without its options");
		return;
	}
	/* Over UDP an answer of one fragment is what can be trusted (D13). */
	if (!by_tcp(r))
		dns_limit_edns(copy, &r->dns.edns);
	bucket = exchange_bucket(exchange_hash(r, copy, len, &question));
	/* One that is nearly over is no help to who asks only now (D6). */
	LIST_FOREACH(x, bucket, same_hash) {
		if (x->deadline - settings.timeout / 2 > loop.now &&
		    exchange_same(x, r, copy, len))
			break;
	}
	if (x == NULL) {
		exchange_begin(w, copy, len, bucket, question);
		return;
	}
	counters.shared++;
	/*
	 * A client that sends its question again has lost patience, so perhaps
	 * the message was lost.  Other clients with the same question start
	 * nothing: each try is a chance for a forger.
	 */
	if (waits_already(x, &r->client))
		exchange_again(x);
	turns_join(x, r->quota);
	TAILQ_INSERT_TAIL(&x->waiting, w, link);
	w->exchange = x;
}

void
exchange_join(struct waiter *w, const uint8_t *msg, size_t len)
{
	uint8_t *copy = scratch_take(DNS_MESSAGE_MAX);

	memcpy(copy, msg, len);
	exchange_join_copy(w, copy, len);
	scratch_give(copy);
}

bool
exchange_tick(void)
{
	struct exchange *x;

	while ((x = TAILQ_FIRST(&by_deadline)) != NULL &&
	    x->deadline <= loop.now && !loop_tick_over())
		exchange_expire(x);
	tries_tick();
	return (!TAILQ_EMPTY(&by_deadline));
}

void
exchange_init(const struct waiter_events *e)
{
	static const struct tries_events tries = { .done = exchange_done,
	    .failed = exchange_fail };
	size_t max = settings.config.max_connections, i;

	exchange_events = e;
	kept_init();
	tries_init(&tries);
	deliver_init(e);
	turns_init(settings.config.max_connections);
	/* Chains of four at the most cost less than a table out of the caches. */
	for (exchange_nbuckets = 16; exchange_nbuckets < max / 4;
	    exchange_nbuckets *= 2)
		;
	/* Each has a query, so there are never more than these. */
	exchange_pool = calloc(max, sizeof(*exchange_pool));
	exchange_buckets = calloc(exchange_nbuckets, sizeof(*exchange_buckets));
	if (exchange_pool == NULL || exchange_buckets == NULL)
		fatalx("no memory for --max-connections");
	for (i = 0; i < exchange_nbuckets; i++)
		LIST_INIT(&exchange_buckets[i]);
}
