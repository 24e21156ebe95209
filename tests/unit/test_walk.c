/*
 * One walk over all connections for many grants, against a stand-in of the kernel
 * that lists what a test says, and forgets or does not.
 */
#include "kernel_rig.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <netinet/in.h>

#include "hash.h"
#include "keep/kernel/ask.h"
#include "keep/kernel/conntrack.h"

#define LIVE	(IPS_SEEN_REPLY | IPS_ASSURED)

/* One connection; client and server end so in their subnets. */
struct flow {
	uint8_t		family, proto, client, server;
	uint16_t	dport;
	uint32_t	status;
	uint8_t		state;
	uint16_t	zone, tuple_zone;
};

static struct flow flows[1000];
static size_t nflows, per_datagram = 3;
static struct order_flow deleted[1000];
static size_t ndeleted;
static bool break_it;
static struct conntrack *c;

static bool
is_own(const struct addr *a)
{
	return (a->bytes[addr_len(a->family) - 1] == 99);
}

static void
set_up(void)
{
	rig_on();
	hash_init();
	rig_ready();
	ask_open();
	c = conntrack_new(100, is_own);
}

TestSuite(walk, .init = set_up);

static void
fill_address(uint8_t bytes[16], uint8_t family, uint8_t net, uint8_t last)
{
	memset(bytes, 0, 16);
	bytes[0] = net;
	bytes[addr_len(family) - 1] = last;
}

static void
put_tuple(struct nlmsghdr *nlh, const struct flow *f)
{
	struct nlattr *tuple, *nest;
	uint8_t src[16], dst[16];
	bool v4 = f->family == ADDR_V4;

	fill_address(src, f->family, 10, f->client);
	fill_address(dst, f->family, 20, f->server);
	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC,
	    addr_len(f->family), src);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST,
	    addr_len(f->family), dst);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, f->proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(40000));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(f->dport));
	mnl_attr_nest_end(nlh, nest);
	if (f->tuple_zone != 0)
		mnl_attr_put_u16(nlh, CTA_TUPLE_ZONE, htons(f->tuple_zone));
	mnl_attr_nest_end(nlh, tuple);
}

static uint32_t
put_flow(uint8_t *buf, uint32_t seq, const struct flow *f)
{
	struct nlmsghdr *nlh = rig_message(buf, KEEP_FD_FLOWS, seq,
	    NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW);
	struct nlattr *info, *tcp;

	put_tuple(nlh, f);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(f->status));
	if (f->state != 0) {
		info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
		tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, f->state);
		mnl_attr_nest_end(nlh, tcp);
		mnl_attr_nest_end(nlh, info);
	}
	if (f->zone != 0)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(f->zone));
	return (nlh->nlmsg_len);
}

static void
list_flows(const struct order_read *r)
{
	static uint8_t buf[32768] __attribute__((aligned(8)));
	uint8_t family = r->sub == 0 ? ADDR_V4 : ADDR_V6;
	size_t i, n = 0, len = 0;

	cr_assert_eq(r->what, STAMP_FLOWS);
	for (i = 0; i < nflows; i++) {
		if (flows[i].family != family)
			continue;
		len += put_flow(buf + len, r->seq, &flows[i]);
		if (++n % per_datagram == 0) {
			rig_put(KEEP_FD_FLOWS, buf, len);
			len = 0;
		}
	}
	if (len > 0)
		rig_put(KEEP_FD_FLOWS, buf, len);
	if (break_it)
		rig_fail(KEEP_FD_FLOWS, ENOBUFS);
	else
		rig_done(KEEP_FD_FLOWS, r->seq, 0);
}

static int
forget(const struct order_flow *f)
{
	deleted[ndeleted++] = *f;
	return (f->dst[3] == 77 ? ENOENT : f->dst[3] == 78 ? EPERM : 0);
}

static struct msg_grant
grant_of(uint8_t family, uint8_t proto, uint8_t client, uint8_t server,
    uint16_t port)
{
	struct msg_grant g = { .family = family, .proto = proto,
	    .local = client == 0, .port = port };

	if (client != 0)
		fill_address(g.client, family, 10, client);
	fill_address(g.dst, family, 20, server);
	return (g);
}

static void
ask(struct msg_grant g, bool kill)
{
	cr_assert_eq(conntrack_ask(c, &g, kill), 0);
}

static bool
is_live(struct msg_grant g)
{
	return (conntrack_is_live(c, &g));
}

