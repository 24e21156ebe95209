/* Which addresses are one machine's, and what workers are told of it (U11, P5). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "hash.h"
#include "choice.h"
#include "keep/hosts.h"
#include "keep/machines.h"

#define WORKERS	3

/* What the workers know: a machine's number for each address. */
static struct {
	struct addr	addr;
	uint32_t	machine;
} known[WORKERS][3 * MSG_NEIGHBOURS_MAX];
static unsigned int nknown[WORKERS], ntold;

static void
set_up(void)
{
	hash_init();
	machines_open(WORKERS);
	machines_list();
}

TestSuite(keep_machines, .init = set_up, .timeout = 60);

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

static struct machines_link
link_of(uint32_t interface, unsigned int number)
{
	struct machines_link l = { .interface = interface, .len = 6 };

	l.addr[0] = 2;
	l.addr[4] = (uint8_t)(number >> 8);
	l.addr[5] = (uint8_t)number;
	return (l);
}

/* On the interface 2, but where it says so. */
static void
put(const char *text, unsigned int number)
{
	const struct machines_link l = link_of(2, number);
	const struct addr a = address(text);

	machines_put(&l, &a, false);
}

static void
drop(const char *text)
{
	const struct addr a = address(text);

	machines_remove(2, &a);
}

static void
learn(unsigned int worker, const struct msg_neighbour *m)
{
	struct addr a = { .family = m->family };
	unsigned int i;

	memcpy(a.bytes, m->client, sizeof(a.bytes));
	for (i = 0; i < nknown[worker]; i++)
		if (addr_equal(&known[worker][i].addr, &a))
			break;
	if (i == nknown[worker])
		known[worker][nknown[worker]++].addr = a;
	known[worker][i].machine = m->machine;
}

static void
tell(unsigned int worker)
{
	struct msg_neighbour out[MSG_BATCH_MAX], copy;
	size_t i, n;

	while (machines_wait(worker)) {
		n = machines_tell(worker, out);
		cr_assert(n > 0 && n <= MSG_BATCH_MAX);
		for (i = 0; i < n; i++) {
			cr_assert_eq(msg_neighbour_decode(&out[i],
			    sizeof(out[i]), &copy), MSG_OK);
			learn(worker, &out[i]);
			ntold++;
		}
	}
	cr_assert_eq(machines_tell(worker, out), 0);
}

static uint32_t
number(unsigned int worker, const char *text)
{
	const struct addr a = address(text);
	unsigned int i;

	for (i = 0; i < nknown[worker]; i++)
		if (addr_equal(&known[worker][i].addr, &a))
			return (known[worker][i].machine);
	return (0);
}

static bool
are_one(const char *one, const char *other)
{
	unsigned int w;

	for (w = 0; w < WORKERS; w++)
		tell(w);
	for (w = 1; w < WORKERS; w++)
		cr_assert_eq(number(w, one) == number(w, other),
		    number(0, one) == number(0, other));
	return (number(0, one) != 0 && number(0, one) == number(0, other));
}

static bool
stands_for(const char *first, const char *client)
{
	const struct addr want = address(first);
	struct addr a = address(client);

	return (machines_first(&a) && addr_equal(&a, &want));
}

Test(keep_machines, U11_the_same_hardware_address_on_the_same_interface)
{
	const struct machines_link other = link_of(3, 1);
	const struct addr a = address("10.0.0.3");

	put("10.0.0.1", 1);
	put("fd00::1", 1);
	put("10.0.0.2", 2);
	machines_put(&other, &a, false);
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	cr_assert_not(are_one("10.0.0.1", "10.0.0.2"));
	cr_assert_not(are_one("10.0.0.1", "10.0.0.3"));
	cr_assert_eq(machines_count(), 4);
	cr_assert(stands_for("10.0.0.1", "fd00::1"));
	cr_assert(stands_for("10.0.0.2", "10.0.0.2"));
	cr_assert_not(stands_for("10.0.0.4", "10.0.0.4"));
	/* What is known already is not told again. */
	ntold = 0;
	put("10.0.0.1", 1);
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	cr_assert_eq(ntold, 0);
}

