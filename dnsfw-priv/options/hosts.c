/* The addresses of --bind and --upstream, as this host has them. */
#include "hosts.h"

#include <ifaddrs.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

#define AWAIT_PERIOD	200	/* ms */

/* By its name or by its number, as in ip(8) and getaddrinfo(3); 0: there is none. */
static uint32_t
zone_index(const char *zone)
{
	uint32_t index = if_nametoindex(zone);
	char name[IF_NAMESIZE], *end;

	if (index != 0)
		return (index);
	index = (uint32_t)strtoul(zone, &end, 10);
	return (*end == '\0' && if_indextoname(index, name) != NULL ? index : 0);
}

static void
find_zones(struct hosts *hosts, const char *option, bool waits)
{
	char text[HOST_TEXT_MAX];
	struct host *h;

	for (h = hosts->at; h < hosts->at + hosts->n; h++) {
		if (h->zone[0] == '\0' || (h->scope = zone_index(h->zone)) != 0)
			continue;
		host_print(h, text);
		if (!waits)
			fatalx("--%s \"%s\": there is no interface \"%s\"",
			    option, text, h->zone);
		log_warn("--%s \"%s\": there is no interface \"%s\" yet: "
		    "waiting for it", option, text, h->zone);
		while ((h->scope = zone_index(h->zone)) == 0)
			(void)poll(NULL, 0, AWAIT_PERIOD);
	}
}

static bool
is_any(const struct addr *a)
{
	static const struct addr any[] = { { .family = ADDR_V4 },
	    { .family = ADDR_V6 } };

	return (addr_equal(a, &any[0]) || addr_equal(a, &any[1]));
}

/* Has an interface the address? */
static bool
is_here(const struct addr *a)
{
	struct ifaddrs *all, *i;
	struct addr own;
	bool found = false;

	if (getifaddrs(&all) == -1)
		fatal("cannot ask for this host's addresses");
	for (i = all; i != NULL; i = i->ifa_next)
		found |= i->ifa_addr != NULL &&
		    addr_from_sockaddr(i->ifa_addr, &own, NULL) == 0 &&
		    addr_equal(a, &own);
	freeifaddrs(all);
	return (found);
}

/* A query to that upstream would come back to us. */
static bool
is_us(const struct keepconf *k, const struct host *upstream)
{
	static const struct addr loopback[] = {
		{ .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } },
		{ .family = ADDR_V6, .bytes = { [15] = 1 } }
	};
	struct addr to = upstream->addr;
	const struct host *bind;

	/* The kernel connects there instead. */
	if (is_any(&to))
		to = loopback[to.family == ADDR_V6];
	for (bind = k->binds.at; bind < k->binds.at + k->binds.n; bind++) {
		if (addr_equal(&bind->addr, &to) &&
		    bind->scope == upstream->scope)
			return (true);
		/* [::] takes IPv4, too. */
		if (is_any(&bind->addr) && (bind->addr.family == ADDR_V6 ||
		    to.family == ADDR_V4) && (addr_is_loopback(&to) ||
		    (!addr_is_link_local6(&to) && is_here(&to))))
			return (true);
	}
	return (false);
}

void
hosts_upstreams(const struct keepconf *k)
{
	char text[HOST_TEXT_MAX];
	const struct host *h = k->upstreams.at, *end = h + k->upstreams.n;

	if (k->upstream_port != k->bind_port)
		return;
	while (h < end && !is_us(k, h))
		h++;
	if (h == end)
		return;
	log_error("--upstream \"%s\" (--upstream-port %u): expected another "
	    "server, as dnsfw itself is to listen there (--bind, --bind-port)",
	    host_print(h, text), k->upstream_port);
	_exit(2);
}

void
hosts_zones(struct keepconf *k)
{
	/* Without a service manager nobody waits, and the name may be wrong. */
	const char *manager = getenv("NOTIFY_SOCKET");
	bool waits = manager != NULL && *manager != '\0' && !k->check_only;

	find_zones(&k->binds, "bind", waits);
	find_zones(&k->upstreams, "upstream", waits);
}
