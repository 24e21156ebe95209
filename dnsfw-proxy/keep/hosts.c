/* Addresses of hosts, sorted: one table is in force, the other comes in. */
#include "hosts.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "choice.h"

/* What they are found by. */
#define KEY_AT		offsetof(struct msg_host, family)
#define KEY_SIZE	(offsetof(struct msg_host, pad) - KEY_AT)
static_assert(KEY_SIZE == 18, "the key has no holes");

static struct hosts_table {
	uint32_t	n;
	struct msg_host	at[MSG_HOSTS_MAX];
	uint32_t	reaches[MSG_HOSTS_MAX];	/* a bit for each worker */
} hosts_tables[2];
static unsigned int in_force;
static_assert(MSG_WORKERS_MAX <= 32, "a bit for each worker");

static int
key_order(const struct msg_host *a, const struct msg_host *b)
{
	return (memcmp((const uint8_t *)a + KEY_AT, (const uint8_t *)b + KEY_AT,
	    KEY_SIZE));
}

void
hosts_begin(void)
{
	hosts_tables[1 - in_force].n = 0;
}

bool
hosts_take(const struct msg_host *m)
{
	struct hosts_table *t = &hosts_tables[1 - in_force];

	if (t->n == MSG_HOSTS_MAX ||
	    (t->n > 0 && key_order(&t->at[t->n - 1], m) >= 0) ||
	    m->host > t->n ||
	    (m->host < t->n && t->at[m->host].host != m->host))
		return (false);
	t->reaches[t->n] = 0;
	t->at[t->n++] = *m;
	return (true);
}

/* Who has a network chooses an address for each worker. */
static uint32_t
workers_of(const struct msg_host *m, unsigned int workers)
{
	if (workers < 2 || (m->prefix == MSG_HOST_NET &&
	    m->family == ADDR_V6))
		return (UINT32_MAX);
	return (1U << choice_worker(m->family, m->base, workers));
}

void
hosts_commit(unsigned int workers)
{
	struct hosts_table *t = &hosts_tables[1 - in_force];
	uint32_t i;

	for (i = 0; i < t->n; i++)
		t->reaches[t->at[i].host] |= workers_of(&t->at[i], workers);
	in_force = 1 - in_force;
}

static const struct msg_host *
find_host(const struct hosts_table *t, const struct addr *base,
    unsigned int prefix)
{
	struct msg_host key = { .family = base->family,
	    .prefix = (uint8_t)prefix };
	uint32_t low = 0, high = t->n, mid;
	int order;

	memcpy(key.base, base->bytes, sizeof(key.base));
	while (low < high) {
		mid = low + (high - low) / 2;
		order = key_order(&key, &t->at[mid]);
		if (order == 0)
			return (&t->at[mid]);
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return (NULL);
}

/* The number of the client's host; false: it has none. */
static bool
host_of(const struct hosts_table *t, const struct addr *client, uint32_t *host)
{
	const struct msg_host *m;
	struct addr net = *client;

	if (t->n == 0)
		return (false);
	m = find_host(t, client, (unsigned int)addr_len(client->family) * 8);
	if (m == NULL && client->family == ADDR_V6) {
		addr_mask(&net, MSG_HOST_NET);
		m = find_host(t, &net, MSG_HOST_NET);
	}
	if (m == NULL)
		return (false);
	*host = m->host;
	return (true);
}

bool
hosts_reach(uint8_t family, const uint8_t client[16], unsigned int worker)
{
	const struct hosts_table *t = &hosts_tables[in_force];
	struct addr a = { .family = family };
	uint32_t host;

	memcpy(a.bytes, client, sizeof(a.bytes));
	return (host_of(t, &a, &host) && (t->reaches[host] >> worker & 1) != 0);
}

bool
hosts_in_network(const struct addr *client)
{
	const struct hosts_table *t = &hosts_tables[in_force];
	struct addr net = *client;

	if (client->family != ADDR_V6 || find_host(t, client, 128) != NULL)
		return (false);
	addr_mask(&net, MSG_HOST_NET);
	return (find_host(t, &net, MSG_HOST_NET) != NULL);
}

bool
hosts_first(struct addr *client)
{
	const struct hosts_table *t = &hosts_tables[in_force];
	uint32_t host;

	if (!host_of(t, client, &host))
		return (false);
	client->family = t->at[host].family;
	memcpy(client->bytes, t->at[host].base, sizeof(client->bytes));
	return (true);
}
