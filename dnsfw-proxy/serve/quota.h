/*
 * Who is served (--client-net), and what each client (share.h) has in use, so
 * that no client takes the others' room: requests in flight and TCP connections
 * (D7, --max-connections), tries beside the first ones, and octets (D22).
 */
#ifndef SERVE_QUOTA_H
#define SERVE_QUOTA_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "rank.h"
#include "stock.h"

/*
 * Octets in the buffers of all TCP connections (half messages, messages that
 * wait, unsent answers), and of those of one client.  A resolver in front may
 * have 256 questions unanswered on a connection, and each of the answers may
 * have 64 KiB: that is 16 MiB, and there is room for more beside it.  When all
 * are in use, some client has at least its part of them, and makes room.
 */
#define QUOTA_OCTETS_MAX	(64U << 20)
#define QUOTA_OCTETS_SHARE	(20U << 20)

struct parts;
struct tcp_client;

/*
 * A client.  Only quota.c changes the first four; the others are of those who
 * have the stocks (stock.h), of tcp_conn.c, and of parts.c.
 */
struct quota {
	LIST_ENTRY(quota) link;
	struct addr	addr;
	uint32_t	places;		/* in use */
	uint32_t	octets;		/* in buffers of its TCP connections */
	struct rank_entry by_octets;
	struct stock_share requests;	/* in flight: see flight.h */
	struct stock_share tries;	/* beside others: see extra.h */
	struct stock_share kept;	/* octets for its requests: see kept.h */
	struct tcp_client *tcp;		/* its connections; starts as NULL */
	/* Its answers that ask in parts, and its turn among others: parts.c. */
	TAILQ_HEAD(, parts) parts;
	TAILQ_ENTRY(quota) by_parts;
	uint32_t	nparts;		/* 0: none of these two is set */
};

enum quota_octets {
	QUOTA_TAKEN,
	QUOTA_AT_SHARE,			/* the client has too many already */
	QUOTA_ALL_USED			/* all clients together */
};

/* Before the first client. */
void	quota_init(void);

/* Is it among --client-net?  Others get no answer at all (D13). */
bool	quota_serves(const struct addr *a);

/*
 * Is it a client of this worker (P5)?  What came while the sockets of the others were
 * not there yet is here, too: it would be granted nothing, and comes again.
 */
bool	quota_is_here(const struct addr *a);

/*
 * Take one of the client's places.  NULL: it has its share in use, or all
 * places are taken.  To be given back with quota_leave.
 */
struct quota *quota_enter(const struct addr *a);
void	quota_leave(struct quota *);

/* May it have one more try beside others?  Its share is as that of places. */
bool	quota_may_try(const struct quota *);

/* Take octets.  They are to be given back before the client's last place. */
enum quota_octets quota_take_octets(struct quota *, size_t octets);
void	quota_give_octets(struct quota *, size_t octets);

/* The client that has most octets (see rank.h); NULL: nobody has any. */
struct quota *quota_most_octets(void);

#endif
