/* This host's own addresses. */
#include "own.h"

#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "keepconf.h"
#include "kernel/nlattr.h"
#include "log.h"

#define START_TIMEOUT	(5 * CLOCK_SECOND)
#define REQUEST_AGAIN	CLOCK_SECOND	/* of what was not answered whole */
#define OWN_BUFFER	(1 << 20)	/* octets */
#define DATAGRAMS_MAX	1000		/* in one go */
#define TOO_MANY_PERIOD	60	/* seconds between log lines */

/* Of each address: where it is, and the last own_listing that had it. */
struct origin {
	uint32_t	interface;
	uint32_t	own_listing;
};

static struct msg_own owns[MSG_OWN_MAX];	/* as they go to the workers */
static struct origin origins[MSG_OWN_MAX];
static size_t count;
static enum own_change change;		/* that own_read() has read */
static uint32_t own_listing;		/* number of the last request */
static bool listed;			/* and it has come to its end */
static bool stale;			/* something was missed: ask again */
static uint64_t request_again;		/* ns: when, at the soonest */
static bool overflow;			/* there are more than the table holds */
static bool listing_overflow;		/* the same of the last request */

/* All addresses, please.  What cannot be asked now is asked later. */
static void
own_request(void)
{
	char buf[MNL_ALIGN(sizeof(struct nlmsghdr)) +
	    MNL_ALIGN(sizeof(struct ifaddrmsg))] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++own_listing;
	listed = false;
	listing_overflow = false;
	stale = send(KEEP_FD_OWN, buf, nlh->nlmsg_len, 0) == -1;
	request_again = clock_now() + REQUEST_AGAIN;
}

static void
own_socket(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int size = OWN_BUFFER, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_ROUTE);
	if (fd == -1 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) == -1)
		fatal("netlink socket for this host's addresses");
	/* As much as the system lets us have: what is lost is asked for again. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fd == KEEP_FD_OWN)
		return;
	if (dup3(fd, KEEP_FD_OWN, O_CLOEXEC) == -1)
		fatal("dup3");
	close(fd);
}

void
own_open(void)
{
	struct pollfd pfd = { .fd = KEEP_FD_OWN, .events = POLLIN };
	uint64_t deadline = clock_now() + START_TIMEOUT;

	own_socket();
	own_request();
	while (!listed || stale) {
		if (clock_now() >= deadline)
			fatalx("the kernel does not tell this host's "
			    "addresses");
		(void)poll(&pfd, 1, 100);
		(void)own_read();
	}
}

static bool
own_address(const struct nlmsghdr *nlh, uint16_t type, uint8_t family,
    uint8_t out[16])
{
	return (nlattr_copy(nlattr_find(nlh, sizeof(struct ifaddrmsg), type),
	    out, addr_len(family)));
}

/* The address of a message; false if it is of another family. */
static bool
own_parse(const struct nlmsghdr *nlh, struct msg_own *o, struct origin *origin)
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
	*origin = (struct origin){ ifa->ifa_index, own_listing };
	(void)own_address(nlh, IFA_ADDRESS, o->family, network.bytes);
	if (!own_address(nlh, IFA_LOCAL, o->family, o->local))
		memcpy(o->local, network.bytes, sizeof(o->local));
	if (!own_address(nlh, IFA_BROADCAST, o->family, o->broadcast))
		memcpy(o->broadcast, o->local, sizeof(o->broadcast));
	addr_mask(&network, o->prefix);
	memcpy(o->network, network.bytes, sizeof(o->network));
	return (o->prefix <= addr_len(o->family) * 8);
}

/* Its number, or count. */
static size_t
own_find(const struct msg_own *o, const struct origin *origin)
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
own_add(const struct msg_own *o, const struct origin *origin)
{
	static struct log_limit limit;
	size_t i = own_find(o, origin);
	uint64_t n;

	if (i < MSG_OWN_MAX) {
		if (i == count) {
			change = OWN_MORE;
			count++;
		}
		owns[i] = *o;
		origins[i] = *origin;
		return;
	}
	overflow = listing_overflow = true;
	if (log_allowed(&limit, clock_now(), TOO_MANY_PERIOD, &n))
		log_warn("this host has more than %d addresses: nothing is "
		    "granted, as it could be another one of them",
		    MSG_OWN_MAX);
}

