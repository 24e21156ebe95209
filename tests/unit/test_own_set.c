/* Own and broadcast addresses as the worker has them (G8). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "serve/own.h"
#include "serve/settings.h"

struct settings settings;

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0, "%s", text);
	return (a);
}

/* An address with its network; peer: what a point-to-point link leads to. */
static void
tell(const char *local, const char *other, unsigned int prefix)
{
	struct msg_own m = { .type = MSG_OWN, .prefix = (uint8_t)prefix };
	struct addr a = address(local), b = address(other);

	m.family = a.family;
	memcpy(m.local, a.bytes, sizeof(m.local));
	memcpy(m.broadcast, a.bytes, sizeof(m.broadcast));
	addr_mask(&b, prefix);
	memcpy(m.network, b.bytes, sizeof(m.network));
	own_take(&m);
}

static void
end(void)
{
	own_take(&(struct msg_own){ .type = MSG_OWN });
}

static bool
is_own(const char *text)
{
	struct addr a = address(text);

	return (bsearch(&a, settings.vet.own, settings.vet.nown, sizeof(a),
	    dns_vet_order) != NULL);
}

Test(own_set, a_network_has_a_first_and_a_last_address)
{
	tell("10.66.1.1", "10.66.1.1", 24);
	end();
	cr_assert(is_own("10.66.1.1"));
	cr_assert(is_own("10.66.1.0"));
	cr_assert(is_own("10.66.1.255"));
	cr_assert(!is_own("10.66.1.2"));
	cr_assert(!is_own("10.66.1.254"));
	cr_assert(!is_own("10.66.0.255"));
	cr_assert(!is_own("10.66.2.0"));
}

/* RFC 3021: both are hosts, and the other one is the peer. */
Test(own_set, a_network_of_two_or_one_has_none)
{
	tell("10.66.1.2", "10.66.1.2", 31);
	tell("10.66.1.9", "10.66.1.9", 32);
	tell("fd00:66::4", "fd00:66::4", 127);
	tell("fd00:66::8", "fd00:66::8", 128);
	end();
	cr_assert(is_own("10.66.1.2"));
	cr_assert(!is_own("10.66.1.3"));
	cr_assert(is_own("10.66.1.9"));
	cr_assert(!is_own("10.66.1.8"));
	cr_assert(is_own("fd00:66::4"));
	cr_assert(!is_own("fd00:66::5"));
	cr_assert(is_own("fd00:66::8"));
	cr_assert(!is_own("fd00:66::9"));
}

Test(own_set, own_address_is_the_second_of_two)
{
	tell("10.66.1.3", "10.66.1.3", 31);
	tell("fd00:66::5", "fd00:66::5", 127);
	end();
	cr_assert(is_own("10.66.1.3"));
	cr_assert(!is_own("10.66.1.2"));
	cr_assert(is_own("fd00:66::5"));
	cr_assert(!is_own("fd00:66::4"));
}

Test(own_set, a_network_of_four_has_both)
{
	tell("10.66.1.5", "10.66.1.5", 30);
	end();
	cr_assert(is_own("10.66.1.4"));
	cr_assert(is_own("10.66.1.5"));
	cr_assert(!is_own("10.66.1.6"));
	cr_assert(is_own("10.66.1.7"));
}

Test(own_set, ipv6_has_no_broadcast)
{
	tell("fd00:66::1", "fd00:66::1", 64);
	tell("fd00:67::1", "fd00:67::1", 126);
	end();
	cr_assert(is_own("fd00:66::"));
	cr_assert(is_own("fd00:66::1"));
	cr_assert(!is_own("fd00:66::ffff:ffff:ffff:ffff"));
	cr_assert(is_own("fd00:67::"));
	cr_assert(!is_own("fd00:67::3"));
}

Test(own_set, the_whole_of_ipv4_has_both)
{
	tell("10.66.1.1", "10.66.1.1", 0);
	end();
	cr_assert(is_own("0.0.0.0"));
	cr_assert(is_own("255.255.255.255"));
}

/* The one before is in force until the next is complete. */
Test(own_set, a_set_comes_in_beside_the_one_before)
{
	unsigned int round;

	for (round = 0; round < 10; round++) {
		tell("10.66.1.1", "10.66.1.1", 24);
		end();
		cr_assert(is_own("10.66.1.1"));
		cr_assert(!is_own("10.77.1.1"));
		tell("10.77.1.1", "10.77.1.1", 24);
		cr_assert(is_own("10.66.1.1"));
		cr_assert(!is_own("10.77.1.1"));
		end();
		cr_assert(!is_own("10.66.1.1"));
		cr_assert(is_own("10.77.1.1"));
	}
	end();
	cr_assert_eq(settings.vet.nown, 0);
}

/* Ten times as many as there are places, in sets of the longest. */
Test(own_set, the_longest_set_comes_ten_times)
{
	char text[ADDR_TEXT_MAX];
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < MSG_OWN_MAX; i++) {
			snprintf(text, sizeof(text), "10.%u.%u.%u", round,
			    i >> 6, (i & 63) << 2 | 1);
			tell(text, text, 30);
		}
		end();
		cr_assert_eq(settings.vet.nown, 4 * MSG_OWN_MAX);
		cr_assert(is_own(text));
		snprintf(text, sizeof(text), "10.%u.0.3", round);
		cr_assert(is_own(text));
		snprintf(text, sizeof(text), "10.%u.0.2", round);
		cr_assert(!is_own(text));
	}
}

Test(own_set, a_set_that_is_too_long_ends_the_program, .exit_code = 1)
{
	unsigned int i;

	for (i = 0; i < MSG_OWN_MAX; i++)
		tell("10.66.1.1", "10.66.1.1", 24);
	end();
	for (i = 0; i < MSG_OWN_MAX; i++)
		tell("10.66.1.1", "10.66.1.1", 24);
	tell("10.66.1.1", "10.66.1.1", 24);
}

/* What is under way is decided again then: with the end of a set, not before. */
Test(own_set, each_set_is_another_one)
{
	const uint64_t before = settings.own_changes;

	tell("10.66.1.1", "10.66.1.1", 24);
	cr_assert_eq(settings.own_changes, before);
	end();
	cr_assert_eq(settings.own_changes, before + 1);
	end();
	cr_assert_eq(settings.own_changes, before + 2);
}
