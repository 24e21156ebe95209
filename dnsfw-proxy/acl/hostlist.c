/* The hosts of a list under construction. */
#include "hostlist.h"

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "hosts.h"
#include "parse_error.h"

#define KEY_SIZE offsetof(struct image_member, pad)

/* Where it is among the addresses, or would be. */
static uint32_t
member_place(const struct build *b, const struct image_member *key)
{
	uint32_t low = 0, high = b->naddresses, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (memcmp(&b->addresses[mid].image, key, KEY_SIZE) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

static struct image_member
make_member(const struct addr_net *net, uint32_t host)
{
	struct image_member m = { .family = net->base.family,
	    .prefix = net->prefix, .host = host };

	memcpy(m.base, net->base.bytes, sizeof(m.base));
	return (m);
}

/* What a host may have; NULL, or what is wrong with it. */
static const char *
not_of_a_host(const struct addr_net *net)
{
	if (net->prefix != addr_len(net->base.family) * 8 &&
	    (net->base.family != ADDR_V6 || net->prefix != HOST_NET))
		return ("expected an address, or an IPv6 subnet of /64: a host "
		    "has no other one");
	if (addr_is_loopback(&net->base))
		return ("what this host itself is granted holds for all its "
		    "addresses: no other host has one of these");
	if (net->prefix == HOST_NET && addr_is_link_local6(&net->base))
		return ("a link-local subnet is one of all hosts");
	return (NULL);
}

/* The first one of another host that would be the same client; NULL: none. */
static const struct build_member *
other_host(const struct build *b, const struct addr_net *net, uint32_t host)
{
	struct addr_net around = *net;
	const struct build_member *m;
	struct image_member key;
	uint32_t i;

	if (net->base.family == ADDR_V6) {
		around.prefix = HOST_NET;
		addr_mask(&around.base, HOST_NET);
	}
	key = make_member(&around, host);
	for (i = member_place(b, &key); i < b->naddresses; i++) {
		m = &b->addresses[i];
		if (m->image.family != key.family || memcmp(m->image.base,
		    key.base, around.prefix / 8) != 0)
			break;
		/* Addresses of one network may be of several hosts. */
		if (m->image.host != host && (m->image.prefix == HOST_NET ||
		    net->prefix == HOST_NET || memcmp(m->image.base,
		    net->base.bytes, sizeof(m->image.base)) == 0))
			return (m);
	}
	return (NULL);
}

static void
report_other(struct build *b, uint32_t line, size_t at,
    const struct build_member *other)
{
	char text[PARSE_TEXT_SIZE], place[TEXTS_NAME_SIZE];

	snprintf(text, sizeof(text), "the host of %s has it: an address is of "
	    "one host", texts_name(b->texts, line, other->line, place));
	build_report(b, line, at, text);
}

bool
hostlist_add(struct build *b, struct group *g, uint32_t line, size_t at,
    const struct addr_net *net)
{
	const struct image_member m = make_member(net,
	    (uint32_t)(g - b->groups));
	const struct build_member *other;
	const char *why = not_of_a_host(net);
	uint32_t i = member_place(b, &m);

	if (i < b->naddresses && b->addresses[i].image.host == m.host &&
	    memcmp(&b->addresses[i].image, &m, KEY_SIZE) == 0)
		return (true);
	if (why == NULL && g->naddresses == ACL_HOST_MAX)
		why = "a host has 16 addresses and subnets at most";
	if (why != NULL) {
		build_report(b, line, at, why);
		return (true);
	}
	if ((other = other_host(b, net, m.host)) != NULL) {
		report_other(b, line, at, other);
		return (true);
	}
	if (!build_room(b, &b->addresses, b->naddresses + 1ULL,
	    &b->addresses_max, sizeof(*b->addresses)))
		return (false);
	memmove(&b->addresses[i + 1], &b->addresses[i],
	    (b->naddresses++ - i) * sizeof(b->addresses[0]));
	b->addresses[i] = (struct build_member){ .image = m, .line = line };
	g->naddresses++;
	return (true);
}
