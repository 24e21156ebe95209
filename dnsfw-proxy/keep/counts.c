/* What the workers have counted. */
#include "counts.h"

#include <string.h>

#define COUNTERS	(sizeof(struct counters) / sizeof(uint64_t))

static struct msg_counters of_worker[MSG_WORKERS_MAX];

void
counts_take(unsigned int worker, const struct msg_counters *m)
{
	of_worker[worker] = *m;
}

/* What a worker says may be anything: sums of these do not wrap. */
#define COUNTED_MAX	(UINT64_MAX / 32)

static uint64_t
less(uint64_t a, uint64_t b)
{
	return (a < b ? a : b);
}

uint8_t
counts_sum(struct counters *out)
{
	uint64_t sums[COUNTERS] = { 0 }, one[COUNTERS];
	uint8_t silent = 0;
	size_t i, k;

	static_assert(sizeof(sums) == sizeof(*out), "all are of one type");
	for (i = 0; i < MSG_WORKERS_MAX; i++) {
		memcpy(one, &of_worker[i].counters, sizeof(one));
		for (k = 0; k < COUNTERS; k++)
			sums[k] = less(sums[k] + less(one[k], COUNTED_MAX),
			    COUNTED_MAX);
		silent |= of_worker[i].silent;
	}
	memcpy(out, sums, sizeof(sums));
	return (silent);
}
