/* What one client may have in use (D7, D22). */
#include <criterion/criterion.h>

#include <string.h>

#include "addrtext.h"
#include "hash.h"
#include "serve/policy.h"
#include "serve/quota.h"
#include "serve/settings.h"

struct policy policy;

#define MAX	400U		/* --max-connections */
#define SHARE	(MAX / 4)

struct settings settings;

static void
set_up(void)
{
	hash_init();
	settings.config.max_connections = MAX;
	quota_init();
}

TestSuite(clients, .init = set_up);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* Take so many places, and no more. */
static struct quota *
enter(const char *text, unsigned int count)
{
	struct addr a = address(text);
	struct quota *c = NULL;

	while (count-- > 0)
		cr_assert((c = quota_enter(&a)) != NULL, "%s", text);
	return (c);
}

static bool
is_full(const char *text)
{
	struct addr a = address(text);
	struct quota *c = quota_enter(&a);

	if (c != NULL)
		quota_leave(c);
	return (c == NULL);
}

Test(clients, an_ipv4_address_has_a_quarter)
{
	struct quota *c = enter("10.0.0.1", SHARE - 1);

	cr_assert(!is_full("10.0.0.1"));
	enter("10.0.0.1", 1);
	cr_assert(is_full("10.0.0.1"));
	cr_assert(!is_full("10.0.0.2"));
	quota_leave(c);
	cr_assert(!is_full("10.0.0.1"));
}

Test(clients, an_ipv6_subnet_of_64_bits_has_a_quarter)
{
	struct quota *c;

	enter("fd00:0:0:1::1", SHARE / 2);
	c = enter("fd00:0:0:1:ffff:ffff:ffff:ffff", SHARE / 2 - 1);
	cr_assert(!is_full("fd00:0:0:1::2"));
	enter("fd00:0:0:1::3", 1);
	cr_assert(is_full("fd00:0:0:1::1"));
	cr_assert(is_full("fd00:0:0:1::4"));
	cr_assert(!is_full("fd00::1"));
	cr_assert(!is_full("fd00:0:0:2::1"));
	quota_leave(c);
	cr_assert(!is_full("fd00:0:0:1::4"));
}

Test(clients, there_is_one_more_than_requests_and_connections)
{
	struct quota *c[2 * MAX + 1];
	struct addr a = address("10.1.0.0");
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 2 * MAX + 1; i++) {
			a.bytes[2] = (uint8_t)(i >> 8);
			a.bytes[3] = (uint8_t)i;
			cr_assert((c[i] = quota_enter(&a)) != NULL);
		}
		cr_assert(is_full("10.2.0.0"));
		for (i = 0; i < 2 * MAX + 1; i++)
			quota_leave(c[i]);
	}
}

Test(clients, tries_have_a_share)
{
	struct quota *c = enter("10.0.0.1", 1);

	c->tries.amount = SHARE - 1;
	cr_assert(quota_may_try(c));
	c->tries.amount = SHARE;
	cr_assert(!quota_may_try(c));
	cr_assert(quota_may_try(enter("10.0.0.2", 1)));
}

Test(clients, octets_have_a_share_and_a_total)
{
	struct quota *c[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		c[i] = enter((const char *[]){ "10.0.0.1", "10.0.0.2",
		    "10.0.0.3", "10.0.0.4" }[i], 1);
	cr_assert_null(quota_most_octets());
	for (i = 0; i < 3; i++) {
		cr_assert_eq(quota_take_octets(c[i], QUOTA_OCTETS_SHARE - 1),
		    QUOTA_TAKEN);
		cr_assert_eq(quota_take_octets(c[i], 2), QUOTA_AT_SHARE);
		cr_assert_eq(quota_take_octets(c[i], 1), QUOTA_TAKEN);
		cr_assert_eq(quota_take_octets(c[i], 1), QUOTA_AT_SHARE);
	}
	cr_assert_eq(quota_take_octets(c[3], QUOTA_OCTETS_MAX -
	    3 * QUOTA_OCTETS_SHARE + 1), QUOTA_ALL_USED);
	cr_assert_eq(quota_take_octets(c[3], QUOTA_OCTETS_MAX -
	    3 * QUOTA_OCTETS_SHARE), QUOTA_TAKEN);
	cr_assert_eq(quota_take_octets(c[3], 1), QUOTA_ALL_USED);
	/* The one that has most, and of equals the one that has it longest. */
	cr_assert_eq(quota_most_octets(), c[0]);
	quota_give_octets(c[0], QUOTA_OCTETS_SHARE / 2);
	cr_assert_eq(quota_most_octets(), c[1]);
	cr_assert_eq(quota_take_octets(c[3], 1), QUOTA_TAKEN);
}

Test(clients, octets_come_back_ten_times_over)
{
	struct quota *c;
	unsigned int i;

	for (i = 0; i < 10 * QUOTA_OCTETS_MAX / 65536; i++) {
		c = enter(i % 2 ? "10.0.0.1" : "10.0.0.2", 1);
		cr_assert_eq(quota_take_octets(c, 65536), QUOTA_TAKEN);
		cr_assert_eq(quota_most_octets(), c);
		quota_give_octets(c, 65536);
		quota_leave(c);
	}
	cr_assert_null(quota_most_octets());
}

/* Each amount is in its place but for a fifth. */
Test(clients, the_rank_is_in_order)
{
	static const uint32_t amounts[] = { 1, 2, 3, 4, 5, 6, 7, 8, 10, 100,
	    125, 1000, 1250, UINT32_MAX / 2, UINT32_MAX / 5 * 4, UINT32_MAX };
	struct rank_entry entries[sizeof(amounts) / sizeof(amounts[0])] = { 0 };
	struct rank rank;
	unsigned int i, n = sizeof(amounts) / sizeof(amounts[0]);

	rank_init(&rank);
	cr_assert_null(rank_top(&rank));
	for (i = 0; i < n; i++) {
		rank_set(&rank, &entries[i], amounts[i]);
		cr_assert_eq(rank_top(&rank), &entries[i], "%u", i);
	}
	for (i = n; i-- > 0;) {
		cr_assert_eq(rank_top(&rank), &entries[i], "%u", i);
		rank_set(&rank, &entries[i], 0);
	}
	cr_assert_null(rank_top(&rank));
}

/* With one worker all are its own; of three each client is of one (P5). */
Test(clients, P5_each_is_here_or_elsewhere)
{
	unsigned int i, here;
	char text[20];

	settings.config.nworkers = 1;
	cr_assert(quota_is_here(&(struct addr){ .family = ADDR_V4 }));
	settings.config.nworkers = 3;
	for (i = 0; i < 100; i++) {
		sprintf(text, i % 2 ? "10.0.0.%u" : "fd00::%u", i);
		const struct addr a = address(text);

		for (here = 0, settings.config.number = 0;
		    settings.config.number < 3; settings.config.number++)
			here += quota_is_here(&a);
		cr_assert_eq(here, 1, "%s", text);
	}
}
