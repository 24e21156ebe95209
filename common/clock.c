/* CLOCK_BOOTTIME in nanoseconds. */
#include "clock.h"

#include <time.h>

#include "log.h"

uint64_t
clock_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * CLOCK_SECOND + (uint64_t)ts.tv_nsec);
}
