/* This host's own addresses. */
#include "own.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/rtnetlink.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "nlsock.h"
#include "syscalls.h"

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

/* All addresses, please.  send(2) gives no destination. */
static void
request(void)
{
	char buf[MNL_ALIGN(sizeof(struct nlmsghdr)) +
	    MNL_ALIGN(sizeof(struct ifaddrmsg))] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++listing;
	listed = false;
	stale = false;
	if (send(FD_OWN, buf, nlh->nlmsg_len, 0) == -1)
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
	struct pollfd pfd = { .fd = FD_OWN, .events = POLLIN };
	struct mnl_socket *s;

	set_effective(false);
	s = nlsock_new(NETLINK_ROUTE,
	    RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	set_effective(true);
	nlsock_enlarge(s);
	if (dup3(mnl_socket_get_fd(s), FD_OWN, O_CLOEXEC) == -1)
		fatal("descriptor of the netlink socket");
	mnl_socket_close(s);
	request();
	while (!listed) {
		if (poll(&pfd, 1, START_TIMEOUT) == 0)
			fatalx("the kernel does not tell this host's "
			    "addresses");
		(void)own_read();
	}
}

/* Address 0 of no family if there is no attribute. */
static void
take_address(const struct nlmsghdr *nlh, uint16_t type, uint8_t family,
    struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (nlsock_copy(nlsock_find(nlh, sizeof(struct ifaddrmsg), type),
	    out->bytes, addr_len(family)))
		out->family = family;
}

/* The address of a message; false if it is of another family. */
static bool
parse(const struct nlmsghdr *nlh, struct own *o)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return (false);
	family = ifa->ifa_family == AF_INET ? ADDR_V4 : ADDR_V6;
	memset(o, 0, sizeof(*o));
	o->prefix = ifa->ifa_prefixlen;
	o->interface = ifa->ifa_index;
	o->listing = listing;
	take_address(nlh, IFA_LOCAL, family, &o->local);
	take_address(nlh, IFA_ADDRESS, family, &o->peer);
	take_address(nlh, IFA_BROADCAST, family, &o->broadcast);
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

/* One message; *arg becomes true if there is an address more. */
static void
take(const struct nlmsghdr *nlh, void *arg)
{
	struct own o, *known;
	bool *more = arg;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		stale = true;
	if (nlh->nlmsg_type == NLMSG_DONE && nlh->nlmsg_seq == listing)
		end_listing();
	else if (nlh->nlmsg_type == RTM_NEWADDR && parse(nlh, &o))
		*more |= add(&o);
	else if (nlh->nlmsg_type == RTM_DELADDR && parse(nlh, &o) &&
	    (known = find(&o)) != NULL)
		*known = owns[--count];
}

bool
own_read(void)
{
	bool more = false;

	if (nlsock_receive(FD_OWN, take, &more) != 0)
		stale = true;
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
