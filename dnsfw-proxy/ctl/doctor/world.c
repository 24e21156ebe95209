/* Where clients are, and the way out. */
#include "world.h"

#include <net/if.h>

#include <err.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "granted.h"
#include "routes.h"

/* Which no firewall has a rule for: a test address of neither network. */
static const struct addr far_addresses[2] = {
	{ ADDR_V4, { 93, 184, 215, 14 } },
	{ ADDR_V6, { 0x26, 0x06, 0x28, 0, 0x02, 0x20, 0, 1, [15] = 0x77 } }
};

/* Whose clients have no address that is known. */
static const struct addr_net examples[2] = {
	{ { ADDR_V4, { 192, 168, 1 } }, 24 },
	{ { ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8, 0, 1 } }, 64 }
};

/* Its index, or n. */
static size_t
name_place(const char names[][IFNAMSIZ], size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(names[i], name, IFNAMSIZ) == 0)
			break;
	return (i);
}

static void
add_name(char names[][IFNAMSIZ], size_t *n, const char *name)
{
	if (*n < WAYS_IFS_MAX && name_place(names, *n, name) == *n)
		snprintf(names[(*n)++], IFNAMSIZ, "%.*s", IFNAMSIZ - 1, name);
}

static void
add_net(struct ways_world *w, const struct addr_net *net, size_t iif,
    bool here)
{
	if (w->nnets < WAYS_NETS_MAX)
		w->nets[w->nnets++] = (struct ways_net){ .net = *net,
		    .iif = (uint8_t)iif, .here = here };
}

/* --- the way out --- */

