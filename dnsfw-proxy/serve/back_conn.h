/*
 * One TCP connection to an upstream: it carries many questions, answered in
 * any order, told apart by random ids (RFC 7766).  Which question goes on which
 * connection is back_tcp.c's.
 */
#ifndef SERVE_BACK_CONN_H
#define SERVE_BACK_CONN_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"

#define BACK_CONN_BUCKETS	1024
#define BACK_CONN_TRIES	16384	/* under way: ids stay hard to guess */
#define BACK_CONN_NO_LIMIT	UINT32_MAX

/* A question, on a connection or waiting for one. */
struct tcp_attempt {
	struct attempt	attempt;		/* first: an attempt is converted back */
	struct back_conn	*conn;		/* NULL: it waits */
	size_t		upstream;
	LIST_ENTRY(tcp_attempt) same_id;
	TAILQ_ENTRY(tcp_attempt) waiting;
	uint64_t	since;		/* when it began */
	uint8_t		*msg;		/* until it is on a connection */
	size_t		len;
};
LIST_HEAD(tcp_attempts, tcp_attempt);

/* What a connection is for. */
enum back_conn_kind {
	BACK_CONN_COMMON,
	BACK_CONN_LEFT,		/* it hangs: no question any more */
	BACK_CONN_SUSPECTS		/* this and above: what broke others */
};

struct back_conn {
	TAILQ_ENTRY(back_conn) link;	/* of its upstream's */
	LIST_ENTRY(back_conn) unsent;	/* if to_send */
	bool		to_send;	/* at the end of the turn */
	TAILQ_ENTRY(back_conn) telling;	/* if tells: see back_tcp.c */
	bool		tells;		/* its attempts what has become of it */
	size_t		told;		/* buckets */
	bool		over;		/* it carries nothing any more */
	int		fd;
	size_t		upstream;
	unsigned int	kind;		/* enum back_conn_kind, or more */
	struct event	*readable, *writable;
	struct tcp_attempts	buckets[BACK_CONN_BUCKETS];	/* by id */
	unsigned int	ntries;
	enum way	way;
	bool		broken;		/* fails when all that came is read */
	uint32_t	room;		/* questions that it may still take */
	uint32_t	answered;	/* how many have their answers */
	uint64_t	opened;
	uint64_t	asked;		/* since when it owes any answer, or 0 */
	uint64_t	used;		/* when an attempt ended last */
	uint8_t		*out;
	size_t		out_len, out_size;
	uint8_t		*in;
	size_t		in_len;
};
TAILQ_HEAD(back_conns, back_conn);

/* What back_tcp.c is told. */
struct back_conn_events {
	/* It is broken, and to be freed. */
	void	(*broken)(struct back_conn *);
	/* It has read something.  False: it was closed, and is freed. */
	bool	(*read)(struct back_conn *);
	/* One of its questions has its answer. */
	void	(*answered)(struct back_conn *);
};

/* Before the first connection; events must stay. */
void	back_conn_init(const struct back_conn_events *events);

/* Connect.  NULL: this host cannot, now. */
struct back_conn *back_conn_open(size_t upstream);

/* No attempt is left on it; it is freed. */
void	back_conn_close(struct back_conn *);

/*
 * Put an attempt on the connection; it is sent by back_conn_flush().  False: there
 * is no room.
 */
bool	back_conn_take(struct back_conn *, struct tcp_attempt *);

/* The end of a turn: send what all connections have taken. */
void	back_conn_flush(void);

/* The attempt has ended. */
void	back_conn_release(struct tcp_attempt *);

/* It carries nothing any more, but has its attempts still. */
void	back_conn_shut(struct back_conn *);

#endif
