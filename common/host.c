/* Addresses to listen on or to ask. */
#include "host.h"

#include <stdio.h>

const char *
host_print(const struct host *host, char text[HOST_TEXT_MAX])
{
	char address[ADDR_TEXT_MAX];

	snprintf(text, HOST_TEXT_MAX, "%s%s%s",
	    addr_print(&host->addr, address), host->zone[0] == '\0' ? "" : "%",
	    host->zone);
	return (text);
}
