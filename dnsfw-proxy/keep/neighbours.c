/* The kernel's neighbour table. */
#include "neighbours.h"

#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "children.h"
#include "clock.h"
#include "keepconf.h"
#include "kernel/nlattr.h"
#include "log.h"
#include "machines.h"

#define LISTING_AGAIN	CLOCK_SECOND	/* at the soonest */
#define NEIGHBOURS_BUFFER (1 << 20)	/* octets: of the socket */
/* What is read in one go: a client can make up neighbours, and change them. */
#define NEIGHBOURS_DATAGRAMS 64
#define NEIGHBOURS_OCTETS (64 << 10)

/* States in which the kernel sends to the hardware address that it has. */
#define USABLE	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

static int neighbours_socket = -1;
static uint32_t neighbours_seq;		/* of the last listing */
static bool neighbours_listed = true;	/* it has come to its end */
static bool neighbours_stale;		/* something was missed: ask again */
static uint64_t neighbours_again;	/* ns: when, at the soonest */

/* All neighbours, please.  What cannot be asked now is asked later. */
static void
neighbours_request(void)
{
	char buf[MNL_ALIGN(sizeof(struct nlmsghdr)) +
	    MNL_ALIGN(sizeof(struct ndmsg))] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ndmsg));
	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++neighbours_seq;
	neighbours_listed = false;
	machines_list();
	neighbours_stale = send(KEEP_FD_NEIGHBOURS, buf, nlh->nlmsg_len, 0) == -1;
	neighbours_again = clock_now() + LISTING_AGAIN;
}

void
neighbours_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_NEIGH };
	int size = NEIGHBOURS_BUFFER, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_ROUTE);
	if (fd == -1 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) == -1)
		fatal("netlink socket for neighbours");
	/* As much as the system lets us have: what is lost is asked for again. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fd != KEEP_FD_NEIGHBOURS) {
		if (dup3(fd, KEEP_FD_NEIGHBOURS, O_CLOEXEC) == -1)
			fatal("dup3");
		close(fd);
	}
	neighbours_socket = KEEP_FD_NEIGHBOURS;
	neighbours_request();
}

int
neighbours_fd(void)
{
	return (neighbours_socket);
}

/* It is granted nothing, so it is nobody's other address. */
static bool
is_of_one_link(const struct addr *a)
{
	return (a->family == ADDR_V6 ? addr_is_link_local6(a) :
	    a->bytes[0] == 169 && a->bytes[1] == 254);
}

/* What a message is about; false: not of a machine that could be a client. */
static bool
neighbour_parse(const struct nlmsghdr *nlh, struct machines_link *link,
    struct addr *a, uint16_t *state)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *lladdr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm) ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) ||
	    (ndm->ndm_flags & NTF_PROXY) != 0)
		return (false);
	*a = (struct addr){ .family = ndm->ndm_family == AF_INET ? ADDR_V4 :
	    ADDR_V6 };
	if (!nlattr_copy(nlattr_find(nlh, sizeof(*ndm), NDA_DST), a->bytes,
	    addr_len(a->family)) || is_of_one_link(a) || addr_is_loopback(a))
		return (false);
	*state = ndm->ndm_state;
	*link = (struct machines_link){ .interface = (uint32_t)ndm->ndm_ifindex };
	lladdr = nlattr_find(nlh, sizeof(*ndm), NDA_LLADDR);
	if (lladdr == NULL)
		return (true);
	link->len = mnl_attr_get_payload_len(lladdr);
	if (link->len > sizeof(link->addr))
		link->len = 0;
	memcpy(link->addr, mnl_attr_get_payload(lladdr), link->len);
	return (true);
}

static bool
is_no_address(const struct machines_link *link)
{
	static const uint8_t zeros[MACHINES_LINK_MAX];

	return (memcmp(link->addr, zeros, sizeof(zeros)) == 0);
}

/* An address, or that it is one no more. */
static void
neighbour_take(const struct nlmsghdr *nlh)
{
	struct machines_link link;
	struct addr a;
	uint16_t state;

	if (!neighbour_parse(nlh, &link, &a, &state))
		return;
	if (nlh->nlmsg_type == RTM_NEWNEIGH && (state & USABLE) != 0 &&
	    !is_no_address(&link))
		machines_put(&link, &a, (state & NUD_STALE) != 0);
	else
		machines_remove(link.interface, &a);
}

static void
neighbours_message(const struct nlmsghdr *nlh)
{
	bool ours = nlh->nlmsg_seq == neighbours_seq;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		neighbours_stale = true;
	if (ours && nlh->nlmsg_type == NLMSG_ERROR)
		neighbours_stale = neighbours_listed = true;
	else if (ours && nlh->nlmsg_type == NLMSG_DONE) {
		neighbours_listed = true;
		/* What was missed may be there all the same. */
		if (!neighbours_stale)
			machines_listed();
	} else if (nlh->nlmsg_type == RTM_NEWNEIGH ||
	    nlh->nlmsg_type == RTM_DELNEIGH)
		neighbour_take(nlh);
}

/* Returns its length; 0: there is no more; -1: something was lost. */
static int
neighbours_datagram(void)
{
	static char buf[32768] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	int len = (int)recv(KEEP_FD_NEIGHBOURS, buf, sizeof(buf), MSG_TRUNC);
	int left = len;

	if (len == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	if (len == -1 || len > (int)sizeof(buf)) {
		neighbours_stale = true;
		return (-1);
	}
	/* For libmnl a length above INT_MAX is a small one. */
	for (nlh = (const struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left) &&
	    nlh->nlmsg_len <= (uint32_t)left;
	    nlh = mnl_nlmsg_next(nlh, &left))
		neighbours_message(nlh);
	return (len);
}

/* A listing that is not answered counts as one that failed. */
void
neighbours_read(void)
{
	int i, len, octets = 0;

	for (i = 0; i < NEIGHBOURS_DATAGRAMS && octets < NEIGHBOURS_OCTETS; i++) {
		if ((len = neighbours_datagram()) == 0)
			break;
		octets += len;
	}
	if (neighbours_listed && machines_may_more())
		neighbours_stale = true;
	if ((neighbours_stale || !neighbours_listed) &&
	    clock_now() >= neighbours_again)
		neighbours_request();
}

int
neighbours_wait(void)
{
	uint64_t now;

	if (neighbours_listed && !neighbours_stale)
		return (-1);
	now = clock_now();
	return (now >= neighbours_again ? 0 :
	    (int)((neighbours_again - now) / (CLOCK_SECOND / 1000)) + 1);
}

bool
neighbours_untold(unsigned int worker)
{
	return (machines_wait(worker));
}

void
neighbours_tell(unsigned int worker)
{
	struct msg_neighbour out[MSG_BATCH_MAX];
	size_t n = machines_tell(worker, out);

	if (n > 0)
		children_send(&children_workers[worker], out,
		    n * sizeof(out[0]), -1);
}
