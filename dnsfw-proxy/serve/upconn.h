/*
 * One TCP connection to an upstream: it carries many questions, answered in
 * any order, told apart by random ids (RFC 7766).  Which question goes on which
 * connection is uptcp.c's.
 */
#ifndef SERVE_UPCONN_H
#define SERVE_UPCONN_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"

#define UPCONN_BUCKETS	1024
#define UPCONN_TRIES	16384	/* under way: ids stay hard to guess */
#define UPCONN_NO_LIMIT	UINT32_MAX

/* A question, on a connection or waiting for one. */
struct ttry {
	struct try	try;		/* first: a try is converted back */
	struct upconn	*conn;		/* NULL: it waits */
	size_t		upstream;
	LIST_ENTRY(ttry) same_id;
	TAILQ_ENTRY(ttry) waiting;
	uint64_t	since;		/* when it began */
	uint8_t		*msg;		/* until it is on a connection */
	size_t		len;
};
LIST_HEAD(ttries, ttry);

/* What a connection is for. */
enum upconn_kind {
	UPCONN_COMMON,
	UPCONN_LEFT,		/* it hangs: no question any more */
	UPCONN_SUSPECTS		/* this and above: what broke others */
};

struct upconn {
	TAILQ_ENTRY(upconn) link;	/* of its upstream's */
	int		fd;
	size_t		upstream;
	unsigned int	kind;		/* enum upconn_kind, or more */
	struct event	*readable, *writable;
	struct ttries	buckets[UPCONN_BUCKETS];	/* by id */
	unsigned int	ntries;
	enum way	way;
	bool		broken;		/* fails when all that came is read */
	uint32_t	room;		/* questions that it may still take */
	uint32_t	answered;	/* how many have their answers */
	uint64_t	opened;
	uint64_t	asked;		/* since when it owes any answer, or 0 */
	uint64_t	used;		/* when a try ended last */
	uint8_t		*out;
	size_t		out_len, out_size;
	uint8_t		*in;
	size_t		in_len;
};
TAILQ_HEAD(upconns, upconn);

/* Connect.  NULL: this host cannot, now. */
struct upconn *upconn_open(size_t upstream);

/* No try is left on it; it is freed. */
void	upconn_close(struct upconn *);

/* Put a try on the connection.  False: there is no room. */
bool	upconn_take(struct upconn *, struct ttry *);

/* The try has ended. */
void	upconn_release(struct ttry *);

/* All of its tries, taken off it: the caller ends them. */
void	upconn_empty(struct upconn *, struct ttries *);

/* In uptcp.c: it is broken, and freed. */
void	uptcp_broken(struct upconn *);

/* In uptcp.c: it has read something.  False: it was closed, and is freed. */
bool	uptcp_read(struct upconn *);

/* In uptcp.c: one of its questions has its answer. */
void	uptcp_answered(struct upconn *);

#endif
