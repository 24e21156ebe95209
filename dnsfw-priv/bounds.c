/*
 * A hash table of triples; a look-up probes once for each prefix length that
 * occurs.  A triple for this host itself is entered under family 0, too.
 */
#include "bounds.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

#define ENTRIES_MAX	(2 * BOUNDS_MAX)	/* with those of this host */
#define SLOTS		(4 * BOUNDS_MAX)	/* power of two */
#define LOCAL		0			/* "family" of this host */

/* No padding, compared as bytes; proto and port 0: all. */
struct triple {
	struct addr	base;
	uint8_t		prefix;
	uint8_t		proto;
	uint8_t		pad;
	uint16_t	port;
};
static_assert(sizeof(struct triple) == 22, "triple has no holes");

struct bounds {
	struct triple	triples[ENTRIES_MAX];
	uint32_t	slots[SLOTS];		/* 0: empty; index + 1 */
	uint32_t	count;
	uint32_t	added;
	bool		prefixes[ADDR_V6 + 1][129];	/* that occur */
};

struct bounds *
bounds_new(void)
{
	struct bounds *b;

	/* Mostly untouched zero pages as long as the policy is small. */
	if ((b = calloc(1, sizeof(*b))) == NULL)
		fatalx("no memory for the policy's bounds");
	return (b);
}

void
bounds_clear(struct bounds *b)
{
	memset(b->slots, 0, sizeof(b->slots));
	memset(b->prefixes, 0, sizeof(b->prefixes));
	b->count = 0;
	b->added = 0;
}

static uint32_t
find_slot(const struct bounds *b, const struct triple *t)
{
	uint32_t s = (uint32_t)hash_bytes(t, sizeof(*t)) % SLOTS;

	while (b->slots[s] != 0 && memcmp(&b->triples[b->slots[s] - 1], t,
	    sizeof(*t)) != 0)
		s = (s + 1) % SLOTS;
	return (s);
}

static void
insert(struct bounds *b, const struct triple *t)
{
	uint32_t s = find_slot(b, t);

	if (b->slots[s] != 0)
		return;
	b->triples[b->count] = *t;
	b->slots[s] = ++b->count;
	b->prefixes[t->base.family][t->prefix] = true;
}

/* True if the subnet contains a loopback address, or lies among them. */
static bool
touches_loopback(const struct addr *base, uint8_t prefix)
{
	struct addr_net net = { .base = *base, .prefix = prefix };
	struct addr loopback = { .family = base->family };

	if (base->family == ADDR_V4)
		loopback.bytes[0] = 127;
	else
		loopback.bytes[15] = 1;
	return (addr_is_loopback(base) || addr_in_net(&loopback, &net));
}

int
bounds_add(struct bounds *b, const struct msg_bound *m)
{
	struct triple t;

	if (b->added == BOUNDS_MAX)
		return (-1);
	b->added++;
	memset(&t, 0, sizeof(t));
	t.base.family = m->family;
	memcpy(t.base.bytes, m->base, sizeof(t.base.bytes));
	t.prefix = m->prefix;
	t.proto = m->proto;
	t.port = m->port;
	insert(b, &t);
	if (touches_loopback(&t.base, t.prefix)) {
		memset(&t.base, 0, sizeof(t.base));
		t.base.family = LOCAL;
		t.prefix = 0;
		insert(b, &t);
	}
	return (0);
}

static bool
covers(const struct bounds *b, struct triple *t, const struct msg_grant *g)
{
	t->proto = g->proto;
	t->port = g->port;
	if (b->slots[find_slot(b, t)] != 0)
		return (true);
	t->proto = 0;
	t->port = 0;
	return (b->slots[find_slot(b, t)] != 0);
}

bool
bounds_cover(const struct bounds *b, const struct msg_grant *g)
{
	struct triple t;
	unsigned int prefix;

	memset(&t, 0, sizeof(t));
	t.base.family = g->local ? LOCAL : g->family;
	memcpy(t.base.bytes, g->client, sizeof(t.base.bytes));
	for (prefix = 129; prefix-- > 0;) {
		if (!b->prefixes[t.base.family][prefix])
			continue;
		addr_mask(&t.base, prefix);
		t.prefix = (uint8_t)prefix;
		if (covers(b, &t, g))
			return (true);
	}
	return (false);
}
