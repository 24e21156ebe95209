/* What happened between two samples. */
#include "rates.h"

#include <string.h>

/* What is counted, as one row of numbers. */
struct counted {
	struct counters	counters;
	uint64_t	results[RESULT_COUNT];
	uint64_t	transactions, repairs;
	struct histogram kernel;
};

#define NUMBERS	(sizeof(struct counted) / sizeof(uint64_t))

static void
counted_of(const struct control_status *s, uint64_t out[NUMBERS])
{
	struct counted c = { .counters = s->counters,
	    .transactions = s->transactions, .repairs = s->repairs,
	    .kernel = s->kernel };

	static_assert(sizeof(c.results) == sizeof(s->results), "results");
	memcpy(c.results, s->results, sizeof(c.results));
	memcpy(out, &c, sizeof(c));
}

void
rates_between(const struct sample *before, const struct sample *now,
    struct rates *out)
{
	uint64_t old[NUMBERS], new[NUMBERS];
	struct counted c;
	size_t i;

	*out = (struct rates){ .known = before->up && now->up &&
	    now->at > before->at, .ns = now->at - before->at };
	if (!out->known)
		return;
	counted_of(&before->status, old);
	counted_of(&now->status, new);
	for (i = 0; i < NUMBERS; i++) {
		out->known &= new[i] >= old[i];
		new[i] -= old[i];
	}
	memcpy(&c, new, sizeof(c));
	out->counters = c.counters;
	memcpy(out->results, c.results, sizeof(c.results));
	out->transactions = c.transactions;
	out->repairs = c.repairs;
	out->kernel = c.kernel;
}
