/*
 * How often a client may ask: a bucket of tokens for each, in sets of a few places.
 *
 * Who has no place has all its tokens, and so has, a second later, who asks no
 * more.  So any place can be another client's at any time, and it is that of who
 * lacks the fewest tokens.  So who makes up addresses has the tokens of each, but
 * no other client has fewer by it; and who lacks many lacks them still.
 */
#include "rate.h"

#include <stdint.h>
#include <stdlib.h>

#include "addrtext.h"
#include "bucket.h"
#include "counters.h"
#include "hash.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#define SETS		2048	/* power of two */
#define PLACES		8	/* in a set: all that is looked at for a message */
#define PREFIX		64	/* of a network: a host in it chooses the rest */
#define EXCEEDED_PERIOD	60	/* seconds between log lines */

struct rate_client {
	struct addr	who;		/* family 0: nobody so far */
	uint64_t	full_at;	/* of its bucket */
	uint64_t	waited_at;	/* when one that had waited took a token */
};

static struct rate_client (*rate_sets)[PLACES];
static struct bucket rate_full;		/* as each begins */
static struct log_limit rate_exceeded_limit;

void
rate_init(void)
{
	const uint32_t rate = settings.config.client_rate;

	if (rate == 0)
		return;
	bucket_open(&rate_full, rate, rate);
	rate_sets = calloc(SETS, sizeof(*rate_sets));
	if (rate_sets == NULL)
		fatalx("no memory for --client-rate");
}

static struct rate_client *
rate_of(const struct addr *client)
{
	struct rate_client *set, *least;
	struct addr who = *client;
	unsigned int i;

	if (who.family == ADDR_V6)
		addr_mask(&who, PREFIX);
	least = set = rate_sets[hash_bytes(&who, sizeof(who)) & (SETS - 1)];
	for (i = 0; i < PLACES; i++) {
		if (addr_equal(&set[i].who, &who))
			return (&set[i]);
		if (set[i].full_at < least->full_at)
			least = &set[i];
	}
	*least = (struct rate_client){ .who = who };
	return (least);
}

static bool
rate_take_of(struct rate_client *c, bool in_advance)
{
	struct bucket b = rate_full;

	b.full_at = c->full_at;
	if (!in_advance && !bucket_has(&b, loop.now))
		return (false);
	bucket_take(&b, loop.now, 1);
	c->full_at = b.full_at;
	return (true);
}

bool
rate_take(const struct addr *client)
{
	return (rate_take_of(rate_of(client), false));
}

bool
rate_take_waiting(const struct addr *client, uint64_t since)
{
	struct rate_client *c = rate_of(client);
	uint64_t last = since > c->waited_at ? since : c->waited_at;

	/* One has come since then, so if there is none, another one took it. */
	if (!rate_take_of(c, loop.now - last >= rate_full.each))
		return (false);
	c->waited_at = loop.now;
	return (true);
}

void
rate_exceeded(const struct addr *client)
{
	char text[ADDR_TEXT_MAX];
	uint64_t count;

	counters.limited++;
	if (log_allowed(&rate_exceeded_limit, loop.now, EXCEEDED_PERIOD, &count))
		log_warn("%llu message%s above --client-rate dropped, or over TCP "
		    "delayed; the last one is of %s", (unsigned long long)count,
		    log_s(count), addr_print(client, text));
}
