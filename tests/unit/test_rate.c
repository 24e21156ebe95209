/* How often a client may ask (SPEC 6, --client-rate). */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "clock.h"
#include "hash.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/rate.h"
#include "serve/settings.h"

#define PLACES	16384U		/* of the table */
#define DAY	(86400 * CLOCK_SECOND)

struct settings settings;
struct loop loop;

static void
set_up(void)
{
	hash_init();
	loop.now = 1000 * CLOCK_SECOND;
}

TestSuite(rate, .init = set_up, .timeout = 60);

static void
with(uint32_t rate)
{
	settings.config.client_rate = rate;
	rate_init();
}

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* One of many. */
static struct addr
number(uint32_t i)
{
	struct addr a = { .family = ADDR_V4 };

	memcpy(a.bytes, &i, sizeof(i));
	return (a);
}

/* How many of so many pass? */
static unsigned int
pass(const struct addr *a, unsigned int tries)
{
	unsigned int n = 0;

	while (tries-- > 0)
		n += rate_take(a);
	return (n);
}

static unsigned int
passes(const char *text, unsigned int tries)
{
	struct addr a = address(text);

	return (pass(&a, tries));
}

/* All at once, and then one each Nth of a second. */
static void
is_exact(uint32_t rate)
{
	const uint64_t each = CLOCK_SECOND / rate;

	with(rate);
	cr_assert_eq(passes("10.0.0.1", rate + 1), rate);
	loop.now += each - 1;
	cr_assert_eq(passes("10.0.0.1", 1), 0);
	loop.now += 1;
	cr_assert_eq(passes("10.0.0.1", 2), 1);
	/* What was refused has cost nothing. */
	loop.now += each;
	cr_assert_eq(passes("10.0.0.1", 2), 1);
	/* No more than all, however long that was. */
	loop.now += CLOCK_SECOND;
	cr_assert_eq(passes("10.0.0.1", rate + 1), rate);
	loop.now += DAY;
	cr_assert_eq(passes("10.0.0.1", rate + 1), rate);
}

Test(rate, one_a_second)
{
	is_exact(1);
}

Test(rate, three_a_second)
{
	is_exact(3);
}

Test(rate, a_thousand_a_second)
{
	is_exact(1000);
}

Test(rate, an_odd_number_a_second)
{
	is_exact(999983);
}

Test(rate, as_many_a_second_as_there_may_be)
{
	is_exact(MSG_CLIENT_RATE_MAX);
}

Test(rate, right_after_the_boot)
{
	loop.now = 0;
	with(3);
	cr_assert_eq(passes("10.0.0.1", 10), 3);
	loop.now = CLOCK_SECOND / 3;
	cr_assert_eq(passes("10.0.0.1", 10), 1);
}

Test(rate, an_ipv4_address_and_an_ipv6_network_of_64_bits)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6,
	    .sin6_addr.s6_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 } };
	struct addr a;

	with(4);
	cr_assert_eq(passes("10.0.0.1", 3), 3);
	cr_assert_eq(passes("10.0.0.2", 5), 4);
	/* As a socket of both families has it (A1). */
	cr_assert_eq(addr_from_sockaddr((struct sockaddr *)&mapped, &a, NULL),
	    0);
	cr_assert_eq(pass(&a, 2), 1);
	cr_assert_eq(passes("10.0.0.1", 1), 0);
	cr_assert_eq(passes("fd00:0:0:1::1", 2), 2);
	cr_assert_eq(passes("fd00:0:0:1:ffff:ffff:ffff:ffff", 3), 2);
	cr_assert_eq(passes("fd00:0:0:1::1", 1), 0);
	cr_assert_eq(passes("fd00:0:0:2::1", 5), 4);
	cr_assert_eq(passes("fd00:0:0:1::1", 1), 0);
}

/* Each has its own, whoever came before it. */
Test(rate, ten_times_more_clients_than_there_are_places)
{
	unsigned int round;
	struct addr a;
	uint32_t i;

	with(2);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 10 * PLACES; i++) {
			a = number(i);
			cr_assert_eq(pass(&a, 3), 2, "%u", i);
			loop.now += CLOCK_SECOND / 10 / PLACES;
		}
		loop.now += CLOCK_SECOND;
	}
}

/* As many as that with one message have their tokens, if there is room. */
Test(rate, half_as_many_clients_as_there_are_places)
{
	unsigned int forgotten = 0;
	struct addr a;
	uint32_t i;

	with(1);
	for (i = 0; i < PLACES / 2; i++) {
		a = number(i);
		cr_assert(rate_take(&a));
	}
	for (i = 0; i < PLACES / 2; i++) {
		a = number(i);
		forgotten += rate_take(&a);
	}
	/* Eight of a set have room, and in the mean there are four. */
	cr_assert_lt(forgotten, PLACES / 20);
}

/* A good client always passes; one that asks for more gets no more by it. */
Test(rate, a_flood_of_made_up_addresses)
{
	struct addr good = address("10.0.0.1"), bad = address("10.0.0.2"), a;
	unsigned int ms, i, passed = 0;

	with(10);
	for (ms = 0; ms < 5000; ms++) {
		for (i = 0; i < 100; i++) {
			a = number(1000000 + ms * 100 + i);
			cr_assert(rate_take(&a));
		}
		passed += pass(&bad, 3);
		if (ms % 100 == 0)
			cr_assert(rate_take(&good), "%u", ms);
		loop.now += CLOCK_SECOND / 1000;
	}
	cr_assert_eq(passed, 10 + 49, "%u", passed);
}

/* Nor who is forged, again and again, beyond what it may. */
Test(rate, a_flood_of_few_addresses_takes_nobody_elses)
{
	struct addr good = address("10.0.0.1"), a;
	unsigned int ms, i, passed = 0;

	with(10);
	for (ms = 0; ms < 2000; ms++) {
		for (i = 0; i < 100; i++) {
			a = number(1000000 + i);
			passed += rate_take(&a);
		}
		if (ms % 100 == 0)
			cr_assert(rate_take(&good), "%u", ms);
		loop.now += CLOCK_SECOND / 1000;
	}
	cr_assert_eq(passed, 100 * (10 + 19), "%u", passed);
}

/* Who waits has its turn beside who takes each token; both together: the rate. */
Test(rate, who_waits_has_one_in_advance)
{
	const uint64_t each = CLOCK_SECOND / 4;
	struct addr a = address("10.0.0.1");
	unsigned int i, waited = 0, taken = 0;
	uint64_t since;

	with(4);
	cr_assert_eq(pass(&a, 5), 4);
	since = loop.now;
	cr_assert(!rate_take_waiting(&a, since));
	loop.now += each - 1;
	cr_assert(!rate_take_waiting(&a, since));
	loop.now += 1;
	cr_assert(rate_take(&a));
	cr_assert(rate_take_waiting(&a, since));
	/* But one, however many wait. */
	cr_assert(!rate_take_waiting(&a, since));
	loop.now += each;
	cr_assert(!rate_take(&a));
	for (i = 0; i < 1000; i++) {
		taken += rate_take(&a);
		waited += rate_take_waiting(&a, since);
		loop.now += each / 10;
	}
	cr_assert_eq(waited, 100, "%u", waited);
	cr_assert_eq(taken, 0, "%u", taken);
	/* It is not a second burst. */
	loop.now += CLOCK_SECOND + each;
	cr_assert_eq(pass(&a, 5), 4);
}

Test(rate, what_is_above_it_is_counted)
{
	struct addr a = address("10.0.0.1");

	with(1);
	rate_exceeded(&a);
	rate_exceeded(&a);
	cr_assert_eq(counters.limited, 2);
}