static enum list_step
walk(void)
{
	enum list_step step;

	rig.on_read = list_flows;
	rig.on_flow = forget;
	while ((step = conntrack_step(c, RIG_MS)) == LIST_MORE)
		;
	return (step);
}

static void
add(struct flow f)
{
	flows[nflows++] = f;
}

#define TCP(client, server, port)					\
	{ ADDR_V4, IPPROTO_TCP, client, server, port, LIVE,		\
	    TCP_CONNTRACK_ESTABLISHED, 0, 0 }

Test(walk, live)
{
	static const struct {
		struct flow	flow;
		bool		live;
	} cases[] = {
		{ TCP(1, 1, 1), true },
		{ { ADDR_V4, IPPROTO_TCP, 1, 1, 2, LIVE,
		    TCP_CONNTRACK_FIN_WAIT, 0, 0 }, false },
		{ { ADDR_V4, IPPROTO_TCP, 1, 1, 3, IPS_SEEN_REPLY,
		    TCP_CONNTRACK_ESTABLISHED, 0, 0 }, false },
		{ { ADDR_V4, IPPROTO_TCP, 1, 1, 4, LIVE, 0, 0, 0 }, false },
		{ { ADDR_V4, IPPROTO_UDP, 1, 1, 5, LIVE, 0, 0, 0 }, true },
		{ { ADDR_V4, IPPROTO_UDP, 1, 1, 6, IPS_SEEN_REPLY, 0, 0, 0 },
		    false },
		{ { ADDR_V4, IPPROTO_UDP, 1, 1, 7, IPS_ASSURED, 0, 0, 0 },
		    false },
		{ { ADDR_V6, IPPROTO_TCP, 1, 1, 8, LIVE,
		    TCP_CONNTRACK_ESTABLISHED, 0, 0 }, true },
	};
	struct msg_grant g;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		add(cases[i].flow);
		ask(grant_of(cases[i].flow.family, cases[i].flow.proto, 1, 1,
		    cases[i].flow.dport), false);
	}
	ask(grant_of(ADDR_V4, IPPROTO_UDP, 1, 1, 1), false);
	cr_expect_eq(walk(), LIST_END);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		g = grant_of(cases[i].flow.family, cases[i].flow.proto, 1, 1,
		    cases[i].flow.dport);
		cr_expect_eq(is_live(g), cases[i].live, "%zu", i);
	}
	cr_expect_not(is_live(grant_of(ADDR_V4, IPPROTO_UDP, 1, 1, 1)));
	cr_expect(is_live(grant_of(ADDR_V4, IPPROTO_TCP, 9, 9, 9)),
	    "nobody asked");
	cr_expect_eq(ndeleted, 0);
}

/* Of a grant for this host are its own connections, and only these. */
Test(walk, this_host)
{
	add((struct flow)TCP(5, 1, 1));
	add((struct flow)TCP(99, 1, 2));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 1), false);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 2), false);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_not(is_live(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 1)));
	cr_expect(is_live(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 2)));
}

Test(walk, only_families_that_are_asked_about)
{
	ask(grant_of(ADDR_V6, IPPROTO_TCP, 1, 1, 1), false);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(rig.nsent, 1);
	conntrack_clear(c);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(rig.nsent, 1, "nothing was asked");
}

/* One of several that lives is enough, in whatever order they are listed. */
Test(walk, one_of_several_lives)
{
	size_t i;

	for (i = 0; i < 3; i++)
		add((struct flow)TCP(1, 1, 1));
	flows[0].state = flows[2].state = TCP_CONNTRACK_FIN_WAIT;
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), false);
	cr_expect_eq(walk(), LIST_END);
	cr_expect(is_live(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1)));
}

/* This host is a client, too: by either grant its connection ends. */
Test(walk, kill_of_this_host)
{
	add((struct flow)TCP(99, 1, 1));
	add((struct flow)TCP(99, 1, 2));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 99, 1, 1), true);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 1), false);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 99, 1, 2), false);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 0, 1, 2), true);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(ndeleted, 2);
}

/* 64 in a record, as they are listed; A9 counts what the kernel forgot. */
Test(walk, kill)
{
	size_t i;

	per_datagram = 100;
	for (i = 0; i < 150; i++)
		add((struct flow)TCP((uint8_t)(i % 2 + 1), 1, 1));
	add((struct flow)TCP(1, 77, 1));	/* that has just ended */
	add((struct flow)TCP(1, 78, 1));	/* that cannot be */
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), true);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 77, 1), true);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 78, 1), true);
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 2, 1, 1), false);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(ndeleted, 77);
	cr_expect_eq(conntrack_killed(c), 75);
	cr_expect_eq(conntrack_failed(c), 1);
	cr_expect_eq(deleted[0].sport, 40000);
	cr_expect_eq(deleted[0].dport, 1);
	conntrack_clear(c);
	cr_expect_eq(conntrack_killed(c), 0);
}

