/* Addresses to listen on or to ask, as the options give them.  Pure. */
#ifndef COMMON_HOST_H
#define COMMON_HOST_H

#include <net/if.h>

#include "addrtext.h"
#include "msg.h"

struct host {
	struct addr	addr;
	char		zone[IF_NAMESIZE];	/* of a link-local one, or "" */
	uint8_t		pad[3];
	uint32_t	scope;			/* the zone's index, when known */
};

struct hosts {
	uint32_t	n;
	struct host	at[MSG_BINDS_MAX];
};

#define HOST_TEXT_MAX	(ADDR_TEXT_MAX + IF_NAMESIZE)

/* ADDRESS or ADDRESS%ZONE; returns text. */
const char *host_print(const struct host *host, char text[HOST_TEXT_MAX]);

#endif
