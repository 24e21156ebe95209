/* The kernel's neighbour table, real and forged (U11). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "clock.h"
#include "hash.h"
#include "keep/children.h"
#include "keep/machines.h"
#include "keep/neighbours.h"
#include "keepconf.h"
#include "netns.h"

struct child children_workers[MSG_WORKERS_MAX];
size_t children_nworkers = 1;

static size_t ntold;

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	(void)buf;
	cr_assert(c == &children_workers[0] && fd == -1);
	cr_assert_eq(len % sizeof(struct msg_neighbour), 0);
	ntold += len / sizeof(struct msg_neighbour);
}

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* Has the machine of the first the other one for its lowest address? */
static bool
stands_for(const char *first, const char *client)
{
	const struct addr want = address(first);
	struct addr a = address(client);

	return (machines_first(&a) && addr_equal(&a, &want));
}

static void
begin(void)
{
	hash_init();
	machines_open(1);
	new_netns();
	run("ip link set lo up && ip link add d0 type veth peer name d0p && "
	    "ip link set d0 up && ip link set d0p up && "
	    "ip addr add 192.0.2.1/24 dev d0 && "
	    "ip addr add 2001:db8::1/64 dev d0 nodad");
}

static bool
comes_to_be(const char *first, const char *client, bool wanted)
{
	uint64_t deadline = clock_now() + 5 * CLOCK_SECOND;
	struct pollfd pfd = { .events = POLLIN };

	while (stands_for(first, client) != wanted && clock_now() < deadline) {
		pfd.fd = neighbours_fd();
		poll(&pfd, 1, 100);
		neighbours_read();
	}
	return (stands_for(first, client) == wanted);
}

Test(keep_neighbours, U11_without_the_option_there_is_nothing)
{
	cr_assert_eq(neighbours_fd(), -1);
	cr_assert_eq(neighbours_wait(), -1);
	cr_assert_not(neighbours_untold(0));
}

Test(keep_neighbours, U11_what_is_there_and_what_comes)
{
	begin();
	run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev d0 nud reachable");
	neighbours_open();
	cr_assert(comes_to_be("192.0.2.2", "192.0.2.2", true));
	run("ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev d0 nud stale");
	cr_assert(comes_to_be("192.0.2.2", "2001:db8::2", true));
	run("ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev d0 nud permanent");
	cr_assert(comes_to_be("192.0.2.3", "192.0.2.3", true));
	/* It has another one, is of no use, is gone. */
	run("ip neigh change 2001:db8::2 lladdr 02:00:00:00:00:03 dev d0 nud stale");
	cr_assert(comes_to_be("192.0.2.3", "2001:db8::2", true));
	run("ip neigh change 2001:db8::2 dev d0 nud failed");
	cr_assert(comes_to_be("192.0.2.3", "2001:db8::2", false));
	run("ip neigh del 192.0.2.3 dev d0");
	cr_assert(comes_to_be("192.0.2.3", "192.0.2.3", false));
	cr_assert(neighbours_untold(0));
	neighbours_tell(0);
	cr_assert(ntold == 3 && !neighbours_untold(0));
}

/* Not of a link alone, and what the kernel does not send to. */
Test(keep_neighbours, U11_what_is_no_client)
{
	begin();
	run("ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev d0 nud permanent && "
	    "ip neigh add 169.254.0.2 lladdr 02:00:00:00:00:02 dev d0 nud permanent && "
	    "ip neigh add 192.0.2.4 lladdr 02:00:00:00:00:02 dev d0 nud noarp && "
	    "ip neigh add 192.0.2.5 lladdr 00:00:00:00:00:00 dev d0 nud permanent && "
	    "ip neigh add proxy 192.0.2.6 dev d0 && "
	    "bridge fdb add 02:00:00:00:00:09 dev d0 self permanent 2>/dev/null; "
	    "ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:02 dev d0 nud permanent");
	neighbours_open();
	cr_assert(comes_to_be("192.0.2.7", "192.0.2.7", true));
	while (neighbours_wait() != -1)
		neighbours_read();
	cr_assert_eq(machines_count(), 1);
}

/* More than the socket holds: what was lost is asked for again. */
Test(keep_neighbours, U11_lost_events, .timeout = 60)
{
	struct pollfd pfd = { .events = POLLIN };
	FILE *batch;
	unsigned int i, turns;

	begin();
	neighbours_open();
	pfd.fd = neighbours_fd();
	batch = popen("ip -batch -", "w");
	cr_assert_not_null(batch);
	for (i = 0; i < 20000; i++)
		fprintf(batch, "neigh replace 192.0.2.9 lladdr 02:00:00:00:%02x:%02x "
		    "dev d0 nud permanent\n", i >> 8, i & 0xff);
	fprintf(batch, "neigh replace 192.0.2.8 lladdr 02:00:00:00:%02x:%02x "
	    "dev d0 nud permanent\n", (i - 1) >> 8, (i - 1) & 0xff);
	cr_assert_eq(pclose(batch), 0);
	cr_assert(comes_to_be("192.0.2.8", "192.0.2.9", true));
	for (turns = 0; neighbours_wait() != -1 && turns < 1000; turns++) {
		poll(&pfd, 1, 100);
		neighbours_read();
	}
	cr_assert_eq(neighbours_wait(), -1);
	cr_assert_eq(machines_count(), 2);
}

/* --- forged ones --- */

static int forger;

static void
begin_forging(void)
{
	int ends[2];

	begin();
	neighbours_open();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	cr_assert_neq(dup2(ends[0], KEEP_FD_NEIGHBOURS), -1);
	forger = ends[1];
}

static char made[512] __attribute__((aligned(8)));

