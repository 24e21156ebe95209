/* What clients were seen to want. */
#include "wants.h"

#include <netinet/in.h>

#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "clients.h"

#define BUCKETS		65536
#define SHARE_PREFIX	64	/* of IPv6: a host in it chooses the rest */

/* --- the table --- */

/* FNV-1a: who fills a log may choose names, but this program has no deadline. */
static size_t
want_bucket(const struct addr_net *client, const struct dns_name *name,
    bool wildcard)
{
	uint32_t hash = 2166136261U + wildcard;
	size_t i;

	for (i = 0; i < sizeof(client->base.bytes); i++)
		hash = (hash ^ client->base.bytes[i]) * 16777619U;
	for (i = 0; i < name->len; i++)
		hash = (hash ^ name->wire[i]) * 16777619U;
	return (hash % BUCKETS);
}

static struct want *
find_or_add(struct wants *w, const struct addr_net *client,
    const struct dns_name *name, bool wildcard)
{
	size_t bucket = want_bucket(client, name, wildcard);
	struct want *p;

	if (w->buckets == NULL &&
	    (w->buckets = calloc(BUCKETS, sizeof(*w->buckets))) == NULL)
		err(1, "calloc");
	for (p = w->buckets[bucket]; p != NULL; p = p->same)
		if (p->wildcard == wildcard &&
		    p->client.prefix == client->prefix &&
		    addr_equal(&p->client.base, &client->base) &&
		    dns_name_identical(&p->name, name))
			return (p);
	if (w->n == w->room) {
		w->room = w->room == 0 ? 256 : 2 * w->room;
		w->at = reallocarray(w->at, w->room, sizeof(*w->at));
	}
	if (w->at == NULL || (p = calloc(1, sizeof(*p))) == NULL)
		err(1, "no memory");
	p->client = *client;
	p->name = *name;
	p->wildcard = wildcard;
	p->same = w->buckets[bucket];
	w->buckets[bucket] = p;
	w->at[w->n++] = p;
	return (p);
}

/* A host of IPv6 has many addresses in its network, and new ones each day. */
static struct addr_net
net_of(const struct addr *client)
{
	struct addr_net net = { .base = *client };

	net.prefix = (uint8_t)(8 * addr_len(client->family));
	if (client->family == ADDR_V6 && !addr_is_loopback(client)) {
		net.prefix = SHARE_PREFIX;
		addr_mask(&net.base, net.prefix);
	}
	return (net);
}

/* The list takes a last label that is a number for an address (A10). */
static bool
ends_in_number(const struct dns_name *name)
{
	const uint8_t *label = name->wire;
	size_t i;

	while (label[label[0] + 1] != 0)
		label += label[0] + 1;
	for (i = 1; i <= label[0]; i++)
		if (!isdigit(label[i]))
			return (false);
	return (true);
}

struct want *
wants_of(struct wants *w, const struct addr *client, const char *name)
{
	const struct addr_net net = net_of(client);
	struct dns_name parsed;
	struct want *p;
	bool none;
	size_t at;

	if (dns_name_parse(name, strlen(name), &parsed, &at) != DNS_OK ||
	    ends_in_number(&parsed) ||
	    (clients_never(&net, &none) != NULL && none)) {
		w->odd++;
		return (NULL);
	}
	p = find_or_add(w, &net, &parsed, false);
	if (p->asked.family == 0)
		p->asked = *client;
	return (p);
}

struct want *
wants_below(struct wants *w, const struct want *like,
    const struct dns_name *name)
{
	struct want *p = find_or_add(w, &like->client, name, true);

	p->asked = like->asked;
	return (p);
}

int
wants_compare_clients(const struct want *a, const struct want *b)
{
	int rc = memcmp(&a->client.base, &b->client.base,
	    sizeof(a->client.base));

	return (rc != 0 ? rc : a->client.prefix - b->client.prefix);
}

void
wants_free(struct wants *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		free(w->at[i]);
	free(w->at);
	free(w->buckets);
}

/* --- one --- */

/* Where it is, or would be. */
static uint32_t
port_place(const struct want *p, uint32_t port)
{
	uint32_t i;

	for (i = 0; i < p->nports && p->ports[i] < port; i++)
		;
	return (i);
}

bool
want_has(const struct want *p, uint32_t port)
{
	uint32_t i = port_place(p, port);

	return (i < p->nports && p->ports[i] == port);
}

void
want_add(struct want *p, uint32_t port)
{
	uint32_t i = port_place(p, port);

	if (want_has(p, port))
		return;
	if (p->nports == WANTS_PORTS) {
		p->more = true;
		return;
	}
	memmove(&p->ports[i + 1], &p->ports[i],
	    (p->nports - i) * sizeof(p->ports[0]));
	p->ports[i] = port;
	p->nports++;
}

void
want_drop(struct want *p, uint32_t port)
{
	uint32_t i = port_place(p, port);

	if (!want_has(p, port))
		return;
	p->nports--;
	memmove(&p->ports[i], &p->ports[i + 1],
	    (p->nports - i) * sizeof(p->ports[0]));
}

void
want_count(struct want *p, uint64_t count, time_t first, time_t last)
{
	p->count += count;
	if (first != 0 && (p->first == 0 || first < p->first))
		p->first = first;
	if (last > p->last)
		p->last = last;
}

bool
want_is_any(const struct want *p)
{
	return (p->nports > 0 || p->resolve || p->unknown);
}

/* --- all --- */

void
wants_settle(struct wants *w, const uint32_t *defaults, size_t ndefaults)
{
	struct want *p;
	size_t i, k;
	bool none, lacks;

	for (i = 0; i < w->n; i++) {
		p = w->at[i];
		lacks = p->unknown && p->nports == 0;
		for (k = 0; lacks && k < ndefaults; k++)
			want_add(p, defaults[k]);
		if (clients_never(&p->client, &none) != NULL && p->nports > 0) {
			p->nports = 0;
			p->unknown = true;
		}
		p->unknown &= p->nports == 0;
	}
}

void
wants_tidy(struct wants *w)
{
	size_t i, n = 0;

	/* The table is of no use any more. */
	free(w->buckets);
	w->buckets = NULL;
	for (i = 0; i < w->n; i++) {
		if (want_is_any(w->at[i]))
			w->at[n++] = w->at[i];
		else
			free(w->at[i]);
	}
	w->n = n;
}
