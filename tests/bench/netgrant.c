/* The bare grant over netlink. */
#include "netgrant.h"

#include <arpa/inet.h>

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#define SET		"bench"
#define TABLE		"filter"
#define PORT		443
#define TIMEOUT		3600U	/* seconds */

static struct mnl_socket *nl;
static unsigned int portid;
static uint32_t seq;
static void (*add)(const struct netgrant *, size_t);
static char out[NETGRANT_BATCH * 128 + 512] __attribute__((aligned(8)));

static struct nlmsghdr *
message(void *where, unsigned int type, unsigned int flags, uint8_t family,
    uint16_t resource)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(where);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
	return (nlh);
}

/* Send, and wait for the answer to the message with number acked. */
static void
transact(size_t len, uint32_t acked)
{
	char in[8192] __attribute__((aligned(8)));
	ssize_t n;
	int result;

	if (mnl_socket_sendto(nl, out, len) == -1)
		err(1, "netlink");
	do {
		n = mnl_socket_recvfrom(nl, in, sizeof(in));
		result = n == -1 ? -1 :
		    mnl_cb_run(in, (size_t)n, acked, portid, NULL, NULL);
	} while (result > 0);
	if (result == -1)
		err(1, "grant");
}

static void
put_ipset_address(struct nlmsghdr *nlh, uint16_t type, uint32_t address)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put_u32(nlh, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER,
	    address);
	mnl_attr_nest_end(nlh, nest);
}

/* One message with a list of elements. */
static void
add_ipset(const struct netgrant *g, size_t n)
{
	struct nlattr *list, *data;
	struct nlmsghdr *nlh;
	size_t i;

	nlh = message(out, NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_ADD, NLM_F_ACK,
	    AF_INET, 0);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, SET);
	mnl_attr_put_u32(nlh, IPSET_ATTR_LINENO, 0);
	list = mnl_attr_nest_start(nlh, IPSET_ATTR_ADT);
	for (i = 0; i < n; i++) {
		data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
		put_ipset_address(nlh, IPSET_ATTR_IP, g[i].client);
		put_ipset_address(nlh, IPSET_ATTR_IP2, g[i].dst);
		mnl_attr_put_u8(nlh, IPSET_ATTR_PROTO, IPPROTO_TCP);
		mnl_attr_put_u16(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
		    htons(PORT));
		mnl_attr_put_u32(nlh, IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER,
		    htonl(TIMEOUT));
		mnl_attr_put_u32(nlh, IPSET_ATTR_LINENO | NLA_F_NET_BYTEORDER,
		    htonl((uint32_t)i));
		mnl_attr_nest_end(nlh, data);
	}
	mnl_attr_nest_end(nlh, list);
	transact(nlh->nlmsg_len, nlh->nlmsg_seq);
}

static void
put_nft_element(struct nlmsghdr *nlh, const struct netgrant *g)
{
	uint32_t key[4] = { g->client, 0, 0, g->dst };
	uint16_t port = htons(PORT);
	struct nlattr *element, *nest;

	/* Each part of the key is padded to four bytes. */
	memcpy(&key[1], &(uint8_t){ IPPROTO_TCP }, 1);
	memcpy(&key[2], &port, sizeof(port));
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(key), key);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT,
	    htobe64(TIMEOUT * 1000ULL));
	mnl_attr_nest_end(nlh, element);
}

/* A batch of one message with a list of elements. */
static void
add_nftables(const struct netgrant *g, size_t n)
{
	struct nlmsghdr *nlh;
	struct nlattr *list;
	uint32_t acked;
	size_t i, len;

	nlh = message(out, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
	len = nlh->nlmsg_len;
	nlh = message(out + len, NFNL_SUBSYS_NFTABLES << 8 |
	    NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, NFPROTO_INET, 0);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, SET);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (i = 0; i < n; i++)
		put_nft_element(nlh, &g[i]);
	mnl_attr_nest_end(nlh, list);
	acked = nlh->nlmsg_seq;
	len += nlh->nlmsg_len;
	nlh = message(out + len, NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
	    NFNL_SUBSYS_NFTABLES);
	transact(len + nlh->nlmsg_len, acked);
}

void
netgrant_open(const char *kind)
{
	if (strcmp(kind, "ipset") == 0)
		add = add_ipset;
	else if (strcmp(kind, "nftables") == 0)
		add = add_nftables;
	else
		errx(2, "%s: ipset or nftables", kind);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == -1)
		err(1, "netlink socket");
	portid = mnl_socket_get_portid(nl);
}

void
netgrant_add(const struct netgrant *g, size_t n)
{
	add(g, n);
}
