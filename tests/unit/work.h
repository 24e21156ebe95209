/*
 * What a function costs, for tests that compare it with what another does: never
 * with a time, which is another one on another machine.
 */
#ifndef WORK_H
#define WORK_H

#include <stdint.h>
#include <time.h>

/* CPU time in ns of run(): the least of some times. */
static inline uint64_t
work_of(void (*run)(void))
{
	struct timespec from, to;
	uint64_t time, least = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		run();
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		time = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000U +
		    (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
		if (time < least)
			least = time;
	}
	return (least);
}

#endif
