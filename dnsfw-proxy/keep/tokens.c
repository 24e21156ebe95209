/* A worker's share of what the kernel is asked to do. */
#include "tokens.h"

#include <stdint.h>

#include "bucket.h"
#include "clock.h"
#include "log.h"
#include "msg.h"

/*
 * A quarter more than a worker asks for by itself (msg.h), as what it has sent
 * may wait and then come all at once.  So who has used up this one is in the
 * wrong hands, and floods the kernel.
 */
#define GRANTS_RATE	(MSG_GRANTS_RATE / 4 * 5)
#define GRANTS_BURST	(MSG_GRANTS_BURST / 4 * 5)

/*
 * It is not heard for so long then, and has so many after it.  nft begins a
 * listing anew after each transaction, so there must be a time without: it needs
 * about 50 us an element.
 */
#define FLOOD_PAUSE	(4 * CLOCK_SECOND)
#define FLOOD_LEFT	5000

#define SHUT_PERIOD	60	/* seconds between log lines */

static struct bucket record_tokens[MSG_WORKERS_MAX], grant_tokens[MSG_WORKERS_MAX];
static uint64_t heard_at[MSG_WORKERS_MAX];	/* ns: not before */
static struct log_limit shut_limit;

void
tokens_open(unsigned int workers, unsigned int rate, unsigned int burst)
{
	unsigned int i;

	for (i = 0; i < workers; i++) {
		bucket_open(&record_tokens[i], rate / workers, burst / workers);
		bucket_open(&grant_tokens[i], GRANTS_RATE, GRANTS_BURST);
		heard_at[i] = 0;
	}
}

bool
tokens_has(unsigned int worker)
{
	uint64_t now = clock_now();

	return (now >= heard_at[worker] &&
	    bucket_has(&record_tokens[worker], now));
}

void
tokens_take(unsigned int worker, size_t grants)
{
	struct bucket *b = &grant_tokens[worker];
	uint64_t now = clock_now(), count;

	bucket_take(&record_tokens[worker], now, 1);
	bucket_take(b, now, grants);
	if (bucket_has(b, now))
		return;
	if (log_allowed(&shut_limit, now, SHUT_PERIOD, &count))
		log_warn("worker %u asks for more grants than an honest one: "
		    "it is not heard for a while (%llu times)", worker + 1,
		    (unsigned long long)count);
	heard_at[worker] = now + FLOOD_PAUSE;
	bucket_shut(b, heard_at[worker], FLOOD_LEFT);
}
