/*
 * What the helper, dnsfw-priv, is told to do: the whole contract, and all of
 * the contract that it links.
 *
 * One message is one SOCK_SEQPACKET record of exactly the size of its struct;
 * but of ADD, DEL, TEST, FLOW, BOUND and REFUSED there are one to
 * ORDER_BATCH_MAX of the one type in a record.  Integers have fixed width and
 * host byte order.  There are no pointers, no lengths, no bit fields; padding is
 * named and must be zero.  One function decodes them: it copies first, then
 * checks every field of the copy, and returns an enumerated reason.  Pure.
 *
 * The kernel's answers do not pass through here: they lie in the netlink socket
 * on which the helper sent, for the keeper to read, with the seq of the order.
 *
 * What a record may not be (empty, of an unknown type, of another size,
 * truncated, with a descriptor) ends the helper, and so the program.
 */
#ifndef COMMON_ORDER_H
#define COMMON_ORDER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_VERSION	1	/* of this contract; in READY and in stamps */
#define ORDER_BATCH_MAX	64	/* of one type in a record */
#define ORDER_LABEL_SIZE 128	/* bytes; nftables takes 127 and a NUL */
#define ORDER_NAME_SIZE	64	/* bytes of the name of a map, with its NUL */

/* Triples of one policy, and those of this host's own beside them. */
#define ORDER_BOUNDS_MAX (2U * 65536)

/* 0 is never valid. */
enum order_type {
	ORDER_ADD = 1,		/* keeper -> helper: grants into the sets */
	ORDER_DEL = 2,		/* keeper -> helper: and out of them */
	ORDER_TEST = 3,		/* keeper -> helper: are they there? */
	ORDER_READ = 4,		/* keeper -> helper: let the kernel tell */
	ORDER_MAKE = 5,		/* keeper -> helper: sets and rules */
	ORDER_FLOW = 6,		/* keeper -> helper: end connections */
	ORDER_BOUND = 7,	/* compiler -> helper: what the ACL can grant */
	ORDER_COMMIT = 8,	/* compiler -> helper: that was all of it */
	ORDER_READY = 9,	/* helper -> keeper: confinement is complete */
	ORDER_REFUSED = 10,	/* helper -> keeper: this was not sent */
	ORDER_ERROR = 11	/* helper -> keeper: why it ends */
};

enum order_err {
	ORDER_OK = 0,
	ORDER_ESIZE,		/* not exactly the size of its struct */
	ORDER_ETYPE,		/* unknown, or not one that this side may get */
	ORDER_EPAD,		/* reserved bits are set */
	ORDER_EFAMILY,		/* neither 4 nor 6 */
	ORDER_EADDR,		/* bytes behind an IPv4 address, bad prefix */
	ORDER_EPROTO,		/* neither TCP nor UDP */
	ORDER_EPORT,		/* 0 */
	ORDER_ETIME,		/* 0 in ADD, or not 0 in another */
	ORDER_ELABEL,		/* a byte outside [a-z0-9._*-], or no NUL */
	ORDER_EVALUE,		/* another field is out of its range */
	ORDER_EVERSION,		/* the two programs are not of one build */
	ORDER_ERR_COUNT
};

/* Bits of order_grant.how, for ADD only. */
#define ORDER_FRESH	0x01	/* nftables: one message, EEXIST if it is there */
#define ORDER_SPARE	0x02	/* ipset: into the set that is to replace it */

/*
 * ADD, DEL, TEST: "client may open proto:port to dst for the next left ms."
 * local 1: the client is this host; client is then all zero (G5).
 * DEL and TEST also name what is no grant of ours: any proto and port; left, how
 * and label are zero.
 */
struct order_grant {
	uint8_t		type, family;	/* ADDR_V4 or ADDR_V6: of both */
	uint8_t		proto, local;	/* ADD: IPPROTO_TCP or IPPROTO_UDP; 0 or 1 */
	uint32_t	seq, left;	/* of its netlink messages; ms */
	uint16_t	port;		/* destination port; ADD: not 0 */
	uint8_t		how, pad;
	uint8_t		client[16], dst[16];	/* IPv4 in the first 4, rest zero */
	char		label[ORDER_LABEL_SIZE]; /* the name, NUL-padded */
};

/*
 * READ: what is one of the STAMP_ of stamps.h that read, sub as it is there.
 * The answer is for the keeper.  name is all zero but for STAMP_MAP.
 */
struct order_read {
	uint8_t		type, what, sub, pad;
	uint32_t	seq;
	char		name[ORDER_NAME_SIZE];	/* NUL-padded */
};

