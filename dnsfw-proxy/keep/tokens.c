/* A worker's share of what the kernel is asked to do. */
#include "tokens.h"

#include <stdint.h>

#include "clock.h"
#include "msg.h"

/*
 * Grants: more than the kernel takes from everybody together in honest use, and
 * few enough that it is not busy with one worker's alone.
 */
#define GRANTS_RATE	100000U	/* a second, of all */
#define GRANTS_BURST	20000U	/* at once, of all */

/* Tokens are counted in nanoseconds of the time that one takes to come. */
struct bucket {
	uint64_t	each;		/* ns */
	uint64_t	most;		/* ns: of the burst */
	uint64_t	full_at;	/* ns: when nothing is taken till then */
};

static struct bucket record_tokens[MSG_WORKERS_MAX], grant_tokens[MSG_WORKERS_MAX];

static void
bucket_open(struct bucket *b, unsigned int workers, unsigned int rate,
    unsigned int burst)
{
	b->each = CLOCK_SECOND * workers / rate;
	b->most = CLOCK_SECOND * burst / rate;
	b->full_at = 0;
}

/* Is there at least one? */
static bool
bucket_has(const struct bucket *b, uint64_t now)
{
	return (b->full_at <= now || b->full_at - now + b->each <= b->most);
}

/* More than there are: then it takes the longer for the next one. */
static void
bucket_take(struct bucket *b, uint64_t now, size_t n)
{
	if (b->full_at < now)
		b->full_at = now;
	b->full_at += n * b->each;
}

void
tokens_open(unsigned int workers, unsigned int rate, unsigned int burst)
{
	unsigned int i;

	for (i = 0; i < workers; i++) {
		bucket_open(&record_tokens[i], workers, rate, burst);
		bucket_open(&grant_tokens[i], workers, GRANTS_RATE, GRANTS_BURST);
	}
}

bool
tokens_has(unsigned int worker)
{
	uint64_t now = clock_now();

	return (bucket_has(&record_tokens[worker], now) &&
	    bucket_has(&grant_tokens[worker], now));
}

void
tokens_take(unsigned int worker, size_t n)
{
	uint64_t now = clock_now();

	bucket_take(&record_tokens[worker], now, 1);
	bucket_take(&grant_tokens[worker], now, n);
}
