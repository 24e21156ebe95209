/*
 * Netlink messages that become stamps, by libmnl: as tables of their parts, or
 * with what libnftnl writes.
 */
#ifndef STAMP_DRAFT_H
#define STAMP_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "stamps.h"

/* What is true of a stamp. */
enum { IS_V4 = 1, IS_V6 = 2, IS_CLIENT = 4, IS_LOCAL = 8, IS_NEW = 16,
    IS_ZONED = 32 };

enum draft_name { NAME_TABLE, NAME_CHAIN, NAME_SET, NAME_SPARE, NAME_TYPE,
    NAME_COUNT };
enum draft_number { NUMBER_GRANTS, NUMBER_BUCKETS, NUMBER_COUNT };

/* What the stamps are about. */
struct subject {
	uint8_t		 subsystem;	/* NFNL_SUBSYS_* */
	uint8_t		 family;	/* of struct nfgenmsg */
	uint8_t		 is;		/* IS_* */
	unsigned int	 sub;		/* kind or family (stamps.h) */
	const char	*names[NAME_COUNT];
	uint32_t	 numbers[NUMBER_COUNT];
};

enum draft_put {
	PUT_LAST = 0,		/* no part: it was the last */
	PUT_NEST,		/* begin a nest */
	PUT_KEY,		/* the same, for bare fields */
	PUT_END,		/* of the last one */
	PUT_NUMBER,		/* enum draft_number */
	PUT_U8,			/* the value itself */
	PUT_U32,		/* the same, as all numbers in network order */
	PUT_HOLE,		/* enum stamps_hole, zero until it is filled */
	PUT_FIELD,		/* the same, padded, without type and length */
	PUT_LABEL		/* HOLE_LABEL, as nft has an element's comment */
};

/* An attribute. */
struct part {
	uint8_t		when;		/* IS_*: if all of these are true */
	uint8_t		put;		/* enum draft_put */
	uint16_t	type;
	uint32_t	value;		/* as put says */
};

/* A message: names, and then parts up to one that is all zero. */
struct pattern {
	enum stamps_id	 id;
	uint8_t		 command;
	uint16_t	 flags;
	uint8_t		 is;		/* besides the subject's */
	const struct part *parts;	/* NULL: there are none */
	uint16_t	 names[NAME_COUNT]; /* attributes; 0: not this one */
};

/* Flags of patterns. */
#define ASK		NLM_F_REQUEST
#define ASK_ACK		(NLM_F_REQUEST | NLM_F_ACK)
#define ASK_DUMP	(NLM_F_REQUEST | NLM_F_DUMP)

/* Make the stamps of n patterns.  fatalx() on error, as all of this. */
void	draft_stamps(const struct subject *, const struct pattern *, size_t n,
	    struct stamps *);

/* Begin a message, one at a time, to which attributes are put. */
struct nlmsghdr *draft_begin(const struct subject *, uint8_t command,
	    uint16_t flags);

/*
 * The hole is where these bytes are, which must be once in the message: what
 * another library wrote.  They become zero.
 */
void	draft_find(enum stamps_hole hole, const void *mark, size_t len);

/* The message is this stamp. */
void	draft_end(const struct subject *, enum stamps_id, struct stamps *);

#endif
