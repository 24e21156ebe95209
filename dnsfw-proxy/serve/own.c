/* The set of this host's own addresses. */
#include "own.h"

#include <string.h>

#include "log.h"
#include "settings.h"
#include "sort.h"

#define EACH	4	/* address, broadcast, the network's first and last */

/* One is in force, the other comes in. */
static struct addr sets[2][EACH * MSG_OWN_MAX];
static size_t coming, own_count, messages;

static void
own_put(uint8_t family, const uint8_t bytes[16])
{
	struct addr *a = &sets[coming][own_count++];

	a->family = family;
	memcpy(a->bytes, bytes, sizeof(a->bytes));
}

/*
 * The first address of a network is what old hosts take for broadcast, and
 * with IPv6 it is the routers' (RFC 4291 2.6.1).  IPv6 has no broadcast.
 */
static void
put_network(const struct msg_own *m)
{
	unsigned int i, bits = 8 * (unsigned int)addr_len(m->family);
	uint8_t last[16];

	/* Networks of one or two hosts have neither (RFC 3021, RFC 6164). */
	if (bits - m->prefix < 2)
		return;
	own_put(m->family, m->network);
	if (m->family != ADDR_V4)
		return;
	memcpy(last, m->network, sizeof(last));
	for (i = m->prefix; i < bits; i++)
		last[i / 8] |= (uint8_t)(1U << (7 - i % 8));
	own_put(m->family, last);
}

static void
end_set(void)
{
	sort(sets[coming], own_count, sizeof(struct addr), dns_vet_order);
	settings.vet.own = sets[coming];
	settings.vet.nown = own_count;
	settings.own_changes++;
	coming = 1 - coming;
	own_count = messages = 0;
}

void
own_take(const struct msg_own *m)
{
	if (m->family == 0) {
		end_set();
		return;
	}
	if (messages++ == MSG_OWN_MAX)
		fatalx("the keeper tells of too many own addresses");
	own_put(m->family, m->local);
	own_put(m->family, m->broadcast);
	put_network(m);
}