static struct nlmsghdr *
make(uint16_t type, uint16_t state)
{
	static const uint8_t link[6] = { 2, 0, 0, 0, 0, 2 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(made);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = type;
	*ndm = (struct ndmsg){ .ndm_family = AF_INET, .ndm_ifindex = 2,
	    .ndm_state = state };
	mnl_attr_put_u32(nlh, NDA_DST, htonl(0xc0000202));
	mnl_attr_put(nlh, NDA_LLADDR, sizeof(link), link);
	return (nlh);
}

static unsigned int
after(const void *buf, size_t len)
{
	cr_assert_eq(send(forger, buf, len, 0), (ssize_t)len);
	neighbours_read();
	return (machines_count());
}

Test(keep_neighbours, U11_P7_every_length_of_a_message)
{
	const struct nlmsghdr *nlh = make(RTM_NEWNEIGH, NUD_REACHABLE);
	char copy[512] __attribute__((aligned(8)));
	size_t len = nlh->nlmsg_len, n;

	begin_forging();
	/* Lengths are rounded up to four; the last two octets are padding. */
	for (n = 1; n < len - 3; n++) {
		memcpy(copy, made, len);
		/* Cut, and cut but for what its header says. */
		cr_assert_eq(after(copy, n), 0);
		((struct nlmsghdr *)copy)->nlmsg_len = (uint32_t)n;
		cr_assert_eq(after(copy, n), 0);
	}
	cr_assert_eq(after(made, len), 1);
	make(RTM_DELNEIGH, NUD_REACHABLE);
	cr_assert_eq(after(made, len), 0);
}

/* Whatever a byte is: nothing outside of it is read. */
Test(keep_neighbours, U11_P7_every_byte_has_every_value)
{
	struct nlmsghdr *nlh = make(RTM_NEWNEIGH, NUD_REACHABLE);
	size_t len = nlh->nlmsg_len, at;
	unsigned int value;
	uint8_t copy[512] __attribute__((aligned(8)));

	begin_forging();
	for (at = 0; at < len; at++)
		for (value = 0; value < 256; value++) {
			memcpy(copy, made, len);
			copy[at] = (uint8_t)value;
			cr_assert_leq(after(copy, len), MSG_NEIGHBOURS_MAX);
		}
}

Test(keep_neighbours, U11_odd_attributes)
{
	static const uint8_t zeros[MACHINES_LINK_MAX + 4];
	uint8_t longest[MACHINES_LINK_MAX + 4];
	struct nlmsghdr *nlh;
	struct ndmsg *ndm;
	size_t n;

	begin_forging();
	memset(longest, 3, sizeof(longest));
	for (n = 0; n <= sizeof(longest); n++) {
		nlh = make(RTM_NEWNEIGH, NUD_STALE);
		nlh->nlmsg_len = MNL_ALIGN(sizeof(*nlh)) +
		    MNL_ALIGN(sizeof(*ndm));
		mnl_attr_put_u32(nlh, NDA_DST, htonl(0xc0000203));
		mnl_attr_put(nlh, NDA_LLADDR, n, longest);
		cr_assert_eq(after(made, nlh->nlmsg_len),
		    n > 0 && n <= MACHINES_LINK_MAX, "%zu", n);
		nlh = make(RTM_NEWNEIGH, NUD_STALE);
		nlh->nlmsg_len = MNL_ALIGN(sizeof(*nlh)) +
		    MNL_ALIGN(sizeof(*ndm));
		mnl_attr_put_u32(nlh, NDA_DST, htonl(0xc0000203));
		mnl_attr_put(nlh, NDA_LLADDR, n, zeros);
		cr_assert_eq(after(made, nlh->nlmsg_len), 0);
		/* An address of another size. */
		nlh->nlmsg_len = MNL_ALIGN(sizeof(*nlh)) +
		    MNL_ALIGN(sizeof(*ndm));
		mnl_attr_put(nlh, NDA_DST, n, longest);
		mnl_attr_put(nlh, NDA_LLADDR, 6, longest);
		cr_assert_eq(after(made, nlh->nlmsg_len), n == 4, "%zu", n);
		if (n == 4) {
			make(RTM_DELNEIGH, 0);
			memset(made + MNL_ALIGN(sizeof(*nlh)) +
			    MNL_ALIGN(sizeof(*ndm)) + 4, 3, 4);
			cr_assert_eq(after(made, nlh->nlmsg_len), 0);
		}
	}
	/* Without a hardware address it is of none; and so is a bridge's. */
	nlh = make(RTM_NEWNEIGH, NUD_STALE);
	ndm = mnl_nlmsg_get_payload(nlh);
	ndm->ndm_family = AF_BRIDGE;
	cr_assert_eq(after(made, nlh->nlmsg_len), 0);
	ndm->ndm_family = AF_INET;
	cr_assert_eq(after(made, nlh->nlmsg_len), 1);
	nlh->nlmsg_len -= 12;
	cr_assert_eq(after(made, nlh->nlmsg_len), 0);
}

/* What is read at once is a part of it. */
Test(keep_neighbours, P7_a_turn_is_bounded)
{
	struct nlmsghdr *nlh = make(RTM_NEWNEIGH, NUD_STALE);
	unsigned int i, n = 0;
	char byte;
	int size = 1 << 20;

	begin_forging();
	(void)setsockopt(forger, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (n < 100 && send(forger, made, nlh->nlmsg_len, 0) > 0)
		n++;
	cr_assert_geq(n, 10);
	neighbours_read();
	for (i = 0; recv(KEEP_FD_NEIGHBOURS, &byte, 1, 0) == 1; i++)
		;
	cr_assert_eq(i, n > 64 ? n - 64 : 0);
}
