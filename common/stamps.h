/*
 * The stamps: netlink messages that dnsfw made before anything hostile existed,
 * with holes that the helper fills from an order.  They come in a memfd that is
 * sealed against every change, together with what else only root says.  One
 * struct stamps is all of it; the helper and the keeper map it read-only.
 */
#ifndef COMMON_STAMPS_H
#define COMMON_STAMPS_H

#include <linux/filter.h>

#include <assert.h>
#include <stdint.h>

#include "rootlimits.h"

#define STAMPS_SUBS	4	/* kinds of grants, or families */
#define STAMPS_BYTES	1000	/* a rule with names of 63 bytes takes 900 */
#define STAMPS_FILTER_MAX 128	/* instructions of the helper's filter */

/*
 * Kinds are 0 IPv4, 1 IPv4 of this host, 2 IPv6, 3 IPv6 of this host: a set
 * each.  Families are 0 IPv4, 1 IPv6; with nftables 0 is the table, whichever it
 * is of.  A stamp that these options do not need is not there: its len is 0.
 */
enum stamps_id {
	/* By kind, of a grant.  [n]: --firewall nftables; [i]: iptables. */
	STAMP_ADD = 0,		/* also what is there already */
	STAMP_ADD_EXCL,		/* [n] NLM_F_EXCL */
	STAMP_ADD_SPARE,	/* [i] into the set that is to replace it */
	STAMP_DEL,
	STAMP_TEST,		/* [i] TEST; [n] GETSETELEM of the one key */
	/* Parts of a batch of nf_tables; BEGIN and END: sub 0. */
	STAMP_BEGIN,
	STAMP_END,
	STAMP_FLUSH,		/* [i] by family: all rules of our chain */
	STAMP_SET,		/* [n] by kind: NEWSET */
	STAMP_RULE,		/* by kind: NEWRULE, appended; [i] with an index */
	STAMP_RULE_AT,		/* [n] by kind: before a rule */
	/* [i] by kind: what order_make names. */
	STAMP_CREATE,		/* the set, NLM_F_EXCL */
	STAMP_CREATE_SPARE,	/* the set that is to replace it, NLM_F_EXCL */
	STAMP_SWAP,		/* the two */
	STAMP_DESTROY_SPARE,
	/* What order_read names.  By kind: */
	STAMP_ENTRIES,		/* dump of what is in the set */
	STAMP_HEAD,		/* [i] LIST of the header, a dump; [n] GETSET */
	STAMP_INDEX,		/* [i] GET_BYNAME */
	/* by family: */
	STAMP_TABLE,		/* GETTABLE */
	STAMP_CHAIN,		/* GETCHAIN of our chain */
	STAMP_CHAINS,		/* dump of all chains of the family */
	STAMP_RULES,		/* dump of our chain's rules */
	STAMP_TABLE_RULES,	/* dump of all rules of the table */
	STAMP_MAP,		/* dump of a map; its name is the last attribute */
	STAMP_FLOWS,		/* dump of all connections of the family */
	/* By family: CT_DELETE. */
	STAMP_FLOW,		/* without CTA_ZONE, which not every kernel takes */
	STAMP_FLOW_ZONE,
	/* [i] by kind: what INDEX must be answered with, but for the index. */
	STAMP_INDEX_REPLY,
	STAMP_COUNT
};

#define STAMPS_MAKE_FIRST	STAMP_CREATE
#define STAMPS_MAKE_LAST	STAMP_DESTROY_SPARE
#define STAMPS_READ_FIRST	STAMP_ENTRIES
#define STAMPS_READ_LAST	STAMP_FLOWS

/* Where an order's fields go; numbers in network byte order but INDEX. */
enum stamps_hole {
	HOLE_CLIENT = 0,	/* 4 or 16 bytes; FLOW: source */
	HOLE_DST,		/* 4 or 16 bytes */
	HOLE_PROTO,		/* 1 byte */
	HOLE_PORT,		/* 2 bytes */
	HOLE_SPORT,		/* 2 bytes */
	HOLE_ZONE,		/* 2 bytes */
	HOLE_SECONDS,		/* 4 bytes: left, rounded up; at least 1 */
	HOLE_MS,		/* 8 bytes: left; at least 1 */
	HOLE_LABEL,		/* ORDER_LABEL_SIZE bytes */
	HOLE_INDEX,		/* 2 bytes, host order: of the kind's ipset */
	HOLE_POSITION,		/* 8 bytes */
	HOLE_NAME,		/* ORDER_NAME_SIZE bytes */
	HOLE_COUNT
};

/*
 * One whole netlink message, nlmsghdr first.  Its type and flags are as they go
 * out, but that of a batch the last message that is not STAMP_END gets
 * NLM_F_ACK; nlmsg_seq and nlmsg_pid are 0.
 */
struct stamp {
	uint16_t	len;			/* a multiple of 4; 0: there is none */
	uint16_t	holes[HOLE_COUNT];	/* offsets; 0: it has none */
	uint16_t	pad;
	uint8_t		bytes[STAMPS_BYTES];
};
static_assert(sizeof(struct stamp) == 1028, "stamp size");

struct stamps {
	uint32_t	version, size;	/* ORDER_VERSION; of this struct */
	uint32_t	uid, gid;	/* whom the helper becomes */
	uint32_t	nfilter;
	struct sock_filter filter[STAMPS_FILTER_MAX];	/* its seccomp filter */
	struct limits	limits;
	struct stamp	at[STAMP_COUNT][STAMPS_SUBS];
};

/* Descriptors of the helper.  It has no others; 0, 1 and 2 are /dev/null. */
#define HELPER_FD_KEEPER	3	/* SEQPACKET */
#define HELPER_FD_COMPILER	4	/* SEQPACKET */
#define HELPER_FD_ACT		5	/* netfilter: the keeper reads it */
#define HELPER_FD_LIST		6	/* netfilter: the keeper reads it */
#define HELPER_FD_FLOWS		7	/* netfilter: the keeper reads it */
#define HELPER_FD_OWN		8	/* netfilter: nobody else has it */
#define HELPER_FD_STAMPS	9	/* until it is confined */
#define HELPER_FD_LANDLOCK	10	/* a ruleset, if there is one; as 9 */

#endif
