/* This host's own addresses, in a network namespace (G8). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/rtnetlink.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "clock.h"
#include "keep/own.h"
#include "keepconf.h"
#include "never.h"
#include "netns.h"

#define MS		(CLOCK_SECOND / 1000)
#define PATIENCE	(120 * CLOCK_SECOND)	/* with a slow machine */

static void
start(void)
{
	new_netns();
	run("ip link set lo up && ip link add d0 type veth peer name d0p && "
	    "ip link set d0 up && ip addr add 192.0.2.5/24 dev d0 && "
	    "ip addr add 198.51.100.1 peer 198.51.100.9/30 dev d0 && "
	    "ip addr add 203.0.113.1/31 dev d0 && "
	    "ip addr add 203.0.113.77/26 brd 203.0.113.100 dev d0 && "
	    "ip addr add 2001:db8::5/64 dev d0 nodad && "
	    "ip addr add 2001:db8:1::/127 dev d0 nodad");
	own_open();
}

static bool
has(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (own_has(&a));
}

static struct limits limits;

static bool
forbidden(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	never_fill(&limits);
	return (own_forbids(&a, &limits));
}

/* Read until the address is known, or not, as wanted. */
static bool
comes_to(const char *text, bool wanted)
{
	uint64_t deadline = clock_now() + PATIENCE;
	struct pollfd pfd = { .fd = KEEP_FD_OWN, .events = POLLIN };

	while (has(text) != wanted && clock_now() < deadline) {
		poll(&pfd, 1, 100);
		(void)own_read();
	}
	return (has(text) == wanted);
}