static void
own_forget(size_t i)
{
	owns[i] = owns[--count];
	origins[i] = origins[count];
	if (change == OWN_NONE)
		change = OWN_LESS;
}

/* The end of a own_listing: what it did not have has gone unnoticed. */
static void
own_listed(void)
{
	size_t i;

	listed = true;
	for (i = 0; i < count && !stale;) {
		if (origins[i].own_listing != own_listing)
			own_forget(i);
		else
			i++;
	}
	/* Where those were, the others may have room. */
	stale |= listing_overflow && count < MSG_OWN_MAX;
	overflow = listing_overflow;
}

static void
own_take(const struct nlmsghdr *nlh)
{
	struct origin origin;
	struct msg_own o;
	size_t i;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		stale = true;
	if (nlh->nlmsg_seq == own_listing && nlh->nlmsg_type == NLMSG_ERROR) {
		stale = true;
		listed = true;
	} else if (nlh->nlmsg_seq == own_listing && nlh->nlmsg_type == NLMSG_DONE)
		own_listed();
	else if (nlh->nlmsg_type == RTM_NEWADDR && own_parse(nlh, &o, &origin))
		own_add(&o, &origin);
	else if (nlh->nlmsg_type == RTM_DELADDR &&
	    own_parse(nlh, &o, &origin) && (i = own_find(&o, &origin)) < count) {
		own_forget(i);
		stale |= overflow;
	}
}

/* Returns false if there is no more, or something was lost (stale). */
static bool
own_datagram(void)
{
	static char buf[32768] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	int len = (int)recv(KEEP_FD_OWN, buf, sizeof(buf), MSG_TRUNC);

	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return (false);
	if (len == -1 || len > (int)sizeof(buf)) {
		stale = true;
		return (errno == ENOBUFS);
	}
	for (nlh = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, len);
	    nlh = mnl_nlmsg_next(nlh, &len))
		own_take(nlh);
	return (true);
}

/* A own_listing that is not answered counts as one that failed. */
enum own_change
own_read(void)
{
	unsigned int i;

	change = OWN_NONE;
	for (i = 0; i < DATAGRAMS_MAX && own_datagram(); i++)
		;
	if ((stale || !listed) && clock_now() >= request_again)
		own_request();
	return (change);
}

int
own_wait(void)
{
	uint64_t now;

	if (listed && !stale)
		return (-1);
	now = clock_now();
	return (now >= request_again ? 0 :
	    (int)((request_again - now) / (CLOCK_SECOND / 1000)) + 1);
}

size_t
own_set(const struct msg_own **first)
{
	*first = owns;
	return (count);
}

static bool
own_covers(const struct msg_own *o, const uint8_t a[16])
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
		if (a->family == owns[i].family && own_covers(&owns[i], a->bytes))
			return (true);
	}
	return (false);
}

static bool
own_is_excepted(const struct addr *a, const struct limits *l)
{
	size_t i;

	for (i = 0; i < l->nallowed; i++) {
		if (addr_in_net(a, &l->allowed[i]))
			return (true);
	}
	return (false);
}

bool
own_forbids(const struct addr *dst, const struct limits *l)
{
	struct addr embedded[LIMITS_EMBEDDED_MAX];
	size_t i, n;

	if (own_is_excepted(dst, l))
		return (false);
	n = limits_embedded(l, dst, embedded);
	for (i = 0; i < n; i++) {
		if (own_has(&embedded[i]) && !own_is_excepted(&embedded[i], l))
			return (true);
	}
	return (own_has(dst));
}

bool
own_is_whole(void)
{
	return (!overflow);
}

unsigned int
own_count(void)
{
	return ((unsigned int)count);
}