Test(keep_machines, U11_an_address_that_moves_or_goes)
{
	put("10.0.0.1", 1);
	put("fd00::1", 1);
	put("10.0.0.2", 2);
	put("fd00::1", 2);
	cr_assert(are_one("10.0.0.2", "fd00::1"));
	cr_assert_not(are_one("10.0.0.1", "fd00::1"));
	drop("fd00::1");
	drop("fd00::9");
	cr_assert_not(are_one("10.0.0.2", "fd00::1"));
	cr_assert_eq(number(0, "fd00::1"), 0);
	cr_assert_not(stands_for("10.0.0.2", "fd00::1"));
	/* A machine that has gone and comes is another one. */
	ntold = number(0, "10.0.0.1");
	drop("10.0.0.1");
	put("10.0.0.1", 1);
	cr_assert(are_one("10.0.0.1", "10.0.0.1"));
	cr_assert_neq(number(0, "10.0.0.1"), ntold);
}

/* However often it changes: one message for each worker. */
Test(keep_machines, U11_P7_changes_in_between_are_not_told)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		put("10.0.0.1", 1 + i % 2);
		put("fd00::1", 2 - i % 2);
	}
	cr_assert_not(are_one("10.0.0.1", "fd00::1"));
	cr_assert_eq(ntold, 2 * WORKERS);
}

/* Who is on another interface, too, is where it was first. */
Test(keep_machines, U11_an_address_on_two_interfaces)
{
	const struct machines_link other = link_of(3, 7);
	const struct addr a = address("10.0.0.1");

	put("10.0.0.1", 1);
	put("fd00::1", 1);
	machines_put(&other, &a, false);
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	machines_remove(3, &a);
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	cr_assert_not(machines_may_more());
	drop("10.0.0.1");
	cr_assert(machines_may_more());
	machines_list();
	cr_assert_not(machines_may_more());
	machines_put(&other, &a, false);
	cr_assert_not(are_one("10.0.0.1", "fd00::1"));
}

Test(keep_machines, U11_sixteen_of_a_machine)
{
	struct machines_link l = link_of(2, 1);
	struct addr a = address("fd00::");
	unsigned int i;

	put("10.0.0.1", 1);
	for (i = 1; i < MSG_MACHINE_MAX + 3; i++) {
		a.bytes[15] = (uint8_t)i;
		machines_put(&l, &a, false);
	}
	cr_assert(are_one("10.0.0.1", "fd00::f"));
	cr_assert_eq(machines_count(), MSG_MACHINE_MAX);
	/* The one too many is alone, also if it was another one's. */
	put("fd00::99", 2);
	put("fd00::99", 1);
	cr_assert_eq(are_one("10.0.0.1", "fd00::99"), false);
	cr_assert_eq(number(0, "fd00::99"), 0);
	cr_assert(machines_may_more());
	machines_list();
	put("fd00::99", 1);
	cr_assert_not(machines_may_more());
	drop("10.0.0.1");
	cr_assert(machines_may_more());
	put("fd00::99", 1);
	cr_assert(are_one("fd00::1", "fd00::99"));
}