Test(keep_own, G8_addresses_networks_and_broadcast)
{
	static const char *const ours[] = { "127.0.0.1", "::1", "192.0.2.5",
	    "192.0.2.0", "192.0.2.255", "198.51.100.1", "198.51.100.8",
	    "198.51.100.11", "203.0.113.1", "203.0.113.77", "203.0.113.100",
	    "203.0.113.64", "203.0.113.127", "2001:db8::5", "2001:db8::",
	    "2001:db8:1::" };
	static const char *const others[] = { "192.0.2.4", "192.0.2.254",
	    "198.51.100.9", "198.51.100.10", "203.0.113.0", "203.0.113.2",
	    "203.0.113.63", "2001:db8::4", "2001:db8:1::1",
	    "2001:db8::ffff:ffff:ffff:ffff", "::" };
	size_t i;

	start();
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		cr_assert(has(ours[i]), "%s", ours[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_not(has(others[i]), "%s", others[i]);
}

Test(keep_own, G8_changes_are_followed)
{
	start();
	cr_assert_not(has("192.0.2.6"));
	run("ip addr add 192.0.2.6/25 dev d0");
	cr_assert(comes_to("192.0.2.6", true));
	cr_assert(has("192.0.2.127"));
	run("ip addr del 192.0.2.6/25 dev d0");
	cr_assert(comes_to("192.0.2.6", false));
	cr_assert_not(has("192.0.2.127"));
	cr_assert(has("192.0.2.5"));
	run("ip addr add 2001:db8::6/64 dev d0 nodad");
	cr_assert(comes_to("2001:db8::6", true));
	run("ip link del d0");
	cr_assert(comes_to("2001:db8::6", false));
	cr_assert(comes_to("192.0.2.5", false));
	cr_assert(has("127.0.0.1"));
	run("ip link add d1 type veth peer name d1p && ip addr add 192.0.2.9/32 dev d1");
	cr_assert(comes_to("192.0.2.9", true));
}

/* The message of an address; NULL if there is none. */
static const struct msg_own *
message_of(const char *text)
{
	const struct msg_own *m;
	size_t n = own_set(&m);
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	for (; n > 0; n--, m++) {
		if (m->family == a.family && memcmp(m->local, a.bytes, 16) == 0)
			return (m);
	}
	return (NULL);
}

static void
expect_message(const char *local, const char *network, const char *broadcast)
{
	const struct msg_own *m = message_of(local);
	struct addr_net net;
	struct msg_own out;
	struct addr a;

	cr_assert_not_null(m, "%s", local);
	cr_assert_eq(msg_own_decode(m, sizeof(*m), &out), MSG_OK, "%s", local);
	cr_assert_eq(addr_net_parse(network, strlen(network), &net), 0);
	cr_assert_eq(m->prefix, net.prefix, "%s", local);
	cr_assert_arr_eq(m->network, net.base.bytes, 16, "%s", local);
	cr_assert_eq(addr_parse(broadcast, strlen(broadcast), &a), 0);
	cr_assert_arr_eq(m->broadcast, a.bytes, 16, "%s", local);
}

Test(keep_own, G8_messages_for_the_workers)
{
	start();
	expect_message("127.0.0.1", "127.0.0.0/8", "127.0.0.1");
	expect_message("192.0.2.5", "192.0.2.0/24", "192.0.2.5");
	expect_message("198.51.100.1", "198.51.100.8/30", "198.51.100.1");
	expect_message("203.0.113.77", "203.0.113.64/26", "203.0.113.100");
	expect_message("2001:db8::5", "2001:db8::/64", "2001:db8::5");
	cr_assert_null(message_of("198.51.100.9"));
	run("ip addr del 192.0.2.5/24 dev d0 && "
	    "ip addr add 192.0.2.5/24 brd 192.0.2.200 dev d0");
	cr_assert(comes_to("192.0.2.200", true));
	expect_message("192.0.2.5", "192.0.2.0/24", "192.0.2.200");
}

/* Until events come; returns what own_read() does. */
static enum own_change
next_read(void)
{
	struct pollfd pfd = { .fd = KEEP_FD_OWN, .events = POLLIN };

	cr_assert_eq(poll(&pfd, 1, (int)(PATIENCE / MS)), 1, "no event");
	return (own_read());
}

Test(keep_own, G8_only_changes_are_reported)
{
	start();
	(void)own_read();
	run("ip addr add 192.0.2.6/24 dev d0");
	cr_assert_eq(next_read(), OWN_MORE);
	/* The lifetime alone, as of routers' advertisements. */
	run("ip addr change 192.0.2.6/24 dev d0 valid_lft 100 "
	    "preferred_lft 100");
	cr_assert_eq(next_read(), OWN_NONE);
	run("ip addr del 192.0.2.6/24 dev d0");
	cr_assert_eq(next_read(), OWN_LESS);
}

/* Of more than there is room for, some are not known: nothing new is granted. */
Test(keep_own, G8_too_many_addresses, .timeout = 600)
{
	uint64_t deadline, begin = clock_now();
	uint64_t said = 0;
	char text[8192];
	const char *line;
	int fds[2];
	ssize_t n;

	start();
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	cr_assert_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	cr_assert(own_is_whole());
	run("for i in $(seq 0 4199); do "
	    "echo addr add 10.1.$((i / 250)).$((i % 250))/32 dev d0; "
	    "done | ip -batch -");
	deadline = clock_now() + PATIENCE;
	while (own_is_whole() && clock_now() < deadline)
		(void)own_read();
	cr_assert_not(own_is_whole());
	cr_assert_eq(own_count(), MSG_OWN_MAX);
	/* When there are fewer, all are known again. */
	run("for i in $(seq 0 999); do "
	    "echo addr del 10.1.$((i / 250)).$((i % 250))/32 dev d0; "
	    "done | ip -batch -");
	deadline = clock_now() + PATIENCE;
	while (!own_is_whole() && clock_now() < deadline)
		(void)own_read();
	cr_assert(own_is_whole());
	cr_assert(comes_to("10.1.16.199", true));
	cr_assert(comes_to("10.1.0.7", false));
	n = read(fds[0], text, sizeof(text) - 1);
	cr_assert(n > 0);
	text[n] = '\0';
	for (line = text; (line = strstr(line, "more than")) != NULL; line++)
		said++;
	/* Once a minute. */
	cr_assert(said >= 1 &&
	    said <= 1 + (clock_now() - begin) / (60 * CLOCK_SECOND));
}

/* More events than the socket holds: the whole list is read again. */
Test(keep_own, G8_lost_events_are_made_up_for, .timeout = 600)
{
	int size = 1;

	start();
	cr_assert_eq(setsockopt(KEEP_FD_OWN, SOL_SOCKET, SO_RCVBUF, &size,
	    sizeof(size)), 0);
	run("(for i in $(seq 250); do echo addr add 10.1.1.$i/32 dev d0; "
	    "echo addr del 10.1.1.$i/32 dev d0; done; "
	    "echo addr add 10.1.2.1/32 dev d0; "
	    "echo addr del 192.0.2.5/24 dev d0) | ip -batch -");
	cr_assert(comes_to("10.1.2.1", true));
	cr_assert(comes_to("192.0.2.5", false));
	cr_assert_not(has("10.1.1.250"));
}

/* --- listings, as we make them --- */

static int kernel_fd;

/* From now on we are the kernel. */
static void
stand_in(void)
{
	int fds[2];

	start();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	cr_assert_eq(dup2(fds[0], KEEP_FD_OWN), KEEP_FD_OWN);
	kernel_fd = fds[1];
	(void)own_read();
	cr_assert_eq(own_wait(), -1);
}

/* The seq of the next request, which comes within a second. */
static uint32_t
requested(void)
{
	struct pollfd pfd = { .fd = kernel_fd, .events = POLLIN };
	uint64_t deadline = clock_now() + PATIENCE;
	struct {
		struct nlmsghdr header;
		char rest[100];
	} request;

	cr_assert_neq(own_wait(), -1, "nothing is asked");
	while (poll(&pfd, 1, 0) == 0 && clock_now() < deadline) {
		(void)poll(NULL, 0, own_wait());
		(void)own_read();
	}
	cr_assert_gt(recv(kernel_fd, &request, sizeof(request), 0), 0);
	cr_assert_eq(request.header.nlmsg_type, RTM_GETADDR);
	return (request.header.nlmsg_seq);
}

/* 10.net.place.place of an interface, by a message with these flags. */
static void
put(uint32_t seq, uint16_t flags, uint8_t net, uint16_t place,
    uint32_t interface)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg ifa;
		struct nlattr attr;
		uint8_t address[4];
	} m = { .header = { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWADDR,
	    .nlmsg_flags = flags, .nlmsg_seq = seq },
	    .ifa = { .ifa_family = AF_INET, .ifa_prefixlen = 32,
	    .ifa_index = interface },
	    .attr = { .nla_len = 8, .nla_type = IFA_ADDRESS },
	    .address = { 10, net, (uint8_t)(place >> 8), (uint8_t)place } };

	cr_assert_eq(send(kernel_fd, &m, sizeof(m), 0), sizeof(m));
}

