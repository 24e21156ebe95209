/* A bucket of tokens. */
#include "bucket.h"

#include "clock.h"

void
bucket_open(struct bucket *b, unsigned int rate, unsigned int burst)
{
	b->each = CLOCK_SECOND / rate;
	b->most = b->each * burst;
	b->full_at = 0;
}

bool
bucket_has(const struct bucket *b, uint64_t now)
{
	return (b->full_at <= now || b->full_at - now + b->each <= b->most);
}

void
bucket_take(struct bucket *b, uint64_t now, size_t n)
{
	if (b->full_at < now)
		b->full_at = now;
	b->full_at += n * b->each;
}

void
bucket_shut(struct bucket *b, uint64_t until, size_t n)
{
	b->full_at = until + b->most - n * b->each;
}
