/* Netlink messages that become stamps. */
#include "draft.h"

#include <arpa/inet.h>

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>

#include <string.h>

#include "log.h"
#include "order.h"

#define NESTS_MAX	4	/* one in the other */

/* Of an order's fields; addresses: of an IPv6 one. */
static const uint16_t hole_sizes[HOLE_COUNT] = { [HOLE_CLIENT] = 16,
    [HOLE_DST] = 16, [HOLE_PROTO] = 1, [HOLE_PORT] = 2, [HOLE_SPORT] = 2,
    [HOLE_ZONE] = 2, [HOLE_SECONDS] = 4, [HOLE_MS] = 8,
    [HOLE_LABEL] = ORDER_LABEL_SIZE, [HOLE_INDEX] = 2, [HOLE_POSITION] = 8,
    [HOLE_NAME] = ORDER_NAME_SIZE };

/* The longest rule is less than 900. */
static char bytes[16 * STAMPS_BYTES] __attribute__((aligned(8)));
static uint16_t holes[HOLE_COUNT];
static struct nlmsghdr *draft;

struct nlmsghdr *
draft_begin(const struct subject *s, uint8_t command, uint16_t flags)
{
	struct nfgenmsg *nfg;

	memset(bytes, 0, sizeof(bytes));
	memset(holes, 0, sizeof(holes));
	draft = mnl_nlmsg_put_header(bytes);
	draft->nlmsg_type = (uint16_t)(s->subsystem << 8 | command);
	draft->nlmsg_flags = flags;
	nfg = mnl_nlmsg_put_extra_header(draft, sizeof(*nfg));
	nfg->nfgen_family = s->family;
	nfg->version = NFNETLINK_V0;
	/* A batch is of the whole of netfilter, and says whose it is. */
	if (s->subsystem == NFNL_SUBSYS_NONE)
		nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	else if (s->subsystem == NFNL_SUBSYS_IPSET)
		mnl_attr_put_u8(draft, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	return (draft);
}

static void
note(enum stamps_hole hole, size_t at)
{
	if (holes[hole] != 0)
		fatalx("two holes of number %u in a stamp", hole);
	holes[hole] = (uint16_t)at;
}

/* The hole is at the end as it is now, plus skip bytes; returns its size. */
static uint32_t
put_hole(enum stamps_hole hole, size_t skip, uint8_t is)
{
	note(hole, draft->nlmsg_len + skip);
	return ((hole == HOLE_CLIENT || hole == HOLE_DST) &&
	    (is & IS_V4) != 0 ? 4 : hole_sizes[hole]);
}

static void
put(const struct subject *s, const struct part *p, uint8_t is)
{
	static const uint8_t zeros[STAMPS_BYTES];
	/* Of nft's user data: type (0: a comment), length, and the text. */
	static const uint8_t record[2 + ORDER_LABEL_SIZE] = { 0,
	    ORDER_LABEL_SIZE };
	static struct nlattr *nests[NESTS_MAX];
	static size_t depth;
	uint32_t len;

	switch (p->put) {
	case PUT_NEST:
	case PUT_KEY:
		nests[depth] = mnl_attr_nest_start(draft, p->type);
		if (p->put == PUT_KEY)
			nests[depth]->nla_type = p->type;
		depth++;
		break;
	case PUT_END:
		mnl_attr_nest_end(draft, nests[--depth]);
		break;
	case PUT_NUMBER:
		mnl_attr_put_u32(draft, p->type, htonl(s->numbers[p->value]));
		break;
	case PUT_U8:
		mnl_attr_put_u8(draft, p->type, (uint8_t)p->value);
		break;
	case PUT_U32:
		mnl_attr_put_u32(draft, p->type, htonl(p->value));
		break;
	case PUT_HOLE:
		len = put_hole(p->value, NLA_HDRLEN, is);
		mnl_attr_put(draft, p->type, len, zeros);
		break;
	case PUT_FIELD:
		draft->nlmsg_len += NLA_ALIGN(put_hole(p->value, 0, is));
		break;
	case PUT_LABEL:
		(void)put_hole(HOLE_LABEL, NLA_HDRLEN + 2, is);
		mnl_attr_put(draft, p->type, sizeof(record), record);
		break;
	}
}

void
draft_stamps(const struct subject *s, const struct pattern *patterns, size_t n,
    struct stamps *stamps)
{
	const struct pattern *end = patterns + n;
	const struct part *p;
	unsigned int i;
	uint8_t is;

	for (; patterns < end; patterns++) {
		is = s->is | patterns->is;
		(void)draft_begin(s, patterns->command, patterns->flags);
		for (i = 0; i < NAME_COUNT; i++) {
			if (patterns->names[i] != 0)
				mnl_attr_put_strz(draft, patterns->names[i],
				    s->names[i]);
		}
		p = patterns->parts;
		for (; p != NULL && p->put != PUT_LAST; p++) {
			if ((p->when & ~is) == 0)
				put(s, p, is);
		}
		draft_end(s, patterns->id, stamps);
	}
}

void
draft_find(enum stamps_hole hole, const void *mark, size_t len)
{
	char *at = memmem(bytes, draft->nlmsg_len, mark, len);

	if (at == NULL || memmem(at + 1, bytes + draft->nlmsg_len - (at + 1),
	    mark, len) != NULL)
		fatalx("the place of hole %u in a stamp is not clear", hole);
	note(hole, (size_t)(at - bytes));
	memset(at, 0, len);
}

void
draft_end(const struct subject *s, enum stamps_id id, struct stamps *stamps)
{
	struct stamp *to = &stamps->at[id][s->sub];

	if (draft->nlmsg_len > STAMPS_BYTES || draft->nlmsg_len % 4 != 0)
		fatalx("netlink message of %u bytes", draft->nlmsg_len);
	to->len = (uint16_t)draft->nlmsg_len;
	memcpy(to->holes, holes, sizeof(to->holes));
	memcpy(to->bytes, bytes, draft->nlmsg_len);
}