static enum own_change
tell(uint32_t seq, uint16_t flags, uint8_t net, uint16_t place,
    uint32_t interface)
{
	put(seq, flags, net, place, interface);
	return (own_read());
}

static enum own_change
tell_end(uint32_t seq, uint16_t type, uint16_t flags)
{
	struct {
		struct nlmsghdr header;
		int error;
	} m = { .header = { .nlmsg_len = sizeof(m), .nlmsg_type = type,
	    .nlmsg_flags = flags, .nlmsg_seq = seq },
	    .error = type == NLMSG_ERROR ? -EBUSY : 0 };

	cr_assert_eq(send(kernel_fd, &m, sizeof(m), 0), sizeof(m));
	return (own_read());
}

/* What it did not tell may be there still, until another listing was whole. */
Test(keep_own, G8_a_listing_that_was_interrupted)
{
	uint32_t seq;

	stand_in();
	cr_assert_eq(tell(0, NLM_F_DUMP_INTR, 1, 7, 1), OWN_MORE);
	seq = requested();
	cr_assert_eq(tell(seq, NLM_F_DUMP_INTR, 1, 7, 1), OWN_NONE);
	cr_assert_eq(tell_end(seq, NLMSG_DONE, 0), OWN_NONE);
	cr_assert(has("192.0.2.5"));
	seq = requested();
	cr_assert_eq(tell(seq, 0, 1, 7, 1), OWN_NONE);
	cr_assert_eq(tell_end(seq, NLMSG_DONE, NLM_F_DUMP_INTR), OWN_NONE);
	cr_assert(has("192.0.2.5"));
	seq = requested();
	cr_assert_eq(tell_end(seq, NLMSG_ERROR, 0), OWN_NONE);
	cr_assert(has("192.0.2.5"));
	seq = requested();
	cr_assert_eq(tell(seq, 0, 1, 7, 1), OWN_NONE);
	cr_assert_eq(tell_end(seq - 1, NLMSG_DONE, 0), OWN_NONE);
	cr_assert(has("192.0.2.5"), "the end of an earlier one");
	cr_assert_eq(tell_end(seq, NLMSG_DONE, 0), OWN_LESS);
	cr_assert_not(has("192.0.2.5"));
	cr_assert(has("10.1.0.7"));
	cr_assert_eq(own_wait(), -1);
}

