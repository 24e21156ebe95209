/* One clock for everything: CLOCK_BOOTTIME goes on while the host sleeps. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define CLOCK_SECOND	1000000000ULL	/* ns */

/* Nanoseconds since boot. */
uint64_t clock_now(void);

#endif
