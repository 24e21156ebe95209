/* How long decisions take. */
#include "times.h"

#include "clock.h"
#include "counters.h"

uint64_t
times_begin(void)
{
	static unsigned int before;	/* the next one that is measured */

	if (before > 0) {
		before--;
		return (0);
	}
	before = TIMES_EVERY - 1;
	return (clock_now());
}

void
times_decided(uint64_t begin)
{
	if (begin != 0)
		histogram_count(&counters.decision, HISTOGRAM_DECISION,
		    clock_now() - begin);
}
