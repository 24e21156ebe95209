/* What the reader of the options leaves, as root takes it (P1). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <linux/netlink.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "options/reader.h"
#include "start/given.h"
#include "start/reading.h"
#include "start/sockbuf.h"

static struct options o, leave;		/* what the reader leaves */
static uid_t reader;

void	__wrap_reader_read(struct options *out, int argc, char **argv,
	    const struct options_file *file, bool root);

/* In the child. */
void
__wrap_reader_read(struct options *out, int argc, char **argv,
    const struct options_file *file, bool root)
{
	(void)argc;
	(void)argv;
	(void)file;
	cr_assert(root);
	*out = leave;
	out->keep.max_grants = geteuid();
}

static void
good(void)
{
	leave.keep.version = KEEPCONF_VERSION;
	leave.keep.size = sizeof(leave.keep);
	leave.keep.nworkers = MSG_WORKERS_MAX;
	leave.keep.binds.n = MSG_BINDS_MAX;
	leave.worker.client_nets.n = MSG_NETS_MAX;
	leave.worker.deny_nets.n = MSG_NETS_MAX;
	leave.worker.allow_nets.n = MSG_NETS_MAX;
	memset(leave.keep.acl_path, 'a', sizeof(leave.keep.acl_path));
	memset(leave.keep.control, 'c', sizeof(leave.keep.control));
	memset(leave.keep.chain, 'h', sizeof(leave.keep.chain));
	memset(leave.keep.table.name, 't', sizeof(leave.keep.table.name));
	memset(leave.keep.users[KEEPCONF_ROLES - 1].name, 'u',
	    sizeof(leave.keep.users[0].name));
	memset(leave.keep.binds.at[0].zone, 'z',
	    sizeof(leave.keep.binds.at[0].zone));
}

TestSuite(reading, .init = good, .timeout = 30);

static void
take(void)
{
	char *argv[] = { (char *)(uintptr_t)"dnsfw", NULL };

	reading_options(&o, 1, argv);
	reader = o.keep.max_grants;
}

Test(reading, P1_what_is_within_limits_is_taken_and_strings_end)
{
	take();
	cr_assert_eq(reader, 65534);
	cr_assert_eq(geteuid(), 0);
	cr_assert_eq(strlen(o.keep.acl_path), sizeof(o.keep.acl_path) - 1);
	cr_assert_eq(strlen(o.keep.binds.at[0].zone),
	    sizeof(o.keep.binds.at[0].zone) - 1);
	cr_assert_eq(strlen(o.keep.control), sizeof(o.keep.control) - 1);
	cr_assert_eq(strlen(o.keep.chain), sizeof(o.keep.chain) - 1);
	cr_assert_eq(strlen(o.keep.table.name), sizeof(o.keep.table.name) - 1);
	cr_assert_eq(strlen(o.keep.users[KEEPCONF_ROLES - 1].name),
	    sizeof(o.keep.users[0].name) - 1);
	cr_assert_eq(o.keep.nworkers, MSG_WORKERS_MAX);
}

/* Their sockets would not be there. */
Test(reading, P1_workers_where_nothing_is_served, .exit_code = 1)
{
	leave.keep.check_only = 1;
	take();
}

Test(reading, P1_more_addresses_than_there_can_be, .exit_code = 1)
{
	leave.keep.binds.n++;
	take();
}

Test(reading, P1_more_workers_than_there_can_be, .exit_code = 1)
{
	leave.keep.nworkers++;
	take();
}

Test(reading, P1_more_clients_than_there_can_be, .exit_code = 1)
{
	leave.worker.client_nets.n++;
	take();
}

Test(reading, P1_more_denied_than_there_can_be, .exit_code = 1)
{
	leave.worker.deny_nets.n++;
	take();
}

Test(reading, P1_more_allowed_than_there_can_be, .exit_code = 1)
{
	leave.worker.allow_nets.n++;
	take();
}

Test(reading, P1_of_another_form, .exit_code = 1)
{
	leave.keep.size--;
	take();
}

/* --help and --version leave nothing. */
Test(reading, nothing_is_the_end, .exit_code = 0)
{
	leave.keep.version = 0;
	take();
	cr_assert_fail("it went on");
}

/*
 * Errors come without what they are about: as many as a transaction has messages are
 * to fit into the buffer.
 */
Test(reading, G13_netlink_sockets_have_room_for_errors)
{
	int fd = given_netlink(0), on = 0, size = 0;
	socklen_t len = sizeof(on);

	cr_assert_eq(getsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, &len), 0);
	cr_assert_eq(on, 1);
	len = sizeof(size);
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	cr_assert_geq(size, 2 * SOCKBUF_ENOUGH);
	cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	cr_assert_neq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}
