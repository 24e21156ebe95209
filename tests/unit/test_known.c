/* Who has asked from a network of a host, and what other workers hear of it (U11). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "acl/hosts.h"
#include "acl/image.h"
#include "addrtext.h"
#include "clock.h"
#include "compile_text.h"
#include "hash.h"
#include "serve/known.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/priv.h"
#include "serve/settings.h"

struct loop loop;
struct policy policy;
struct settings settings;

static struct addr told;		/* of whom the keeper was told last */
static unsigned int ntold;
static bool full;			/* the channel */

bool
priv_send(const void *buf, size_t len)
{
	struct msg_known m;

	if (full)
		return (false);
	cr_assert_eq(msg_known_decode(buf, len, MSG_ASKED, &m), MSG_OK);
	told.family = ADDR_V6;
	memcpy(told.bytes, m.client, sizeof(m.client));
	ntold++;
	return (true);
}

static void
on_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static void
set_up(void)
{
	static const char text[] =
	    "@a = host 10.0.0.1, fd01::2, fd01::/64, fd02::/64\n"
	    "@b = host 10.0.0.2, fd03::/64\n10.0.0.3 ~> a\n";
	static struct acl_compiled c;
	const char *nothing;

	hash_init();
	cr_assert_eq(compile_text(text, strlen(text), false, on_error, NULL,
	    &c), 0);
	policy.image = acl_image_open(c.image, c.size, &nothing);
	loop.now = 1000 * CLOCK_SECOND;
	settings.config.nworkers = 2;
}

TestSuite(known, .init = set_up);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

static void
asks(const char *text)
{
	const struct addr a = address(text);

	known_asked(&a);
}

static void
is_told(const char *text)
{
	struct msg_known m = { .type = MSG_KNOWN };
	const struct addr a = address(text);

	memcpy(m.client, a.bytes, sizeof(m.client));
	known_take(&m);
}

/* Is it known of the host of the first address? */
static bool
is_known(const char *text)
{
	const struct addr a = address(text), of = address("10.0.0.1");
	struct addr all[KNOWN_MAX];
	unsigned int i, n;
	uint32_t host;

	cr_assert(acl_host_of(policy.image, &of, &host));
	n = known_list(host, all);
	for (i = 0; i < n; i++)
		if (addr_equal(&all[i], &a))
			return (true);
	return (false);
}

/* At once, then each hour. */
Test(known, U11_the_keeper_is_told)
{
	const struct addr a = address("fd01::5");

	asks("fd01::5");
	cr_assert(ntold == 1 && addr_equal(&told, &a));
	loop.now += KNOWN_AGAIN * CLOCK_SECOND - 1;
	asks("fd01::5");
	cr_assert_eq(ntold, 1);
	loop.now++;
	asks("fd01::5");
	cr_assert_eq(ntold, 2);
	asks("fd02::5");
	cr_assert_eq(ntold, 3);
	/* Of the host that they are of, and of no other one. */
	asks("fd03::5");
	cr_assert_eq(ntold, 4);
	cr_assert(is_known("fd01::5") && is_known("fd02::5") &&
	    !is_known("fd03::5"));
}

/* What the list names, and who is of no host. */
Test(known, U11_what_all_know_is_not_told)
{
	asks("fd01::2");
	asks("10.0.0.1");
	asks("10.0.0.3");
	asks("fd04::1");
	cr_assert_eq(ntold, 0);
}

Test(known, U11_one_worker_tells_nobody)
{
	settings.config.nworkers = 1;
	asks("fd01::5");
	cr_assert_eq(ntold, 0);
	cr_assert(is_known("fd01::5"));
}

/* What does not fit is told when it asks again, and known here anyhow. */
Test(known, U11_a_full_channel_is_not_waited_for)
{
	full = true;
	asks("fd01::5");
	cr_assert(is_known("fd01::5"));
	full = false;
	asks("fd01::5");
	cr_assert_eq(ntold, 1);
}

/* Who makes up addresses is told of no faster, and takes nothing from other hosts. */
Test(known, P7_a_host_has_its_pace)
{
	char text[32];
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "fd01::1:%x", i);
		asks(text);
	}
	cr_assert_eq(ntold, KNOWN_MAX);
	asks("fd03::1");
	cr_assert_eq(ntold, KNOWN_MAX + 1);
	loop.now += CLOCK_SECOND;
	asks("fd01::2:1");
	asks("fd01::2:2");
	cr_assert_eq(ntold, KNOWN_MAX + 1 + KNOWN_RATE);
}

/* As if it had asked here, but that is not told on. */
Test(known, U11_what_another_worker_has_heard)
{
	is_told("fd01::5");
	is_told("fd03::5");
	is_told("fd01::2");
	is_told("fd04::1");
	cr_assert(is_known("fd01::5") && !is_known("fd03::5") &&
	    !is_known("fd01::2"));
	cr_assert_eq(ntold, 0);
	loop.now += KNOWN_PERIOD * CLOCK_SECOND - 1;
	cr_assert(is_known("fd01::5"));
	loop.now++;
	cr_assert(!is_known("fd01::5"));
}
