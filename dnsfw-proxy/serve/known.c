/* Who has asked of a host's networks: buckets of a few hosts, the latest stay. */
#include "known.h"

#include <stdbool.h>
#include <string.h>

#include "../acl/hosts.h"
#include "bucket.h"
#include "clock.h"
#include "hash.h"
#include "loop.h"
#include "policy.h"
#include "priv.h"
#include "settings.h"

#define BUCKETS		512	/* power of two */
#define WAYS		4

struct known_addr {
	struct addr	addr;
	uint64_t	asked;		/* ns; 0: none */
	uint64_t	told;		/* ns: when the keeper was; 0: never */
};

/* Its first address stands for a host: it is the same in the next list. */
struct known_host {
	struct addr	first;
	uint64_t	asked;		/* any of them; 0: none */
	struct bucket	pace;		/* of what the keeper is told */
	struct known_addr at[KNOWN_MAX];
};

static struct known_host known_hosts[BUCKETS][WAYS];

/* Its place, or that of who has asked least lately. */
static struct known_host *
known_place(const struct addr *first)
{
	struct known_host *h = known_hosts[hash_bytes(first, sizeof(*first)) &
	    (BUCKETS - 1)], *oldest = h;
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (h[i].asked != 0 && addr_equal(&h[i].first, first))
			return (&h[i]);
		if (h[i].asked < oldest->asked)
			oldest = &h[i];
	}
	return (oldest);
}

/* Is it one of the addresses that the list names? */
static bool
is_listed(uint32_t host, const struct addr *client)
{
	struct addr_net nets[ACL_HOST_MAX];
	unsigned int i, n = acl_host_list(policy.image, host, nets);

	for (i = 0; i < n; i++)
		if (nets[i].prefix != HOST_NET &&
		    addr_equal(&nets[i].base, client))
			return (true);
	return (false);
}

/* The client's place, or that of who has asked least lately. */
static struct known_addr *
addr_place(struct known_host *h, const struct addr *client)
{
	struct known_addr *a = h->at;
	unsigned int i;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (addr_equal(&h->at[i].addr, client))
			return (&h->at[i]);
		if (h->at[i].asked < a->asked)
			a = &h->at[i];
	}
	return (a);
}

/* It has asked now.  Returns its host, with its place; NULL: it is of no network. */
static struct known_host *
known_learn(const struct addr *client, struct known_addr **place)
{
	struct addr first = *client;
	struct known_host *h;
	struct known_addr *a;
	uint32_t host;

	if (client->family != ADDR_V6 ||
	    !acl_host_of(policy.image, client, &host) ||
	    is_listed(host, client) ||
	    !acl_host_first(policy.image, &first))
		return (NULL);
	h = known_place(&first);
	if (h->asked == 0 || !addr_equal(&h->first, &first)) {
		*h = (struct known_host){ .first = first };
		bucket_open(&h->pace, KNOWN_RATE, KNOWN_MAX);
	}
	a = addr_place(h, client);
	if (!addr_equal(&a->addr, client))
		*a = (struct known_addr){ .addr = *client };
	a->asked = h->asked = loop.now;
	*place = a;
	return (h);
}

/* What cannot be sent now is sent when it asks again. */
static void
tell_others(struct known_host *h, struct known_addr *a)
{
	struct msg_known m = { .type = MSG_ASKED };

	if ((a->told != 0 && loop.now < a->told + KNOWN_AGAIN * CLOCK_SECOND) ||
	    !bucket_has(&h->pace, loop.now))
		return;
	memcpy(m.client, a->addr.bytes, sizeof(m.client));
	if (!priv_send(&m, sizeof(m)))
		return;
	bucket_take(&h->pace, loop.now, 1);
	a->told = loop.now;
}

void
known_asked(const struct addr *client)
{
	struct known_addr *a;
	struct known_host *h = known_learn(client, &a);

	if (h != NULL && settings.config.nworkers > 1)
		tell_others(h, a);
}

void
known_take(const struct msg_known *m)
{
	struct addr client = { .family = ADDR_V6 };
	struct known_addr *a;

	memcpy(client.bytes, m->client, sizeof(client.bytes));
	(void)known_learn(&client, &a);
}

unsigned int
known_list(uint32_t host, struct addr out[KNOWN_MAX])
{
	struct addr_net nets[ACL_HOST_MAX];
	const struct known_host *h;
	unsigned int i, n = 0;
	uint32_t of;

	if (acl_host_list(policy.image, host, nets) == 0)
		return (0);
	h = known_place(&nets[0].base);
	if (h->asked == 0 || !addr_equal(&h->first, &nets[0].base))
		return (0);
	for (i = 0; i < KNOWN_MAX; i++)
		/* The list of now may say something else. */
		if (h->at[i].asked != 0 && h->at[i].asked +
		    KNOWN_PERIOD * CLOCK_SECOND > loop.now &&
		    acl_host_of(policy.image, &h->at[i].addr, &of) &&
		    of == host && !is_listed(host, &h->at[i].addr))
			out[n++] = h->at[i].addr;
	return (n);
}
