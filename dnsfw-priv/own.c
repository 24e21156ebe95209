/* This host's own addresses. */
#include "own.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "log.h"
#include "syscalls.h"

#define SOCKET_BUFFER	(1 << 20)
#define READS_MAX	1000	/* datagrams in one go */
#define START_TIMEOUT	5000	/* ms */

struct own {
	struct addr	local;
	struct addr	peer;		/* the network's: local, or the peer */
	struct addr	broadcast;	/* as set, or none */
	uint8_t		prefix;
	uint32_t	interface;
	uint32_t	listing;	/* the last that had it */
};

static struct own owns[OWN_MAX];
static size_t count;
static uint32_t listing;		/* number of the last request */
static bool listed;			/* and it has come to its end */
static bool stale;			/* something was missed: ask again */
static char in[32768] __attribute__((aligned(8)));

/* All addresses, please.  send(2) gives no destination. */
static void
request(void)
{
	struct {
		struct nlmsghdr hdr;
		struct ifaddrmsg ifa;
	} msg;

	memset(&msg, 0, sizeof(msg));
	msg.hdr.nlmsg_len = sizeof(msg);
	msg.hdr.nlmsg_type = RTM_GETADDR;
	msg.hdr.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	msg.hdr.nlmsg_seq = ++listing;
	listed = false;
	stale = false;
	if (send(FD_OWN, &msg, sizeof(msg), 0) == -1)
		fatal("cannot ask for this host's addresses");
}

/* Take CAP_NET_ADMIN out of what is in effect, or put it back. */
static void
set_effective(bool on)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data) == -1)
		fatal("capget");
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	if (on)
		data[0].effective |= 1U << CAP_NET_ADMIN;
	if (syscall(SYS_capset, &hdr, data) == -1)
		fatal("capset");
}

void
own_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	struct pollfd pfd = { .fd = FD_OWN, .events = POLLIN };
	int fd, size = SOCKET_BUFFER;

	set_effective(false);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	set_effective(true);
	if (fd == -1 || bind(fd, (struct sockaddr *)&addr,
	    sizeof(addr)) == -1 || dup3(fd, FD_OWN, O_CLOEXEC) == -1)
		fatal("netlink socket (route)");
	close(fd);
	(void)setsockopt(FD_OWN, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size));
	request();
	while (!listed) {
		if (poll(&pfd, 1, START_TIMEOUT) == 0)
			fatalx("the kernel does not tell this host's "
			    "addresses");
		(void)own_read();
	}
}

static void
take_address(const struct nlattr *attr, uint8_t family, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (mnl_attr_get_payload_len(attr) != addr_len(family))
		return;
	out->family = family;
	memcpy(out->bytes, mnl_attr_get_payload(attr), addr_len(family));
}

/* The address of a message; false if it is of another family. */
static bool
parse(const struct nlmsghdr *nlh, struct own *o)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	const char *end;
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return (false);
	family = ifa->ifa_family == AF_INET ? ADDR_V4 : ADDR_V6;
	memset(o, 0, sizeof(*o));
	o->prefix = ifa->ifa_prefixlen;
	o->interface = ifa->ifa_index;
	o->listing = listing;
	end = mnl_nlmsg_get_payload_tail(nlh);
	for (attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(*ifa));
	    mnl_attr_ok(attr, (int)(end - (const char *)attr));
	    attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			take_address(attr, family, &o->local);
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			take_address(attr, family, &o->peer);
		else if (mnl_attr_get_type(attr) == IFA_BROADCAST)
			take_address(attr, family, &o->broadcast);
	}
	if (o->local.family == 0)
		o->local = o->peer;
	return (o->local.family != 0 && o->prefix <= addr_len(family) * 8);
}

static struct own *
find(const struct own *o)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (owns[i].interface == o->interface &&
		    owns[i].prefix == o->prefix &&
		    addr_equal(&owns[i].local, &o->local) &&
		    addr_equal(&owns[i].peer, &o->peer))
			return (&owns[i]);
	}
	return (NULL);
}

/* Returns true if it is a new one. */
static bool
add(const struct own *o)
{
	struct own *known = find(o);

	if (known != NULL) {
		*known = *o;
		return (false);
	}
	if (count == OWN_MAX) {
		log_warn("this host has more than %d addresses: the others "
		    "are not known, and can be granted", OWN_MAX);
		return (false);
	}
	owns[count++] = *o;
	return (true);
}

/* The end of a listing: what it did not have has gone unnoticed. */
static void
end_listing(void)
{
	size_t i;

	for (i = 0; i < count && !stale;) {
		if (owns[i].listing != listing)
			owns[i] = owns[--count];
		else
			i++;
	}
	listed = true;
}

/* One message; returns true if there is an address more. */
static bool
take(const struct nlmsghdr *nlh)
{
	struct own o, *known;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		stale = true;
	if (nlh->nlmsg_type == NLMSG_DONE && nlh->nlmsg_seq == listing) {
		end_listing();
		return (false);
	}
	if ((nlh->nlmsg_type != RTM_NEWADDR &&
	    nlh->nlmsg_type != RTM_DELADDR) || !parse(nlh, &o))
		return (false);
	if (nlh->nlmsg_type == RTM_NEWADDR)
		return (add(&o));
	if ((known = find(&o)) != NULL)
		*known = owns[--count];
	return (false);
}

bool
own_read(void)
{
	const struct nlmsghdr *nlh;
	bool more = false;
	int i, len;

	for (i = 0; i < READS_MAX; i++) {
		len = (int)recv(FD_OWN, in, sizeof(in), 0);
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1 && errno == ENOBUFS) {
			stale = true;
			continue;
		}
		if (len <= 0)
			break;
		for (nlh = (const struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, len);
		    nlh = mnl_nlmsg_next(nlh, &len))
			more |= take(nlh);
	}
	if (stale && listed)
		request();
	return (more);
}

static bool
covers(const struct own *o, const struct addr *a)
{
	struct addr first = o->peer, last;
	size_t i, bits = addr_len(o->peer.family) * 8;

	if (addr_equal(a, &o->local) || addr_equal(a, &o->broadcast))
		return (true);
	/* Networks of one or two hosts have no such addresses (RFC 3021). */
	if (o->prefix + 1U >= bits)
		return (false);
	addr_mask(&first, o->prefix);
	last = first;
	for (i = o->prefix; i < bits; i++)
		last.bytes[i / 8] |= (uint8_t)(0x80U >> i % 8);
	return (addr_equal(a, &first) ||
	    (a->family == ADDR_V4 && addr_equal(a, &last)));
}

bool
own_has(const struct addr *a)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (a->family == owns[i].local.family && covers(&owns[i], a))
			return (true);
	}
	return (false);
}

unsigned int
own_count(void)
{
	return ((unsigned int)count);
}
