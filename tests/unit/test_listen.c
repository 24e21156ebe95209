/* The sockets on which queries come, as the workers get them. */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "start/listen.h"

#define PATIENCE	20	/* tries at a port in use: a second */

static struct keepconf conf;
static unsigned int busy;	/* so often a port is in use */
static unsigned int waited;	/* ms */
static bool wrapped;

int	__wrap_bind(int, const struct sockaddr *, socklen_t);
int	__real_bind(int, const struct sockaddr *, socklen_t);
int	__wrap_poll(struct pollfd *, nfds_t, int);
int	__real_poll(struct pollfd *, nfds_t, int);

int
__wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	if (busy == 0)
		return (__real_bind(fd, sa, len));
	busy--;
	errno = EADDRINUSE;
	return (-1);
}

int
__wrap_poll(struct pollfd *pfds, nfds_t n, int ms)
{
	if (!wrapped || n != 0)
		return (__real_poll(pfds, n, ms));
	waited += (unsigned int)ms;
	return (0);
}

static void
bind_to(uint8_t family, uint8_t first, uint8_t last)
{
	struct host *h = &conf.binds.at[conf.binds.n++];

	h->addr.family = family;
	h->addr.bytes[0] = first;
	h->addr.bytes[family == ADDR_V4 ? 3 : 15] = last;
}

static void
set_up(void)
{
	new_netns();
	run("ip link set lo up");
	conf.nworkers = 1;
	conf.bind_port = 5353;
	wrapped = true;
}

TestSuite(listen, .init = set_up, .timeout = 30);

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
	return (value);
}

/* An answer waits for no ACK, and nobody sends ahead more than a little (D21). */
Test(listen, D21_what_connections_inherit)
{
	int fds[LISTEN_MAX], i;

	bind_to(ADDR_V4, 127, 1);
	bind_to(ADDR_V6, 0, 1);
	cr_assert_eq(listen_open(&conf, 0, fds), 4);
	for (i = 0; i < 4; i++) {
		cr_expect_eq(option(fds[i], SOL_SOCKET, SO_TYPE),
		    i % 2 == 0 ? SOCK_DGRAM : SOCK_STREAM);
		cr_expect_neq(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
		cr_expect_neq(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
	}
	for (i = 1; i < 4; i += 2) {
		cr_expect_eq(option(fds[i], IPPROTO_TCP, TCP_NODELAY), 1);
		/* The kernel tells twice the size. */
		cr_expect_leq(option(fds[i], SOL_SOCKET, SO_RCVBUF), 2 * 16384);
		cr_expect_eq(option(fds[i], SOL_SOCKET, SO_REUSEADDR), 1);
	}
	cr_expect_eq(option(fds[0], IPPROTO_IP, IP_PKTINFO), 1);
	cr_expect_eq(option(fds[2], IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	cr_expect_gt(option(fds[0], SOL_SOCKET, SO_RCVBUF), 2 * 16384);
}

/* [::] serves IPv4, too, unless 0.0.0.0 is served by itself. */
Test(listen, all_of_ipv6_and_all_of_ipv4)
{
	int fds[LISTEN_MAX];

	bind_to(ADDR_V6, 0, 0);
	cr_assert_eq(listen_open(&conf, 0, fds), 2);
	cr_expect_eq(option(fds[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
	cr_expect_eq(option(fds[1], IPPROTO_IPV6, IPV6_V6ONLY), 0);
	close(fds[0]);
	close(fds[1]);
	bind_to(ADDR_V4, 0, 0);
	cr_assert_eq(listen_open(&conf, 0, fds), 4);
	cr_expect_eq(option(fds[0], IPPROTO_IPV6, IPV6_V6ONLY), 1);
	cr_expect_eq(option(fds[1], IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

/* Of one before us that is on its way to its end. */
Test(listen, P4_a_port_in_use_for_a_second)
{
	int fds[LISTEN_MAX];

	bind_to(ADDR_V4, 127, 1);
	busy = PATIENCE;
	cr_assert_eq(listen_open(&conf, 0, fds), 2);
	cr_expect_eq(waited, 1000);
}

Test(listen, P4_a_port_in_use_for_longer, .exit_code = 1)
{
	int fds[LISTEN_MAX];

	bind_to(ADDR_V4, 127, 1);
	busy = PATIENCE + 1;
	(void)listen_open(&conf, 0, fds);
}

/* In all, however many sockets there are. */
Test(listen, P4_two_ports_in_use_for_a_second_in_all, .exit_code = 1)
{
	int fds[LISTEN_MAX];

	bind_to(ADDR_V4, 127, 1);
	busy = PATIENCE;
	cr_assert_eq(listen_open(&conf, 0, fds), 2);
	close(fds[0]);
	close(fds[1]);
	busy = 1;
	(void)listen_open(&conf, 0, fds);
}
