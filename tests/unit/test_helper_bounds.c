/* P7: what the policy can grant, against a model that looks at each triple. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "helper/bounds.h"

#define TRIPLES	40
#define PROBES	200000

static struct bounds bounds;
static struct order_bound all[TRIPLES];

static uint32_t
roll(uint32_t sides)
{
	static uint64_t dice = 88172645463325252ULL;

	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return ((uint32_t)(dice >> 11) % sides);
}

static int
compare(const void *a, const void *b)
{
	return (memcmp((const uint8_t *)a + 1, (const uint8_t *)b + 1,
	    sizeof(struct order_bound) - 1));
}

/* Few values of each field, so that many are met. */
static struct order_bound
any(void)
{
	struct order_bound b = { .type = ORDER_BOUND };
	struct addr base = { 0 };

	b.family = (uint8_t)(roll(8) == 0 ? 0 : roll(2) == 0 ? ADDR_V4 :
	    ADDR_V6);
	if (roll(6) != 0) {
		b.proto = roll(2) == 0 ? 6 : 17;
		b.port = (uint16_t)(53 + roll(3));
	}
	if (b.family == 0)
		return (b);
	b.prefix = (uint8_t)(roll(20) == 0 ? roll(8) : 8 + roll(
	    b.family == ADDR_V4 ? 25 : 121));
	base.bytes[0] = (uint8_t)(roll(2) == 0 ? 10 : 11);
	base.bytes[1 + roll(3)] = (uint8_t)roll(256);
	addr_mask(&base, b.prefix);
	memcpy(b.base, base.bytes, sizeof(b.base));
	return (b);
}

static bool
model_covers(const struct order_grant *g, size_t n)
{
	struct addr_net net;
	struct addr client = { .family = g->family };
	size_t i;

	memcpy(client.bytes, g->client, 16);
	for (i = 0; i < n; i++) {
		if (all[i].port != 0 && (all[i].port != g->port ||
		    all[i].proto != g->proto))
			continue;
		if (g->local == 1 || all[i].family == 0) {
			if (g->local == 1 && all[i].family == 0)
				return (true);
			continue;
		}
		net.base.family = all[i].family;
		memcpy(net.base.bytes, all[i].base, 16);
		net.prefix = all[i].prefix;
		if (addr_in_net(&client, &net))
			return (true);
	}
	return (false);
}

Test(helper_bounds, P7_as_the_model_says)
{
	struct order_grant g = { .type = ORDER_ADD };
	size_t i, n = 0, covered = 0;
	uint32_t added = 0;

	for (i = 0; i < TRIPLES; i++)
		all[i] = any();
	qsort(all, TRIPLES, sizeof(all[0]), compare);
	for (i = 0; i < TRIPLES; i++) {
		if (n > 0 && compare(&all[n - 1], &all[i]) == 0) {
			cr_assert_not(bounds_add(&bounds, &all[i]), "twice");
			continue;
		}
		all[n++] = all[i];
		cr_assert(bounds_add(&bounds, &all[n - 1]));
		added++;
	}
	cr_assert_not(bounds_commit(&bounds, added - 1));
	g.family = ADDR_V4;
	cr_assert_not(bounds_cover(&bounds, &g), "not yet in force");
	cr_assert(bounds_commit(&bounds, added));
	for (i = 0; i < PROBES; i++) {
		g.local = roll(6) == 0;
		g.family = roll(2) == 0 ? ADDR_V4 : ADDR_V6;
		memset(g.client, 0, sizeof(g.client));
		if (g.local == 0) {
			g.client[0] = (uint8_t)(9 + roll(3));
			g.client[1 + roll(3)] = (uint8_t)roll(256);
		}
		g.proto = roll(2) == 0 ? 6 : 17;
		g.port = (uint16_t)(52 + roll(5));
		cr_assert_eq(bounds_cover(&bounds, &g), model_covers(&g, n));
		covered += model_covers(&g, n);
	}
	cr_assert(covered > PROBES / 20 && covered < PROBES * 19 / 20,
	    "%zu", covered);
	/* What was in force goes with the next ones. */
	cr_assert(bounds_commit(&bounds, 0));
	for (i = 0; i < 1000; i++) {
		g.family = roll(2) == 0 ? ADDR_V4 : ADDR_V6;
		cr_assert_not(bounds_cover(&bounds, &g));
	}
	cr_assert(bounds_add(&bounds, &all[0]));
}

/* As many as there may be, and not one more. */
Test(helper_bounds, P7_no_more_than_fit)
{
	struct order_bound b = { .type = ORDER_BOUND, .family = ADDR_V6,
	    .prefix = 128 };
	uint32_t i;

	for (i = 0; i < ORDER_BOUNDS_MAX; i++) {
		b.base[0] = (uint8_t)(i >> 16);
		b.base[1] = (uint8_t)(i >> 8);
		b.base[2] = (uint8_t)i;
		cr_assert(bounds_add(&bounds, &b));
		cr_assert_not(bounds_add(&bounds, &b), "twice");
	}
	b.base[0] = 0xff;
	cr_assert_not(bounds_add(&bounds, &b));
	cr_assert(bounds_commit(&bounds, ORDER_BOUNDS_MAX));
}

/* From all clients to one: each length of a prefix is looked for. */
Test(helper_bounds, P7_every_length_of_a_prefix)
{
	struct order_bound b = { .type = ORDER_BOUND, .family = ADDR_V6,
	    .proto = 6, .port = 443 };
	struct order_grant g = { .type = ORDER_ADD, .family = ADDR_V6,
	    .proto = 6, .port = 443 };
	struct addr client = { .family = ADDR_V6 };
	unsigned int prefix;

	for (prefix = 0; prefix <= 128; prefix++) {
		memset(g.client, 0xa5, sizeof(g.client));
		memcpy(client.bytes, g.client, sizeof(client.bytes));
		addr_mask(&client, prefix);
		b.prefix = (uint8_t)prefix;
		memcpy(b.base, client.bytes, sizeof(b.base));
		cr_assert(bounds_add(&bounds, &b));
		cr_assert(bounds_commit(&bounds, 1));
		cr_assert(bounds_cover(&bounds, &g), "%u", prefix);
		/* The neighbour differs in the last bit that counts. */
		if (prefix == 0)
			continue;
		g.client[(prefix - 1) / 8] ^= (uint8_t)(0x80 >>
		    (prefix - 1) % 8);
		cr_assert_not(bounds_cover(&bounds, &g), "%u", prefix);
	}
}
