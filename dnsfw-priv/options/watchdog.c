/* The watchdog of the service manager. */
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define MIN	100000ULL		/* us */
#define MAX	(UINT32_MAX * 1000ULL)

uint32_t
watchdog_read(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char parent[16], *end;
	unsigned long long us;

	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	if (usec == NULL || (pid != NULL && strcmp(pid, parent) != 0))
		return (0);
	us = strtoull(usec, &end, 10);
	if (*end == '\0' && us >= MIN && us <= MAX)
		return ((uint32_t)(us / 1000));
	log_warn("WATCHDOG_USEC=\"%s\": expected a number from %llu to %llu; "
	    "the service manager's watchdog is told nothing", usec, MIN, MAX);
	return (0);
}
