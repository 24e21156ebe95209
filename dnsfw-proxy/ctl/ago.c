/* How long ago something was. */
#include "ago.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

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