/* A datagram may be about more than a record takes. */
Test(walk, many_in_one_datagram)
{
	size_t i;

	per_datagram = 150;
	for (i = 0; i < 150; i++)
		add((struct flow)TCP(1, 1, 1));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), true);
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(conntrack_killed(c), 150);
	cr_expect_eq(rig.nsent, 1 + 3, "64, 64 and 22");
}

Test(walk, zones)
{
	add((struct flow)TCP(1, 1, 1));
	flows[0].zone = 7;
	add((struct flow)TCP(1, 1, 1));
	flows[1].tuple_zone = 9;
	add((struct flow)TCP(1, 1, 1));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), true);
	cr_expect_eq(walk(), LIST_END);
	cr_assert_eq(ndeleted, 3);
	cr_expect_eq(deleted[0].zone, 7);
	cr_expect_eq(deleted[1].zone, 9);
	cr_expect_eq(deleted[2].zone, 0);
}

Test(walk, lost_deletions_are_not_counted)
{
	add((struct flow)TCP(1, 1, 1));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), true);
	rig.fail = 1;
	rig.fail_error = EPERM;
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(conntrack_killed(c), 0);
	cr_expect_eq(conntrack_failed(c), 1);
}

/* How many steps a hundred datagrams take, if each takes so long. */
static unsigned int
steps_of(uint64_t each)
{
	unsigned int steps = 0;

	rig.work = each;
	rig.on_read = list_flows;
	while (conntrack_step(c, RIG_MS) == LIST_MORE) {
		steps++;
		cr_expect_eq(conntrack_fd(c), KEEP_FD_FLOWS);
	}
	cr_expect_eq(conntrack_fd(c), -1);
	return (steps);
}

/* Bounded by time: whoever else waits is served between (G14). */
Test(walk, steps)
{
	size_t i;

	per_datagram = 1;
	for (i = 0; i < 100; i++)
		add((struct flow)TCP(1, 1, 1));
	ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1), false);
	cr_expect_eq(conntrack_fd(c), -1);
	cr_expect_eq(steps_of(1), 0, "all in one");
	cr_expect_eq(steps_of(RIG_MS / 5), 20);
	cr_expect_eq(steps_of(RIG_MS / 4 + 1), 25);
	cr_expect_eq(steps_of(7 * RIG_MS), 100, "but one at least");
}

/* A walk that is broken tells nothing about what it has not seen. */
Test(walk, broken)
{
	struct msg_grant g = grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1);

	ask(g, false);
	break_it = true;
	cr_expect_eq(walk(), LIST_BROKEN);
	cr_expect(is_live(g));
	cr_expect_eq(conntrack_fd(c), -1);
	break_it = false;
	cr_expect_eq(walk(), LIST_END, "the next one does");
	cr_expect_not(is_live(g));
}

Test(walk, silent)
{
	struct msg_grant g = grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 1);

	ask(g, false);
	rig.on_read = NULL;
	cr_expect_eq(conntrack_step(c, RIG_MS), LIST_MORE);
	rig.now += LIST_WAIT;
	cr_expect_eq(conntrack_step(c, RIG_MS), LIST_BROKEN);
	cr_expect(is_live(g));
	/* The other listing goes on in the kernel, for all that is known. */
	cr_expect_eq(conntrack_step(c, RIG_MS), LIST_BROKEN);
}

Test(walk, as_many_as_there_is_room_for)
{
	struct msg_grant g;
	uint16_t i;

	for (i = 1; i <= 100; i++) {
		ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, i), i == 7);
		ask(grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, i), i == 5);
	}
	g = grant_of(ADDR_V4, IPPROTO_TCP, 1, 1, 101);
	cr_expect_eq(conntrack_ask(c, &g, false), -1);
	add((struct flow)TCP(1, 1, 5));
	add((struct flow)TCP(1, 1, 6));
	add((struct flow)TCP(1, 1, 7));
	cr_expect_eq(walk(), LIST_END);
	cr_expect_eq(conntrack_killed(c), 2);
	conntrack_clear(c);
	cr_expect_eq(conntrack_ask(c, &g, false), 0);
	conntrack_free(c);
}

Test(walk, check_of_a_kernel_without, .exit_code = 1)
{
	rig.silent = true;
	conntrack_check(c);
}