/* What the kernel does not hear of any more makes room, the longest of it first. */
Test(keep_machines, U11_a_stale_address_makes_room)
{
	const struct machines_link l = link_of(2, 1);
	struct addr a = address("fd00::");
	unsigned int i;

	for (i = 1; i <= MSG_MACHINE_MAX; i++) {
		a.bytes[15] = (uint8_t)i;
		machines_put(&l, &a, false);
	}
	a = address("fd00::2");
	machines_put(&l, &a, true);
	a = address("fd00::1");
	machines_put(&l, &a, true);
	/* That it is told again makes it no younger. */
	a = address("fd00::2");
	machines_put(&l, &a, true);
	a = address("fd00::99");
	machines_put(&l, &a, true);
	cr_assert_not(are_one("fd00::99", "fd00::3"));
	machines_put(&l, &a, false);
	cr_assert(are_one("fd00::99", "fd00::1"));
	cr_assert_not(are_one("fd00::2", "fd00::3"));
	/* It is no room for those that were turned away. */
	cr_assert_not(machines_may_more());
	a = address("fd00::1");
	machines_put(&l, &a, false);
	a = address("fd00::98");
	machines_put(&l, &a, false);
	cr_assert_not(are_one("fd00::98", "fd00::3"));
	drop("fd00::99");
	cr_assert(machines_may_more());
	machines_put(&l, &a, false);
	cr_assert(are_one("fd00::98", "fd00::1"));
}

/* What a listing did not have has gone unnoticed. */
Test(keep_machines, U11_a_listing)
{
	put("10.0.0.1", 1);
	put("fd00::1", 1);
	machines_listed();
	cr_assert(are_one("10.0.0.1", "fd00::1"));
	machines_list();
	put("10.0.0.1", 1);
	machines_listed();
	cr_assert_not(are_one("10.0.0.1", "fd00::1"));
	cr_assert_eq(machines_count(), 1);
}

static void
put_many(unsigned int first, unsigned int n)
{
	struct addr a = address("10.0.0.0");
	struct machines_link l;
	unsigned int i;

	for (i = first; i < first + n; i++) {
		l = link_of(2, i / 2);
		a.bytes[1] = (uint8_t)(i >> 16);
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		machines_put(&l, &a, false);
	}
}

/* Ten times what fits: who came first stays; and a slow worker is waited for. */
Test(keep_machines, U11_more_than_fit)
{
	put_many(0, 10 * MSG_NEIGHBOURS_MAX);
	cr_assert_eq(machines_count(), MSG_NEIGHBOURS_MAX);
	cr_assert(are_one("10.0.0.0", "10.0.0.1"));
	cr_assert_eq(number(0, "10.0.16.0"), 0);
	cr_assert_eq(nknown[0], MSG_NEIGHBOURS_MAX);
	drop("10.0.0.0");
	tell(0);
	tell(1);
	/* Worker 2 has not heard of it: its table would be too full. */
	put("10.0.16.0", 1000);
	cr_assert_eq(machines_count(), MSG_NEIGHBOURS_MAX - 1);
	cr_assert(machines_may_more());
	tell(2);
	put("10.0.16.0", 1000);
	cr_assert(are_one("10.0.16.0", "10.0.7.208"));
}

/* The list's hosts come first (U11). */
Test(keep_machines, P5_U11_whom_a_machine_reaches)
{
	struct msg_host h = { .type = MSG_HOST, .family = ADDR_V4,
	    .base = { 10, 0, 0, 1 }, .prefix = 32 };
	const struct addr one = address("10.0.0.1"), other = address("fd00::1"),
	    stranger = address("10.0.0.9");
	const unsigned int of_one = choice_worker(ADDR_V4, one.bytes, WORKERS),
	    of_other = choice_worker(ADDR_V6, other.bytes, WORKERS);
	unsigned int w;

	put("10.0.0.1", 1);
	put("fd00::1", 1);
	for (w = 0; w < WORKERS; w++) {
		cr_assert_eq(machines_reach(&one, w),
		    w == of_one || w == of_other);
		cr_assert_eq(machines_reach(&other, w),
		    w == of_one || w == of_other);
		cr_assert_not(machines_reach(&stranger, w));
	}
	hosts_begin();
	cr_assert(hosts_take(&h));
	hosts_commit(WORKERS);
	for (w = 0; w < WORKERS; w++) {
		cr_assert_not(machines_reach(&one, w));
		cr_assert_eq(machines_reach(&other, w), w == of_other);
	}
	cr_assert_not(stands_for("10.0.0.1", "10.0.0.1"));
	cr_assert(stands_for("fd00::1", "fd00::1"));
}
