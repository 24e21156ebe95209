/*
 * Makes the kernel of this namespace track UDP connections that nobody has, quickly,
 * as if they had gone on for a while:
 *
 *	connected CLIENT FIRST ADDRESSES PORT COUNT
 *
 * The i-th goes from CLIENT, port 1024 + i / ADDRESSES, to FIRST + i % ADDRESSES,
 * PORT.  All IPv4.
 */
#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#define FIRST_PORT	1024
#define TIMEOUT		600	/* seconds */
#define BATCH		64	/* messages */
#define MESSAGE_MAX	256

struct flow {
	uint32_t	src, dst;	/* host byte order, as all here */
	uint16_t	sport, dport;
};

static char out[BATCH * MESSAGE_MAX] __attribute__((aligned(8)));

static uint32_t
number(const char *text, uint32_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n == 0 || n > max)
		errx(2, "'%s': expected a number from 1 to %u", text, max);
	return ((uint32_t)n);
}

static uint32_t
address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		errx(2, "'%s': expected an IPv4 address", text);
	return (ntohl(a.s_addr));
}

static void
put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct flow *f)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(f->src));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, htonl(f->dst));
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(f->sport));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(f->dport));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

/* One more connection at out + len; returns the length then. */
static size_t
put_flow(size_t len, uint32_t seq, const struct flow *f)
{
	const struct flow reply = { f->dst, f->src, f->dport, f->sport };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(out + len);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	put_tuple(nlh, CTA_TUPLE_ORIG, f);
	put_tuple(nlh, CTA_TUPLE_REPLY, &reply);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_CONFIRMED |
	    IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(TIMEOUT));
	return (len + MNL_ALIGN(nlh->nlmsg_len));
}

/* Send; the last one of them is acknowledged, and of the others what failed. */
static void
transact(struct mnl_socket *nl, size_t len)
{
	char in[8192] __attribute__((aligned(8)));
	ssize_t n;
	int more = 1;

	if (mnl_socket_sendto(nl, out, len) == -1)
		err(1, "netlink");
	while (more > 0) {
		if ((n = mnl_socket_recvfrom(nl, in, sizeof(in))) == -1)
			err(1, "netlink");
		more = mnl_cb_run(in, (size_t)n, 0,
		    mnl_socket_get_portid(nl), NULL, NULL);
	}
	if (more == -1)
		err(1, "the kernel does not track the connection");
}

int
main(int argc, char *argv[])
{
	uint32_t src, first, naddresses, count, i;
	struct mnl_socket *nl;
	struct flow f;
	size_t len = 0, at;

	if (argc != 6)
		errx(2, "usage: connected CLIENT FIRST ADDRESSES PORT COUNT");
	src = address(argv[1]);
	first = address(argv[2]);
	naddresses = number(argv[3], UINT32_MAX);
	f.src = src;
	f.dport = (uint16_t)number(argv[4], UINT16_MAX);
	count = number(argv[5], UINT32_MAX);
	if ((nl = mnl_socket_open(NETLINK_NETFILTER)) == NULL ||
	    mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == -1)
		err(1, "netlink");
	for (i = 0; i < count; i++) {
		f.sport = (uint16_t)(FIRST_PORT + i / naddresses);
		f.dst = first + i % naddresses;
		at = len;
		len = put_flow(len, i + 1, &f);
		if (i + 1 < count && (i + 1) % BATCH != 0)
			continue;
		((struct nlmsghdr *)(void *)(out + at))->nlmsg_flags |=
		    NLM_F_ACK;
		transact(nl, len);
		len = 0;
	}
	mnl_socket_close(nl);
	return (0);
}
