/*
 * What the helper makes of an order, with the stamps of dnsfw and a stand-in for
 * the kernel, which knows each ipset by one index.
 */
#ifndef ACT_RIG_H
#define ACT_RIG_H

#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include <errno.h>
#include <string.h>

#include "helper/act.h"
#include "helper/bounds.h"
#include "never.h"
#include "stamp/make.h"

#define SEQ		5000U
#define INDEX		0x1234	/* of every ipset */
#define LEFT_MAX	3600000	/* ms */

static struct stamps stamps;
static struct bounds bounds;
static struct act act;

/* What the kernel answers GET_BYNAME with. */
static struct stamp reply;
static int replies, asked;

ssize_t	__wrap_sendto(int fd, const void *buf, size_t len, int flags,
	    const struct sockaddr *to, socklen_t tolen);
ssize_t	__wrap_recvmsg(int fd, struct msghdr *m, int flags);

ssize_t
__wrap_sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *to, socklen_t tolen)
{
	size_t kind;

	(void)flags;
	cr_assert_eq(fd, HELPER_FD_OWN);
	cr_assert(to->sa_family == AF_NETLINK && tolen == 12);
	for (kind = 0; memcmp(stamps.at[STAMP_INDEX][kind].bytes, buf, len) !=
	    0; kind++)
		cr_assert_lt(kind, STAMPS_SUBS);
	reply = stamps.at[STAMP_INDEX_REPLY][kind];
	if (reply.holes[HOLE_INDEX] != 0)
		memcpy(reply.bytes + reply.holes[HOLE_INDEX],
		    &(uint16_t){ htons(INDEX) }, 2);
	asked++;
	replies = 1;
	return ((ssize_t)len);
}

/* What it does to a reply, for tests of bad ones: byte and how. */
static size_t spoil_at;
static uint8_t spoil_by;
static ssize_t spoil_len;

ssize_t
__wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	(void)flags;
	cr_assert_eq(fd, HELPER_FD_OWN);
	if (replies-- == 0) {
		errno = EAGAIN;
		return (-1);
	}
	reply.bytes[spoil_at] ^= spoil_by;
	memcpy(m->msg_iov->iov_base, reply.bytes, reply.len);
	return (reply.len + spoil_len);
}

static const struct stamps_wish ipset_wish = { .ipset = true, .flows = true,
    .kill = true, .chain = "DNSFW", .max_grants = 1000 };
static const struct stamps_wish nft_wish = { .table_family = NFPROTO_INET,
    .table = "filter", .chain = "dns", .max_grants = 1000, .flows = true,
    .kill = true };

static inline void
bind_all(void)
{
	static const uint8_t families[] = { 0, ADDR_V4, ADDR_V6 };
	struct order_bound b = { .type = ORDER_BOUND };
	size_t i;

	for (i = 0; i < sizeof(families); i++) {
		b.family = families[i];
		cr_assert(bounds_add(&bounds, &b));
	}
	cr_assert(bounds_commit(&bounds, sizeof(families)));
}

static inline void
open_act(const struct stamps_wish *wish)
{
	stamps.limits.left_max = LEFT_MAX;
	stamps.limits.local = 1;
	never_fill(&stamps.limits);
	stamps_make(wish, &stamps);
	act.stamps = &stamps;
	bind_all();
}

static inline enum order_err
fill(const void *record, size_t len)
{
	return (act_fill(&act, &bounds, record, len));
}

/* Message i of what goes out; the last one ends where all does. */
static inline const struct nlmsghdr *
message(size_t i)
{
	size_t at = 0;
	const struct nlmsghdr *nlh;

	for (;;) {
		cr_assert_leq(at + sizeof(*nlh), act.len, "no message %zu", i);
		nlh = (const struct nlmsghdr *)(const void *)(act.out + at);
		cr_assert_geq(nlh->nlmsg_len, sizeof(*nlh));
		cr_assert_leq(at + nlh->nlmsg_len, act.len);
		if (i-- == 0)
			return (nlh);
		at += nlh->nlmsg_len;
	}
}

static inline size_t
messages(void)
{
	size_t n, at;

	for (n = 0, at = 0; at < act.len; n++)
		at += message(n)->nlmsg_len;
	cr_assert_eq(at, act.len);
	return (n);
}

/* Is it this stamp, but for its holes, seq, and that it is to be answered? */
static inline bool
is_stamp(const struct nlmsghdr *nlh, enum stamps_id id, size_t sub)
{
	static const size_t sizes[HOLE_COUNT] = { [HOLE_PROTO] = 1,
	    [HOLE_PORT] = 2, [HOLE_SPORT] = 2, [HOLE_ZONE] = 2,
	    [HOLE_SECONDS] = 4, [HOLE_MS] = 8, [HOLE_LABEL] = ORDER_LABEL_SIZE,
	    [HOLE_INDEX] = 2, [HOLE_POSITION] = 8, [HOLE_NAME] = 64 };
	const struct stamp *s = &stamps.at[id][sub];
	uint8_t copy[STAMPS_BYTES];
	size_t hole, size;
	bool v4 = id >= STAMP_FLOW ? sub == 0 : sub < 2;

	if (s->len == 0 || s->len != nlh->nlmsg_len)
		return (false);
	memcpy(copy, nlh, s->len);
	memset(copy + offsetof(struct nlmsghdr, nlmsg_seq), 0, 4);
	for (hole = 0; hole < HOLE_COUNT; hole++) {
		size = hole <= HOLE_DST ? (v4 ? 4 : 16) : sizes[hole];
		if (s->holes[hole] != 0)
			memset(copy + s->holes[hole], 0, size);
	}
	if ((s->bytes[6] & NLM_F_ACK) == 0)
		copy[6] &= (uint8_t)~NLM_F_ACK;
	return (memcmp(copy, s->bytes, s->len) == 0);
}

#endif
