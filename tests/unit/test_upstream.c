/* Which upstream is asked (D6). */
#include <criterion/criterion.h>

#include <arpa/inet.h>

#include <string.h>

#include "clock.h"
#include "serve/loop.h"
#include "serve/settings.h"
#include "serve/upstream.h"

struct loop loop;
struct settings settings;

static bool probe;

static void
init(size_t n)
{
	size_t i;

	loop.now = 100 * CLOCK_SECOND;
	settings.config.nupstreams = (uint8_t)n;
	for (i = 0; i < n; i++) {
		settings.config.upstreams[i].family = ADDR_V4;
		settings.config.upstreams[i].addr[0] = 192;
		settings.config.upstreams[i].addr[3] = (uint8_t)i;
		settings.config.upstreams[i].port = 53;
	}
	upstream_init();
}

static void
silence(size_t i, unsigned int times)
{
	while (times-- > 0)
		upstream_silent(i);
}

static int
choose(uint32_t tried)
{
	return (upstream_choose(tried, &probe));
}

Test(upstream, in_their_order)
{
	init(3);
	cr_assert_eq(choose(0), 0);
	cr_assert_eq(choose(1), 1);
	cr_assert_eq(choose(5), 1);
	cr_assert_eq(choose(3), 2);
	cr_assert_eq(choose(7), -1);
	cr_assert(!probe);
}

Test(upstream, addresses_and_names)
{
	const struct sockaddr_in *in;
	socklen_t len;

	init(3);
	cr_assert_eq(upstream_count(), 3);
	in = (const void *)upstream_sockaddr(2, &len);
	cr_assert_eq(len, sizeof(*in));
	cr_assert_eq(in->sin_port, htons(53));
	cr_assert_eq(in->sin_addr.s_addr, inet_addr("192.0.0.2"));
	cr_assert_str_eq(upstream_name(2), "192.0.0.2");
}

Test(upstream, one_that_is_silent_three_times_is_asked_last)
{
	init(3);
	silence(0, 2);
	cr_assert_eq(choose(0), 0);
	silence(0, 1);
	cr_assert_eq(choose(0), 1);
	cr_assert_eq(choose(2), 2);
	cr_assert_eq(choose(6), 0);
	cr_assert(!probe);
}

Test(upstream, U6_those_that_are_silent)
{
	init(3);
	silence(0, 3);
	silence(1, 2);
	silence(2, 3);
	cr_assert_eq(upstream_silent_ones(), 5);
	upstream_answered(0);
	cr_assert_eq(upstream_silent_ones(), 4);
}

Test(upstream, an_answer_makes_up_for_silence)
{
	init(2);
	silence(0, 2);
	upstream_answered(0);
	silence(0, 2);
	cr_assert_eq(choose(0), 0);
	silence(0, 1);
	cr_assert_eq(choose(0), 1);
	upstream_answered(0);
	cr_assert_eq(choose(0), 0);
}

/* And by one query only, not by each. */
Test(upstream, it_is_looked_at_again_every_ten_seconds)
{
	unsigned int i;

	init(2);
	silence(0, 3);
	for (i = 0; i < 10; i++) {
		loop.now += 10 * CLOCK_SECOND - 1;
		cr_assert_eq(choose(0), 1);
		loop.now++;
		cr_assert_eq(choose(0), 0);
		cr_assert(probe);
		cr_assert_eq(choose(0), 1);
		cr_assert(!probe);
		silence(0, 1);
	}
}

Test(upstream, one_that_was_tried_is_not_looked_at)
{
	init(2);
	silence(0, 3);
	loop.now += 10 * CLOCK_SECOND;
	cr_assert_eq(choose(1), 1);
	cr_assert(!probe);
	cr_assert_eq(choose(0), 0);
	cr_assert(probe);
}

Test(upstream, if_all_are_silent_the_first_is_better_than_none)
{
	init(3);
	silence(0, 3);
	silence(1, 3);
	silence(2, 3);
	cr_assert_eq(choose(0), 0);
	cr_assert_eq(choose(1), 1);
	cr_assert(!probe);
}
