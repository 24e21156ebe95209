/*
 * A client's TCP connections, for the files of that front only: front_tcp.c
 * accepts them, tcp_in.c reads, tcp_out.c sends.
 *
 * All that is looked for among them is found without a look at all: whose time
 * is up, whose turn it is, who waits for nothing, and who keeps most (D22).
 */
#ifndef SERVE_TCP_CONN_H
#define SERVE_TCP_CONN_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "asker.h"
#include "stock.h"

struct event;
struct quota;
struct tcp_client;
struct tcp_chunk;
STAILQ_HEAD(tcp_chunks, tcp_chunk);

struct tcp_conn {
	TAILQ_ENTRY(tcp_conn) by_deadline;
	TAILQ_ENTRY(tcp_conn) by_turn;		/* if waits */
	TAILQ_ENTRY(tcp_conn) by_delay;		/* if delayed */
	TAILQ_ENTRY(tcp_conn) by_idle;		/* if idle */
	TAILQ_ENTRY(tcp_conn) by_octets;	/* if octets > 0 */
	LIST_ENTRY(tcp_conn) to_see;		/* if seen_later: see tcp_out.h */
	struct stock_item place;
	struct tcp_client *client;
	int		fd;
	struct addr	addr;
	struct event	*readable, *writable;
	struct askers	queries;		/* unanswered */
	unsigned int	nqueries;
	uint64_t	deadline;
	uint64_t	since, look_at;		/* if delayed: for a token */
	uint32_t	octets;			/* in its buffers */
	bool		waits;			/* for its turn to be read */
	bool		delayed;		/* its message waits for a token */
	bool		token;			/* has come for its message */
	bool		idle;			/* and may be closed for another */
	bool		seen_later;
	bool		blocked;		/* the client takes no more */
	bool		unread;			/* something may have come */
	bool		eof;			/* the client sends no more */
	bool		busy;			/* must not be freed now */
	bool		broken;			/* to be closed */
	uint8_t		*in;			/* begin of what is not taken */
	size_t		in_len, in_size;	/* NULL, 0: there is none */
	struct tcp_chunks out;
	size_t		out_len;		/* unsent octets */
};
TAILQ_HEAD(tcp_conns, tcp_conn);

/* An answer's octets, and those of the next ones. */
struct tcp_chunk {
	STAILQ_ENTRY(tcp_chunk) link;
	uint32_t	size, len, at;		/* unsent: from at to len */
	uint8_t		bytes[];
};

typedef void tcp_conn_event(int fd, short what, void *conn);

/* Before the first connection. */
void	tcp_conn_init(void);

/*
 * A connection of the client, whose place it keeps.  NULL: no memory; then the
 * descriptor and the place are still the caller's.
 */
struct tcp_conn *tcp_conn_new(int fd, const struct addr *, struct quota *,
	    tcp_conn_event *readable, tcp_conn_event *writable);

/*
 * Close it; what it was asked goes unanswered.  One that is busy becomes
 * broken, keeps no answers from now on, and is closed by who made it busy.
 */
void	tcp_conn_close(struct tcp_conn *);

/* How many there are. */
uint32_t tcp_conn_count(void);

/* Something has happened: the time begins anew. */
void	tcp_conn_touch(struct tcp_conn *);

/* The one whose deadline comes first, or NULL. */
struct tcp_conn *tcp_conn_due(void);

/*
 * To be read, when its turn comes.  Clients take turns, and so do the
 * connections of one client.
 */
void	tcp_conn_wait(struct tcp_conn *);

/* Whose turn it is; it waits no more.  NULL: nobody waits. */
struct tcp_conn *tcp_conn_next(void);
bool	tcp_conn_waits(void);

/*
 * Its whole message waits for a token (rate.h), for the first time or still;
 * and then one has come, so it is read on when its turn comes.
 */
void	tcp_conn_delay(struct tcp_conn *);
void	tcp_conn_resume(struct tcp_conn *);

/* The one to look for a token for now, or NULL. */
struct tcp_conn *tcp_conn_delayed(void);

/* Note whether it waits for nothing; to be called when that may have changed. */
void	tcp_conn_settle(struct tcp_conn *);

/*
 * Make room by closing the longest idle connection of the client with most idle
 * ones.  False: none is idle.
 */
bool	tcp_conn_evict(void);

/*
 * Where none is idle: close the oldest connection of the client that has most of
 * them; there is one.  That is logged.
 */
void	tcp_conn_evict_busy(void);

/*
 * May the connection keep so many octets more?  If its client has its share,
 * the client's connection that has kept some for longest is closed for them; if
 * all are in use, that of the client that keeps most.  False: this one is it,
 * and is to be closed by the caller.
 */
bool	tcp_conn_take_octets(struct tcp_conn *, size_t octets);
void	tcp_conn_give_octets(struct tcp_conn *, size_t octets);

/* One was closed, or not accepted, at a limit: count, and log once a minute. */
void	tcp_conn_overload(void);

#endif
