/* What the helper does not start with (P1, P3). */
#include <criterion/criterion.h>

#include <sys/mman.h>

#include <linux/netfilter.h>

#include <fcntl.h>
#include <unistd.h>

#include "helper_rig.h"
#include "netns.h"
#include "start/given.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct stamps *stamps;

static void
set_up(void)
{
	static const struct stamps_wish wish = {
	    .table_family = NFPROTO_INET, .table = "filter", .chain = "dns",
	    .max_grants = 1000 };

	new_netns();
	stamps = rig_stamps(&wish);
}

TestSuite(helper_start, .init = set_up, .timeout = 30);

static int
memory(size_t size, int seals)
{
	int fd = memfd_create("stamps", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	cr_assert_neq(fd, -1);
	cr_assert_eq(write(fd, stamps, sizeof(*stamps)),
	    (ssize_t)sizeof(*stamps));
	cr_assert_eq(ftruncate(fd, (off_t)size), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	/* Above those that it is moved to. */
	return (fcntl(fd, F_DUPFD_CLOEXEC, 40));
}

static void
fails(void)
{
	cr_assert_eq(rig_start_fails(memory(sizeof(*stamps), SEALS)), 1);
}

/* Else the other tests of this file say nothing. */
Test(helper_start, P3_as_they_are)
{
	struct rig r;

	rig_start(&r);
}

Test(helper_start, P3_stamps_that_can_be_changed)
{
	cr_assert_eq(rig_start_fails(memory(sizeof(*stamps),
	    SEALS & ~F_SEAL_WRITE)), 1);
}

Test(helper_start, P3_stamps_that_are_longer)
{
	cr_assert_eq(rig_start_fails(memory(sizeof(*stamps) + 1, SEALS)), 1);
}

Test(helper_start, P3_stamps_of_another_version)
{
	stamps->version++;
	fails();
}

Test(helper_start, P3_stamps_of_another_size)
{
	stamps->size++;
	fails();
}

/* A filter of nothing would be none. */
Test(helper_start, P1_no_filter)
{
	stamps->nfilter = 0;
	fails();
}

Test(helper_start, P1_a_filter_longer_than_its_place)
{
	stamps->nfilter = STAMPS_FILTER_MAX + 1;
	fails();
}

Test(helper_start, P7_no_rate)
{
	stamps->limits.rate = 0;
	fails();
}

/* dnsfw has made it another one than it says. */
Test(helper_start, P1_another_user)
{
	stamps->uid++;
	fails();
}

Test(helper_start, P1_another_group)
{
	stamps->gid++;
	fails();
}
