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

#include "clock.h"
#include "log.h"
#include "nlsock.h"
#include "syscalls.h"

#define START_TIMEOUT	5000	/* ms */
#define TOO_MANY_PERIOD	60	/* seconds between log lines */

/* Of each address: where it is, and the last listing that had it. */
struct origin {
	uint32_t	interface;
	uint32_t	listing;
};

static struct msg_own owns[MSG_OWN_MAX];	/* as they go to the workers */
static struct origin origins[MSG_OWN_MAX];
static size_t count;
static enum own_change change;		/* that own_read() has read */
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
		data[0].effective |= data[0].permitted & 1U << CAP_NET_ADMIN;
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

static bool
take_address(const struct nlmsghdr *nlh, uint16_t type, uint8_t family,
    uint8_t out[16])
{
	return (nlsock_copy(nlsock_find(nlh, sizeof(struct ifaddrmsg), type),
	    out, addr_len(family)));
}

/* The address of a message; false if it is of another family. */
static bool
parse(const struct nlmsghdr *nlh, struct msg_own *o, struct origin *origin)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr network = { .family = ADDR_V6 };

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return (false);
	if (ifa->ifa_family == AF_INET)
		network.family = ADDR_V4;
	*o = (struct msg_own){ .type = MSG_OWN, .family = network.family,
	    .prefix = ifa->ifa_prefixlen };
	*origin = (struct origin){ ifa->ifa_index, listing };
	(void)take_address(nlh, IFA_ADDRESS, o->family, network.bytes);
	if (!take_address(nlh, IFA_LOCAL, o->family, o->local))
		memcpy(o->local, network.bytes, sizeof(o->local));
	if (!take_address(nlh, IFA_BROADCAST, o->family, o->broadcast))
		memcpy(o->broadcast, o->local, sizeof(o->broadcast));
	addr_mask(&network, o->prefix);
	memcpy(o->network, network.bytes, sizeof(o->network));
	return (o->prefix <= addr_len(o->family) * 8);
}

/* Its number, or count. */
static size_t
find(const struct msg_own *o, const struct origin *origin)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (origins[i].interface == origin->interface &&
		    memcmp(&owns[i], o, sizeof(*o)) == 0)
			break;
	}
	return (i);
}

static void
add(const struct msg_own *o, const struct origin *origin)
{
	static struct log_limit limit;
	size_t i = find(o, origin);
	uint64_t n;

	if (i < MSG_OWN_MAX) {
		if (i == count) {
			change = OWN_MORE;
			count++;
		}
		owns[i] = *o;
		origins[i] = *origin;
	} else if (log_allowed(&limit, clock_now(), TOO_MANY_PERIOD, &n)) {
		log_warn("this host has more than %d addresses: the others "
		    "are not known, and can be granted", MSG_OWN_MAX);
	}
}

static void
forget(size_t i)
{
	owns[i] = owns[--count];
	origins[i] = origins[count];
	if (change == OWN_NONE)
		change = OWN_LESS;
}

/* The end of a listing: what it did not have has gone unnoticed. */
static void
end_listing(void)
{
	size_t i;

	for (i = 0; i < count && !stale;) {
		if (origins[i].listing != listing)
			forget(i);
		else
			i++;
	}
	listed = true;
}

static void
take(const struct nlmsghdr *nlh, void *arg)
{
	struct origin origin;
	struct msg_own o;
	size_t i;

	(void)arg;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		stale = true;
	if (nlh->nlmsg_type == NLMSG_DONE && nlh->nlmsg_seq == listing)
		end_listing();
	else if (nlh->nlmsg_type == RTM_NEWADDR && parse(nlh, &o, &origin))
		add(&o, &origin);
	else if (nlh->nlmsg_type == RTM_DELADDR && parse(nlh, &o, &origin) &&
	    (i = find(&o, &origin)) < count)
		forget(i);
}

enum own_change
own_read(void)
{
	change = OWN_NONE;
	if (nlsock_receive(FD_OWN, take, NULL) != 0)
		stale = true;
	if (stale && listed)
		request();
	return (change);
}

size_t
own_set(const struct msg_own **first)
{
	*first = owns;
	return (count);
}

static bool
covers(const struct msg_own *o, const uint8_t a[16])
{
	size_t i, bits = addr_len(o->family) * 8;
	uint8_t last[16];

	if (memcmp(a, o->local, 16) == 0 || memcmp(a, o->broadcast, 16) == 0)
		return (true);
	/* Networks of one or two hosts have no such addresses (RFC 3021). */
	if (o->prefix + 1U >= bits)
		return (false);
	memcpy(last, o->network, sizeof(last));
	for (i = o->prefix; i < bits; i++)
		last[i / 8] |= (uint8_t)(0x80U >> i % 8);
	return (memcmp(a, o->network, 16) == 0 ||
	    (o->family == ADDR_V4 && memcmp(a, last, 16) == 0));
}

bool
own_has(const struct addr *a)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (a->family == owns[i].family && covers(&owns[i], a->bytes))
			return (true);
	}
	return (false);
}

unsigned int
own_count(void)
{
	return ((unsigned int)count);
}