/* One that is new is what matters, whatever has gone beside it. */
Test(keep_own, G8_more_and_less_at_once)
{
	unsigned int n;
	uint32_t seq;

	stand_in();
	(void)tell(0, NLM_F_DUMP_INTR, 1, 7, 1);
	n = own_count();
	seq = requested();
	cr_assert_eq(tell(seq, 0, 1, 7, 2), OWN_MORE, "of another interface");
	cr_assert_eq(own_count(), n + 1);
	put(seq, 0, 1, 8, 1);
	cr_assert_eq(tell_end(seq, NLMSG_DONE, 0), OWN_MORE);
	cr_assert_eq(own_count(), 2);
	cr_assert(has("10.1.0.7") && has("10.1.0.8"));
}

static void
tell_all(uint32_t seq, uint8_t net)
{
	uint16_t i;

	for (i = 0; i < MSG_OWN_MAX; i++)
		(void)tell(seq, 0, net, i, 1);
	(void)tell_end(seq, NLMSG_DONE, 0);
}

/* Where others were that have gone, there was no room for as long as they had it. */
Test(keep_own, G8_as_many_others_as_there_is_room_for, .timeout = 600)
{
	stand_in();
	(void)tell(0, NLM_F_DUMP_INTR, 1, 0, 1);
	tell_all(requested(), 1);
	cr_assert_not(own_is_whole());
	tell_all(requested(), 1);
	cr_assert(own_is_whole());
	cr_assert_eq(own_count(), MSG_OWN_MAX);
	cr_assert_eq(own_wait(), -1);
	(void)tell(0, NLM_F_DUMP_INTR, 1, 0, 1);
	tell_all(requested(), 2);
	cr_assert_not(own_is_whole());
	tell_all(requested(), 2);
	cr_assert(own_is_whole());
	cr_assert(has("10.2.15.255"));
	cr_assert_not(has("10.1.0.0"));
	cr_assert_eq(own_wait(), -1);
}

/* But for what root excepts; by itself, or as what it is embedded in. */
Test(keep_own, G8_own_addresses_are_forbidden)
{
	start();
	cr_assert(forbidden("192.0.2.5"));
	cr_assert(forbidden("64:ff9b::192.0.2.255"));
	cr_assert(forbidden("2002:c000:205::1"));
	cr_assert_not(forbidden("192.0.2.4"));
	limits.nallowed = 1;
	cr_assert_eq(addr_net_parse("192.0.2.5", 9, &limits.allowed[0]), 0);
	cr_assert_not(forbidden("192.0.2.5"));
	cr_assert_not(forbidden("64:ff9b::192.0.2.5"));
	cr_assert(forbidden("192.0.2.255"));
	cr_assert_eq(addr_net_parse("64:ff9b::/96", 12, &limits.allowed[0]), 0);
	cr_assert_not(forbidden("64:ff9b::192.0.2.255"));
	cr_assert(forbidden("192.0.2.255"));
}
