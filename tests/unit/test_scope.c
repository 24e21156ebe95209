/* Clients that ask from one address and connect from another (G12). */
#include <criterion/criterion.h>

#include <string.h>

#include "addrtext.h"
#include "clock.h"
#include "serve/scope.h"
#include "work.h"

#define DAY	(SCOPE_PERIOD * CLOCK_SECOND)

static struct scope_told told;

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0, "%s", text);
	return (a);
}

/* Number n of a /64, of which there is one for each net. */
static struct addr
numbered(unsigned int net, unsigned int n)
{
	struct addr a = address("fd00::");

	a.bytes[5] = (uint8_t)(net >> 8);
	a.bytes[6] = (uint8_t)net;
	a.bytes[14] = (uint8_t)(n >> 8);
	a.bytes[15] = (uint8_t)n;
	return (a);
}

static bool
may_tell(const char *client, uint64_t now)
{
	struct addr a = address(client);

	return (scope_may_tell(&told, &a, now));
}

Test(scope, G12_link_local)
{
	static const struct {
		const char	*text;
		bool		 link_local, local;
	} cases[] = {
		{ "169.253.255.255", false, false },
		{ "169.254.0.0", true, false },
		{ "169.254.255.255", true, false },
		{ "169.255.0.0", false, false },
		{ "254.128.0.1", false, false },
		{ "252.0.0.1", false, false },
		{ "fe7f:ffff::1", false, false },
		{ "fe80::", true, false }, { "fe80::1", true, false },
		{ "febf:ffff::1", true, false }, { "fec0::1", false, false },
		{ "fbff:ffff::1", false, false }, { "fc00::", false, true },
		{ "fd00::1", false, true }, { "fdff:ffff::1", false, true },
		{ "fe00::1", false, false }, { "2001:db8::1", false, false },
		{ "::1", false, false }
	};
	struct addr a;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a = address(cases[i].text);
		cr_assert_eq(scope_is_link_local(&a), cases[i].link_local,
		    "%s", cases[i].text);
		cr_assert_eq(scope_is_local(&a), cases[i].local, "%s",
		    cases[i].text);
	}
}

Test(scope, G12_once_a_day)
{
	cr_assert(may_tell("fd00::1", 5));
	cr_assert(!may_tell("fd00::1", 5));
	cr_assert(may_tell("fd00::2", 6));
	cr_assert(!may_tell("fd00::1", 5 + DAY - 1));
	cr_assert(may_tell("fd00::1", 5 + DAY));
	cr_assert(!may_tell("fd00::1", 5 + DAY + 1));
	cr_assert(may_tell("fd00::2", 6 + DAY));
	cr_assert(!may_tell("fd00::1", 5 + 2 * DAY - 1));
	cr_assert(may_tell("fd00::1", 5 + 2 * DAY));
	/* Not the same one, although the bytes begin alike. */
	cr_assert(may_tell("169.254.0.1", 0));
	cr_assert(may_tell("a9fe:1::", 0));
}

Test(scope, G12_share_of_a_network)
{
	struct addr a;
	unsigned int i;

	for (i = 0; i < 10 * SCOPE_SHARE; i++) {
		a = numbered(1, i);
		cr_assert_eq(scope_may_tell(&told, &a, i), i < SCOPE_SHARE);
	}
	cr_assert(may_tell("fd00:0:1::1", 0));
	for (i = 0; i < SCOPE_SHARE; i++) {
		a = address("169.254.0.0");
		a.bytes[2] = (uint8_t)i;
		cr_assert(scope_may_tell(&told, &a, i));
	}
	cr_assert(!may_tell("169.254.255.255", i));
	/* Each that is forgotten makes room for one. */
	a = numbered(1, 2000);
	cr_assert(scope_may_tell(&told, &a, DAY));
	a = numbered(1, 2001);
	cr_assert(!scope_may_tell(&told, &a, DAY));
}

/* Ten times more clients than places, and the day after as many again. */
Test(scope, G12_wear)
{
	struct addr a;
	unsigned int i, day, nets = 10 * SCOPE_CLIENTS / SCOPE_SHARE;
	unsigned int yes;

	for (day = 0; day < 3; day++) {
		for (yes = i = 0; i < nets * SCOPE_SHARE; i++) {
			a = numbered(i / SCOPE_SHARE, i % SCOPE_SHARE);
			yes += scope_may_tell(&told, &a, day * DAY);
		}
		cr_assert_eq(yes, SCOPE_CLIENTS);
		cr_assert_eq(told.n, SCOPE_CLIENTS);
	}
}

static struct addr asks;

static void
ask_often(void)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		cr_assert_not(scope_may_tell(&told, &asks, 6));
}

/* Each query of a client that asks from a wrong address comes to it. */
Test(scope, G12_work_of_a_full_table)
{
	struct addr a;
	uint64_t one;
	unsigned int i;

	asks = numbered(0, 0);
	cr_assert(scope_may_tell(&told, &asks, 5));
	one = work_of(ask_often);
	for (i = 1; i < SCOPE_CLIENTS; i++) {
		a = numbered(i / SCOPE_SHARE, i);
		cr_assert(scope_may_tell(&told, &a, 5));
	}
	asks = numbered(SCOPE_CLIENTS, 0);
	/* It is not looked through, which would be a thousand times as much. */
	cr_assert_lt(work_of(ask_often), 20 * one);
}
