/* The connections that a grant opened. */
#include "conntrack.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "nlsock.h"
#include "own.h"

/* Bits of CTA_FILTER_ORIG_FLAGS (net/netfilter/nf_conntrack_netlink.c). */
#define BY_SOURCE	(1U << 0)
#define BY_DESTINATION	(1U << 1)
#define BY_PROTOCOL	(1U << 3)
#define BY_PORT		(1U << 5)

#define TUPLE_MAX	128	/* bytes of a CTA_TUPLE_ORIG; IPv6 takes 84 */
#define FLOWS_MAX	NLSOCK_MESSAGES_MAX	/* connections in one go */
#define ROUNDS_MAX	86	/* a connection on each of a client's ports */
#define ERROR_PERIOD	60	/* seconds between log lines */

/* What a listing found. */
struct flows {
	const struct msg_grant *grant;
	bool		live;
	unsigned int	found;		/* of which tuples has the first n */
	size_t		n;
	char		tuples[FLOWS_MAX][TUPLE_MAX];
};

static struct flows flows;

static struct nlmsghdr *
message(enum cntl_msg_types type, uint16_t flags, uint8_t family)
{
	return (nlsock_message((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type),
	    flags, family == ADDR_V4 ? AF_INET : AF_INET6, 0));
}

/* "ORIGINAL is from the client to the destination, this protocol and port." */
static void
put_filter(struct nlmsghdr *nlh, const struct msg_grant *g)
{
	bool v4 = g->family == ADDR_V4;
	struct nlattr *tuple, *nest;
	uint32_t by = BY_DESTINATION | BY_PROTOCOL | BY_PORT;

	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	if (!g->local) {
		by |= BY_SOURCE;
		mnl_attr_put(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC,
		    addr_len(g->family), g->client);
	}
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST,
	    addr_len(g->family), g->dst);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, g->proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(g->port));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
	nest = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, by);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(nlh, nest);
}

/* A grant for this host is not for the clients behind it. */
static bool
is_from_here(const struct nlattr *tuple, uint8_t family)
{
	struct addr source = { .family = family };

	(void)nlsock_copy(nlsock_nested(nlsock_nested(tuple, CTA_TUPLE_IP),
	    family == ADDR_V4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC), source.bytes,
	    addr_len(family));
	return (own_has(&source));
}

static bool
is_live(const struct nlmsghdr *nlh, uint8_t proto)
{
	uint32_t status = nlsock_u32(nlsock_attr(nlh, CTA_STATUS));
	uint8_t state;

	if ((status & IPS_SEEN_REPLY) == 0 || (status & IPS_ASSURED) == 0)
		return (false);
	if (proto != IPPROTO_TCP)
		return (true);
	(void)nlsock_copy(nlsock_nested(nlsock_nested(nlsock_attr(nlh,
	    CTA_PROTOINFO), CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE),
	    &state, sizeof(state));
	return (state == TCP_CONNTRACK_ESTABLISHED);
}

static void
on_flow(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tuple = nlsock_attr(nlh, CTA_TUPLE_ORIG);
	struct flows *f = arg;

	if (tuple == NULL || tuple->nla_len > TUPLE_MAX || (f->grant->local &&
	    !is_from_here(tuple, f->grant->family)))
		return;
	f->found++;
	f->live |= is_live(nlh, f->grant->proto);
	if (f->n < FLOWS_MAX)
		memcpy(f->tuples[f->n++], tuple, tuple->nla_len);
}

static int
list(const struct msg_grant *g)
{
	flows.grant = g;
	flows.live = false;
	flows.found = 0;
	flows.n = 0;
	nlsock_begin();
	put_filter(message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, g->family), g);
	return (nlsock_run(on_flow, &flows));
}

static void
log_failed(void)
{
	static struct log_limit limit;
	uint64_t events;

	if (log_allowed(&limit, clock_now(), ERROR_PERIOD, &events))
		log_error("cannot list connections: %s",
		    nlsock_strerror(errno));
}

void
conntrack_check(void)
{
	const struct msg_grant any = { .family = ADDR_V4, .port = 1,
	    .proto = IPPROTO_TCP };

	if (list(&any) == -1)
		fatalx("--hold-live and --kill-connections need connection "
		    "tracking over netlink (nf_conntrack_netlink, "
		    "Linux 5.8): %s", nlsock_strerror(errno));
}

bool
conntrack_is_live(const struct msg_grant *g)
{
	if (list(g) == -1 && errno != EINTR)
		log_failed();
	return (flows.live);
}

/* Those of the last listing, each by all of its tuple. */
static void
delete_listed(uint8_t family)
{
	const struct nlattr *tuple;
	size_t i;

	nlsock_begin();
	for (i = 0; i < flows.n; i++) {
		tuple = (const struct nlattr *)(const void *)flows.tuples[i];
		mnl_attr_put(message(IPCTNL_MSG_CT_DELETE, 0, family),
		    CTA_TUPLE_ORIG | NLA_F_NESTED,
		    mnl_attr_get_payload_len(tuple),
		    mnl_attr_get_payload(tuple));
	}
	/* One that has ended by itself is as good. */
	if (nlsock_run(NULL, NULL) == -1 && errno != ENOENT)
		log_failed();
}

/*
 * All of a client's in one go.  Kernels before 6.8 want the whole tuple; and
 * those of a grant for this host cannot be told by a filter.
 */
static bool
delete_all(const struct msg_grant *g)
{
	nlsock_begin();
	put_filter(message(IPCTNL_MSG_CT_DELETE, 0, g->family), g);
	return (nlsock_run(NULL, NULL) == 0);
}

unsigned int
conntrack_kill(const struct msg_grant *g)
{
	unsigned int killed = 0;
	int i;

	for (i = 0; i < ROUNDS_MAX; i++) {
		if (list(g) == -1 && errno != EINTR) {
			log_failed();
			break;
		}
		if (flows.n == 0)
			break;
		if (!g->local && flows.found > flows.n && delete_all(g))
			return (killed + flows.found);
		delete_listed(g->family);
		killed += (unsigned int)flows.n;
		if (flows.n < FLOWS_MAX)
			break;
	}
	return (killed);
}
