/* What the helper does not start with (P1, P3). */
#include <criterion/criterion.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/netfilter.h>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "helper_rig.h"
#include "netns.h"
#include "start/given.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- what dnsfw does before, of which a test may leave something out --- */

static int omitted;			/* of prctl(2) */
static bool with_groups, anywhere;
static bool deaf;			/* no socket leads to the kernel */

int	__wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
	    unsigned long d);
int	__real_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
	    unsigned long d);
int	__wrap_getgroups(int n, gid_t *groups);
int	__real_getgroups(int n, gid_t *groups);
int	__wrap_setgroups(size_t n, const gid_t *groups);
int	__real_setgroups(size_t n, const gid_t *groups);
int	__wrap_given_netlink(uint32_t groups);
int	__real_given_netlink(uint32_t groups);
void	__wrap_drop_directory(void);
void	__real_drop_directory(void);

int
__wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
    unsigned long d)
{
	int n = op == omitted ? 0 : __real_prctl(op, a, b, c, d);

	/* As if it had been done. */
	return (op == PR_CAPBSET_READ && omitted == PR_CAPBSET_DROP && n == 1 ?
	    0 : n);
}

int
__wrap_setgroups(size_t n, const gid_t *groups)
{
	static const gid_t one = 64124;

	return (with_groups ? __real_setgroups(1, &one) :
	    __real_setgroups(n, groups));
}

int
__wrap_getgroups(int n, gid_t *groups)
{
	return (with_groups ? 0 : __real_getgroups(n, groups));
}

int
__wrap_given_netlink(uint32_t groups)
{
	return (deaf ? open("/dev/null", O_RDWR | O_CLOEXEC) :
	    __real_given_netlink(groups));
}

void
__wrap_drop_directory(void)
{
	if (!anywhere)
		__real_drop_directory();
	else
		cr_assert_eq(chdir("/"), 0);
}

/* --- --- */

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

/* --- what it looks at itself, though dnsfw has done it --- */

Test(helper_start, P1_a_root_that_is_not_empty)
{
	anywhere = true;
	fails();
}

Test(helper_start, P1_a_bounding_set_that_is_not_empty)
{
	omitted = PR_CAPBSET_DROP;
	fails();
}

Test(helper_start, P1_new_privileges)
{
	omitted = PR_SET_NO_NEW_PRIVS;
	fails();
}

Test(helper_start, P1_groups)
{
	with_groups = true;
	fails();
}

/* --- how it ends --- */

static void
ends_with_the_keeper(struct rig *r)
{
	int status;

	close(r->keeper);
	cr_assert_eq(kill(r->pid, SIGCONT), 0);
	cr_assert_eq(waitpid(r->pid, &status, 0), r->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == ORDER_END_EOF,
	    "status %#x", status);
}

/* Who asks, and does not wait for the answer. */
Test(helper_start, P4_a_keeper_that_is_gone_when_it_is_told)
{
	struct order_grant g = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1",
	    1000);
	struct rig r;
	int status;

	rig_start(&r);
	cr_assert_eq(kill(r.pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(r.pid, &status, WUNTRACED), r.pid);
	rig_tell(&r, &g, sizeof(g));
	ends_with_the_keeper(&r);
}

/* Nor reads it: the kernel calls that a reset. */
Test(helper_start, P4_a_keeper_that_has_not_read_all)
{
	struct order_grant g = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1",
	    1000);
	struct pollfd p = { .events = POLLIN };
	struct rig r;

	rig_start(&r);
	rig_tell(&r, &g, sizeof(g));
	p.fd = r.keeper;
	cr_assert_eq(poll(&p, 1, 10000), 1);
	ends_with_the_keeper(&r);
}

/* --- what it is told --- */

/* What could not even be sent was not done. */
Test(helper_start, G13_a_kernel_that_takes_nothing)
{
	struct order_grant g = rig_grant(ORDER_DEL, "10.0.0.2", "192.0.2.1", 0);
	struct rig_answer a;
	struct rig r;

	deaf = true;
	rig_start(&r);
	a = rig_order(&r, &g, sizeof(g));
	cr_assert(a.refused && a.code == ORDER_NOT_TAKEN);
}

static void
compiler_ends(const void *record, size_t len, enum order_err detail)
{
	struct order_error e;
	struct rig r;
	int status;

	rig_start(&r);
	cr_assert_eq(send(r.compiler, record, len, 0), (ssize_t)len);
	e = rig_end(&r, &status);
	cr_assert_eq(WEXITSTATUS(status), ORDER_END_RECORD, "%#x", status);
	cr_assert_eq(e.detail, (uint32_t)detail);
}

Test(helper_start, P7_a_bound_and_a_part_of_one)
{
	const struct order_bound b[2] = { { .type = ORDER_BOUND },
	    { .type = ORDER_BOUND, .family = ADDR_V4 } };

	compiler_ends(b, sizeof(b) - 1, ORDER_ESIZE);
}

Test(helper_start, P7_two_types_of_the_compiler)
{
	const struct order_bound b[2] = { { .type = ORDER_BOUND },
	    { .type = ORDER_COMMIT } };

	compiler_ends(b, sizeof(b), ORDER_ETYPE);
}

Test(helper_start, P7_two_commits)
{
	const struct order_commit c[2] = { { .type = ORDER_COMMIT },
	    { .type = ORDER_COMMIT } };

	compiler_ends(c, sizeof(c), ORDER_ESIZE);
}

/* So many may come at once: one by one it were 40 seconds. */
Test(helper_start, P7_a_burst_of_records, .timeout = 60)
{
	struct order_grant g = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1",
	    1000);
	struct timespec from, to;
	struct rig r;
	int i;

	stamps->limits.rate = 1;
	stamps->limits.burst = 40;
	rig_start(&r);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 40; i++)
		cr_assert(rig_order(&r, &g, sizeof(g)).refused);
	clock_gettime(CLOCK_MONOTONIC, &to);
	cr_assert_lt(to.tv_sec - from.tv_sec, 20);
}
