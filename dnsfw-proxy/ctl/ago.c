/* How long ago something was. */
#include "ago.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

void
ago_print(uint32_t seconds, char buf[AGO_SIZE])
{
	static const struct { uint32_t seconds; const char *unit; } units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" }
	};
	size_t i;

	for (i = 0; i < 3 && seconds < 2 * units[i].seconds; i++)
		;
	(void)snprintf(buf, AGO_SIZE, "%" PRIu32 " %s ago",
	    seconds / units[i].seconds, units[i].unit);
}

void
ago_when(uint32_t seconds, bool json, char buf[AGO_WHEN_SIZE])
{
	time_t when = time(NULL) - (time_t)seconds;
	struct tm tm;

	if (json)
		(void)strftime(buf, AGO_WHEN_SIZE, "%Y-%m-%dT%H:%M:%SZ",
		    gmtime_r(&when, &tm));
	else
		(void)strftime(buf, AGO_WHEN_SIZE, "%Y-%m-%d %H:%M:%S",
		    localtime_r(&when, &tm));
}

void
ago_since(uint32_t seconds, char buf[AGO_SINCE_SIZE])
{
	char when[AGO_WHEN_SIZE], ago[AGO_SIZE];

	ago_when(seconds, false, when);
	ago_print(seconds, ago);
	(void)snprintf(buf, AGO_SINCE_SIZE, "%s (%s)", when, ago);
}