/*
 * MAKE: what is one of the STAMP_ of stamps.h that make, or STAMP_RULE.  The
 * former is one message, of the set of kind sub; the rest is zero then.
 * The latter is one atomic batch of nf_tables, sub is zero; sets and rules have
 * a bit for each kind.  ipset: the chain of a family of which rules has a kind
 * is flushed before; sets is zero.  nftables: position, if not 0, is the handle
 * of the rule before which ours come, instead of at the end.
 */
struct order_make {
	uint8_t		type, what;
	uint8_t		sub, sets;	/* kind, 0-3; 4 bits */
	uint32_t	seq;
	uint64_t	position;
	uint8_t		rules, pad[7];	/* 4 bits */
};

/*
 * FLOW: end the connection with exactly this original direction, whose zone is
 * that of CTA_ZONE, or of CTA_TUPLE_ZONE in CTA_TUPLE_ORIG.
 */
struct order_flow {
	uint8_t		type, family, proto, pad;	/* IPPROTO_TCP or IPPROTO_UDP */
	uint32_t	seq;
	uint16_t	sport, dport;
	uint16_t	zone, pad2;	/* 0: none */
	uint8_t		src[16], dst[16];
};

/*
 * BOUND: one (client subnet, protocol, port) that some -> rule of the ACL names.
 * They come in strictly ascending order of memcmp() over all but the type.
 * family 0: this host itself (G5); prefix and base are zero then.  A base with
 * bits behind its prefix is no error: it covers nothing.
 */
struct order_bound {
	uint8_t		type, family;
	uint8_t		prefix, proto;	/* 0-32, -128; TCP, UDP; 0 when coarsened: both */
	uint16_t	port, pad;	/* 0 when coarsened: any */
	uint8_t		base[16];
};

/* COMMIT: from here on the bounds that came since the last one are in force. */
struct order_commit {
	uint8_t		type, pad[3];
	uint32_t	bounds;		/* how many came */
};

struct order_ready {
	uint8_t		type, pad[3];
	uint32_t	version;	/* ORDER_VERSION */
};

enum order_code {
	ORDER_SENT = 0,		/* no refusal */
	ORDER_FORBIDDEN,	/* the destination is never granted: SPEC G8 */
	ORDER_OUTSIDE,		/* of --client-net, or of the policy (P7) */
	ORDER_TOO_LONG,		/* longer than --max-rule-time */
	ORDER_NO_STAMP,		/* not with these options, or nothing to be done */
	ORDER_NO_SET,		/* no ipset of our name and type: no rule for it */
	ORDER_NOT_TAKEN,	/* the socket did not take it */
	ORDER_CODE_COUNT
};

/* REFUSED: nothing with this seq was sent.  One to ORDER_BATCH_MAX a record. */
struct order_refused {
	uint8_t		type, code, pad[2];	/* enum order_code, not SENT */
	uint32_t	seq;
};

/* Why the helper ends; also its exit status. */
enum order_end {
	ORDER_END_EOF = 64,	/* the keeper is gone, which hears no more of it */
	ORDER_END_COMPILER,	/* the compiler is gone */
	ORDER_END_RECORD,	/* malformed: detail is an enum order_err */
	ORDER_END_TRUNCATED,	/* a record too long, or with a descriptor */
	ORDER_END_BOUNDS,	/* too many, out of order, or miscounted */
	ORDER_END_SYSTEM,	/* a system call failed: detail is errno */
	ORDER_END_LIMIT		/* not a status */
};

struct order_error {
	uint8_t		type, why, pad[2];	/* enum order_end */
	uint32_t	detail;
};

static_assert(sizeof(struct order_grant) == 176 && sizeof(struct order_read) == 72 &&
    sizeof(struct order_make) == 24 && sizeof(struct order_flow) == 48 &&
    sizeof(struct order_bound) == 24 && sizeof(struct order_commit) == 8 &&
    sizeof(struct order_ready) == 8 && sizeof(struct order_refused) == 8 &&
    sizeof(struct order_error) == 8, "orders have no holes");

/* The largest record of any type; receive buffers have this size. */
#define ORDER_SIZE_MAX	(ORDER_BATCH_MAX * sizeof(struct order_grant))

/* Any of those that the helper gets; seq is in those of the keeper. */
union order {
	uint8_t			type;
	struct { uint8_t type, other[3]; uint32_t seq; } any;
	struct order_grant	grant;
	struct order_flow	flow;
	struct order_read	read;
	struct order_make	make;
	struct order_bound	bound;
	struct order_commit	commit;
};

/* The size of one of that type, or 0 if the helper gets none of it. */
size_t	order_size(uint8_t type);

/*
 * Copy one of len bytes into *out and check it.  out is meaningful only after
 * ORDER_OK.  Nothing outside buf[0..len) is read.
 */
enum order_err	order_decode(const void *buf, size_t len, union order *out);

#endif