/* The interface of each default route. */
static void
read_routes(struct ways_world *w)
{
	char line[256], name[32];
	unsigned int bits;
	FILE *from;

	if ((from = fopen("/proc/net/route", "re")) != NULL) {
		while (fgets(line, sizeof(line), from) != NULL)
			if (sscanf(line, "%31s %x", name, &bits) == 2 &&
			    bits == 0)
				add_name(w->oifs, &w->noifs, name);
		fclose(from);
	}
	if ((from = fopen("/proc/net/ipv6_route", "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), from) != NULL)
		if (strncmp(line, "00000000000000000000000000000000 00 ",
		    36) == 0 && sscanf(line, "%*s %x %*s %*s %*s %*s %*s %*s "
		    "%*s %31s", &bits, name) == 2 && strcmp(name, "lo") != 0)
			add_name(w->oifs, &w->noifs, name);
	fclose(from);
}

/* A default route, or one for a half of all. */
static bool
is_wide(const char *to)
{
	static const char *const wide[] = { "default", "0.0.0.0/1",
	    "128.0.0.0/1", "::/1", "8000::/1", "2000::/3" };
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strcmp(to, wide[i]) == 0)
			return (true);
	return (false);
}

/* Of any table, as rules of routing use them. */
static void
add_wide(void *arg, const char *to, const char *dev)
{
	struct ways_world *w = arg;

	if (is_wide(to))
		add_name(w->oifs, &w->noifs, dev);
}

/* --- clients --- */

static unsigned int
prefix_of(const struct sockaddr *mask)
{
	struct addr a;
	uint16_t port;
	unsigned int bits = 0;

	if (mask == NULL || addr_from_sockaddr(mask, &a, &port) == -1)
		return (0);
	while (bits < addr_len(a.family) * 8 &&
	    (a.bytes[bits / 8] & 0x80U >> bits % 8) != 0)
		bits++;
	return (bits);
}

static bool
is_bound(const struct settings *s, const struct addr *a)
{
	size_t i;

	for (i = 0; i < s->nbinds; i++)
		if (addr_equal(a, &s->binds[i]))
			return (true);
	return (false);
}

typedef bool interface_test(const struct ways_world *, const struct settings *,
    const struct ifaddrs *, const struct addr *);

static bool
is_bound_there(const struct ways_world *w, const struct settings *s,
    const struct ifaddrs *i, const struct addr *a)
{
	(void)w;
	(void)i;
	return (!addr_is_loopback(a) && is_bound(s, a));
}

static bool
is_inside(const struct ways_world *w, const struct settings *s,
    const struct ifaddrs *i, const struct addr *a)
{
	(void)s;
	(void)a;
	return (name_place(w->oifs, w->noifs, i->ifa_name) == w->noifs);
}

static void
add_interfaces(struct ways_world *w, const struct settings *s,
    const struct ifaddrs *all, interface_test *test)
{
	const struct ifaddrs *i;
	struct addr a;
	uint16_t port;

	for (i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && (i->ifa_flags & IFF_UP) != 0 &&
		    (i->ifa_flags & IFF_LOOPBACK) == 0 &&
		    addr_from_sockaddr(i->ifa_addr, &a, &port) == 0 &&
		    test(w, s, i, &a))
			add_name(w->iifs, &w->niifs, i->ifa_name);
}

/* The networks of the clients' interfaces. */
static void
add_networks(struct ways_world *w, const struct ifaddrs *all)
{
	const struct ifaddrs *i;
	struct addr_net net;
	uint16_t port;
	size_t iif;

	for (i = all; i != NULL; i = i->ifa_next) {
		iif = name_place(w->iifs, w->niifs, i->ifa_name);
		if (iif == w->niifs || i->ifa_addr == NULL ||
		    addr_from_sockaddr(i->ifa_addr, &net.base, &port) == -1 ||
		    addr_is_link_local6(&net.base))
			continue;
		net.prefix = (uint8_t)prefix_of(i->ifa_netmask);
		addr_mask(&net.base, net.prefix);
		add_net(w, &net, iif, true);
	}
}

/* Wherever no clients are. */
static void
add_ways_out(struct ways_world *w, const struct ifaddrs *all, size_t *n)
{
	const struct ifaddrs *i;

	for (i = all; i != NULL && *n < WAYS_IFS_MAX; i = i->ifa_next)
		if ((i->ifa_flags & IFF_LOOPBACK) == 0 &&
		    (i->ifa_flags & IFF_UP) != 0 &&
		    name_place(w->iifs, w->niifs, i->ifa_name) == w->niifs)
			add_name(w->oifs, n, i->ifa_name);
}

/* Where the clients of the list are, besides the interfaces where dnsfw is. */
struct behind {
	struct ways_world *w;
	struct {
		struct addr_net	net;
		char		dev[IFNAMSIZ];
	} inner[WAYS_NETS_MAX];
	size_t	n;
};

static void
add_inner(void *arg, const char *to, const char *dev)
{
	struct behind *b = arg;
	const struct ways_world *w = b->w;

	if (b->n == WAYS_NETS_MAX || is_wide(to) ||
	    name_place(w->oifs, w->noifs, dev) < w->noifs ||
	    addr_net_parse(to, strlen(to), &b->inner[b->n].net) != 0)
		return;
	snprintf(b->inner[b->n++].dev, IFNAMSIZ, "%s", dev);
}

/* The interface by which the net is reached, or the first one. */
static size_t
place_behind(struct behind *b, const struct addr_net *net)
{
	struct ways_world *w = b->w;
	size_t i, best = b->n;

	for (i = 0; i < b->n; i++)
		if (addr_in_net(&net->base, &b->inner[i].net) && (best == b->n ||
		    b->inner[i].net.prefix > b->inner[best].net.prefix))
			best = i;
	if (best == b->n || net->prefix == 0)
		return (0);
	add_name(w->iifs, &w->niifs, b->inner[best].dev);
	i = name_place(w->iifs, w->niifs, b->inner[best].dev);
	return (i < w->niifs ? i : 0);
}

/* This host itself is none. */
static void
add_granted(void *arg, const struct addr_net *net, uint8_t proto, uint16_t port)
{
	struct behind *b = arg;
	struct ways_world *w = b->w;
	const struct addr_net *last = w->nnets == 0 ? NULL :
	    &w->nets[w->nnets - 1].net;

	(void)proto;
	(void)port;
	if (addr_is_loopback(&net->base))
		return;
	w->wanted[net->base.family == ADDR_V6] = true;
	if (last == NULL || last->prefix != net->prefix ||
	    !addr_equal(&last->base, &net->base))
		add_net(w, net, place_behind(b, net), false);
}

/* One that no rule is likely to be for: nearly the last one of the first net. */
static void
choose_client(struct ways_world *w, size_t i)
{
	const struct addr_net *net = &examples[i];
	size_t k, last;

	for (k = 0; k < w->nnets; k++)
		if (w->nets[k].net.base.family == net->base.family &&
		    (net == &examples[i] ||
		    w->nets[k].net.prefix < net->prefix))
			net = &w->nets[k].net;
	w->client[i] = net->base;
	last = addr_len(net->base.family) - 1;
	if (net->prefix + 3U <= addr_len(net->base.family) * 8)
		w->client[i].bytes[last] |= 5;
}

void
world_find(struct ways_world *w, const struct settings *s,
    const struct list *l)
{
	static struct behind behind;
	struct ifaddrs *all;
	size_t i;

	memset(w, 0, sizeof(*w));
	w->port = s->port;
	if (getifaddrs(&all) == -1)
		err(1, "getifaddrs");
	read_routes(w);
	routes_each(add_wide, w);
	add_interfaces(w, s, all, is_bound_there);
	if (w->niifs == 0)
		add_interfaces(w, s, all, is_inside);
	if (w->noifs == 0)
		add_ways_out(w, all, &w->noifs);
	w->nall = w->noifs;
	add_ways_out(w, all, &w->nall);
	add_networks(w, all);
	freeifaddrs(all);
	for (i = 0; i < 2; i++)
		choose_client(w, i);
	behind.w = w;
	if (l != NULL) {
		routes_each(add_inner, &behind);
		granted_each(l, add_granted, &behind);
	}
	memcpy(w->stranger, far_addresses, sizeof(far_addresses));
}

size_t
world_own(struct addr *out, size_t most)
{
	struct ifaddrs *all;
	const struct ifaddrs *i;
	uint16_t port;
	size_t n = 0;

	if (getifaddrs(&all) == -1)
		err(1, "getifaddrs");
	for (i = all; i != NULL && n < most; i = i->ifa_next)
		if (i->ifa_addr != NULL &&
		    addr_from_sockaddr(i->ifa_addr, &out[n], &port) == 0)
			n++;
	freeifaddrs(all);
	return (n);
}
