/* What a worker knows of machines (U11). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/image.h"
#include "addrtext.h"
#include "compile_text.h"
#include "hash.h"
#include "serve/kin.h"
#include "serve/share.h"

static const struct acl_image *image;

static void
on_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

static void
use_list(const char *text)
{
	static struct acl_compiled c;
	const char *nothing;

	free(c.image);
	cr_assert_eq(compile_text(text, strlen(text), false, on_error, NULL,
	    &c), 0);
	image = acl_image_open(c.image, c.size, &nothing);
}

static void
set_up(void)
{
	hash_init();
	use_list("@a = host 10.0.0.8, fd00::8\n");
}

TestSuite(kin, .init = set_up);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

static void
is_of(const struct addr *a, uint32_t machine)
{
	struct msg_neighbour m = { .type = MSG_NEIGHBOUR, .family = a->family,
	    .machine = machine };

	memcpy(m.client, a->bytes, sizeof(m.client));
	kin_take(&m);
}

static void
say(const char *text, uint32_t machine)
{
	const struct addr a = address(text);

	is_of(&a, machine);
}

/* How many addresses the machine of that client has. */
static unsigned int
count(const char *text)
{
	const struct addr a = address(text);
	struct addr all[KIN_MAX];

	return (kin_list(image, &a, all));
}

static bool
are_one(const char *one, const char *other)
{
	const struct addr a = address(one), b = address(other);

	return (kin_are_one(image, &a, &b));
}

static bool
stands_for(const char *share, const char *client)
{
	const struct addr a = address(client), want = address(share),
	    is = share_of(image, &a);

	return (addr_equal(&is, &want));
}

Test(kin, U11_addresses_of_a_machine)
{
	cr_assert_eq(count("10.0.0.1"), 0);
	say("10.0.0.1", 7);
	say("fd00::1", 7);
	say("2001:db8::1", 7);
	say("10.0.0.2", 7 + 4096);
	cr_assert_eq(count("10.0.0.1"), 3);
	cr_assert_eq(count("2001:db8::1"), 3);
	cr_assert_eq(count("10.0.0.2"), 1);
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	cr_assert_not(are_one("10.0.0.1", "10.0.0.2"));
	cr_assert_not(are_one("10.0.0.3", "10.0.0.4"));
	/* It moves, and is alone. */
	say("fd00::1", 7 + 4096);
	cr_assert(are_one("10.0.0.2", "fd00::1"));
	cr_assert_eq(count("10.0.0.1"), 2);
	say("fd00::1", 0);
	say("fd00::99", 0);
	cr_assert_eq(count("fd00::1"), 0);
	cr_assert_eq(count("10.0.0.2"), 1);
}

Test(kin, U11_the_order_is_the_same_for_all)
{
	const struct addr a = address("10.0.0.1"), b = address("fd00::1");
	struct addr of_a[KIN_MAX] = { 0 }, of_b[KIN_MAX] = { 0 };

	say("10.0.0.1", 1);
	say("fd00::1", 1);
	say("fd00::2", 1);
	cr_assert_eq(kin_list(image, &a, of_a), kin_list(image, &b, of_b));
	cr_assert_arr_eq(of_a, of_b, sizeof(of_a));
}

/* What the list puts in a host is of that one only. */
Test(kin, U11_hosts_of_the_list_come_first)
{
	say("10.0.0.1", 1);
	say("fd00::1", 1);
	say("10.0.0.8", 1);
	cr_assert_eq(count("10.0.0.1"), 2);
	cr_assert_eq(count("10.0.0.8"), 0);
	cr_assert_not(are_one("10.0.0.1", "10.0.0.8"));
	cr_assert(stands_for("10.0.0.8", "fd00::8"));
	cr_assert(stands_for("10.0.0.1", "fd00::1"));
	/* Another list. */
	use_list("@a = host 10.0.0.1, fd00::9\n");
	cr_assert_eq(count("10.0.0.1"), 0);
	cr_assert_eq(count("10.0.0.8"), 2);
	cr_assert(stands_for("10.0.0.8", "fd00::1"));
}

/* Nobody has a share that is not an address of IPv4 or a /64 (D22). */
Test(kin, D22_U11_a_machine_has_one_share)
{
	cr_assert(stands_for("fd00::", "fd00::1"));
	say("fd00::1", 1);
	say("2001:db8::1", 1);
	cr_assert(stands_for("2001:db8::", "fd00::1"));
	cr_assert(stands_for("2001:db8::", "2001:db8::1"));
	say("10.0.0.2", 1);
	say("10.0.0.1", 1);
	cr_assert(stands_for("10.0.0.1", "fd00::1"));
	cr_assert(stands_for("10.0.0.1", "10.0.0.2"));
	say("10.0.0.1", 0);
	cr_assert(stands_for("10.0.0.2", "fd00::1"));
	cr_assert(stands_for("10.0.0.1", "10.0.0.1"));
	/* Before there is a list. */
	image = NULL;
	cr_assert(stands_for("10.0.0.2", "fd00::1"));
}

/* In passing there may be more of one; no more than KIN_MAX are told. */
Test(kin, U11_so_many_of_a_machine)
{
	struct addr a = address("10.0.0.0");
	unsigned int i;

	for (i = 1; i <= KIN_MAX + 5; i++) {
		a.bytes[3] = (uint8_t)(10 + i);
		is_of(&a, 1);
	}
	cr_assert_eq(count("10.0.0.11"), KIN_MAX);
	for (i = 1; i <= 5; i++) {
		a.bytes[3] = (uint8_t)(10 + i);
		is_of(&a, 0);
	}
	cr_assert_eq(count("10.0.0.16"), KIN_MAX);
	cr_assert_eq(count("10.0.0.31"), KIN_MAX);
}

static void
fill(unsigned int n)
{
	struct addr a = address("10.0.0.0");
	unsigned int i;

	for (i = 0; i < n; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		is_of(&a, 1 + i / 2);
	}
}

Test(kin, U11_as_many_as_there_can_be)
{
	fill(MSG_NEIGHBOURS_MAX);
	cr_assert_eq(count("10.0.15.255"), 2);
	/* One goes, another one comes. */
	say("10.0.0.0", 0);
	say("fd00::1", 1);
	cr_assert(are_one("fd00::1", "10.0.0.1"));
}

Test(kin, P7_more_than_there_can_be_end_the_program, .exit_code = 1)
{
	fill(MSG_NEIGHBOURS_MAX + 1);
}
