/* A netlink message that becomes a stamp. */
#include "draft.h"

#include <arpa/inet.h>

#include <linux/netfilter/nfnetlink.h>

#include <string.h>

#include "log.h"

/* The longest rule is less than 900. */
static char bytes[16 * STAMPS_BYTES] __attribute__((aligned(8)));
static uint16_t holes[HOLE_COUNT];
static struct nlmsghdr *draft;

struct nlmsghdr *
draft_begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	struct nfgenmsg *nfg;

	memset(bytes, 0, sizeof(bytes));
	memset(holes, 0, sizeof(holes));
	draft = mnl_nlmsg_put_header(bytes);
	draft->nlmsg_type = type;
	draft->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(draft, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
	return (draft);
}

static void
note(enum stamps_hole hole, size_t at)
{
	if (holes[hole] != 0)
		fatalx("two holes of number %u in a stamp", hole);
	holes[hole] = (uint16_t)at;
}

void
draft_hole(enum stamps_hole hole, size_t skip)
{
	note(hole, draft->nlmsg_len + skip);
}

void
draft_attr(uint16_t type, enum stamps_hole hole, size_t len)
{
	static const uint8_t zeros[STAMPS_BYTES];

	draft_hole(hole, NLA_HDRLEN);
	mnl_attr_put(draft, type, len, zeros);
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
draft_end(struct stamp *to)
{
	if (draft->nlmsg_len > STAMPS_BYTES || draft->nlmsg_len % 4 != 0)
		fatalx("netlink message of %u bytes", draft->nlmsg_len);
	to->len = (uint16_t)draft->nlmsg_len;
	memcpy(to->holes, holes, sizeof(to->holes));
	memcpy(to->bytes, bytes, draft->nlmsg_len);
}
