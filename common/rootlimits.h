/*
 * What root allows at all (P7, G8), whatever anybody says: the helper holds to
 * it, and the keeper asks for nothing else.  Own addresses are not in it: the
 * keeper knows them (own.h).  Pure.
 */
#ifndef COMMON_ROOTLIMITS_H
#define COMMON_ROOTLIMITS_H

#include "addr.h"
#include "order.h"

#define LIMITS_NETS_MAX	64
#define LIMITS_NEVER	9
#define LIMITS_EMBEDDINGS 7

/* IPv6 addresses that have an IPv4 one inside, and where it begins. */
struct limits_embedding {
	struct addr_net	net;
	uint8_t		offset, invert;	/* Teredo's client is inverted: 0xff */
};

/* All zero: nothing is forbidden.  never.h fills in G8. */
struct limits {
	uint32_t	left_max;	/* ms: --max-rule-time */
	uint32_t	rate;		/* records a second that are obeyed */
	uint32_t	burst;		/* and at once */
	uint8_t		nclients, ndenied, nallowed;	/* clients, 0: any */
	uint8_t		local;		/* 1: this host may be a client (G5) */
	struct addr_net	never[LIMITS_NEVER];
	struct limits_embedding	embeddings[LIMITS_EMBEDDINGS];
	struct addr_net	clients[LIMITS_NETS_MAX];	/* --client-net */
	struct addr_net	denied[LIMITS_NETS_MAX];	/* --deny-answer */
	struct addr_net	allowed[LIMITS_NETS_MAX];	/* --allow-answer */
};

/*
 * True for what G8 never grants, as far as it needs no knowledge of this host,
 * and for IPv6 forms that embed such an IPv4 address.
 */
bool	limits_forbid(const struct limits *, const struct addr *dst);

/*
 * An ADD that was decoded: ORDER_SENT, or _FORBIDDEN, _OUTSIDE (of client
 * networks) or _TOO_LONG.
 */
enum order_code	limits_check(const struct limits *, const struct order_grant *);

/*
 * The IPv4 addresses that an IPv6 address embeds, at most two, as the keeper
 * looks for its own addresses among them, too.  Returns how many.
 */
#define LIMITS_EMBEDDED_MAX	2
size_t	limits_embedded(const struct limits *, const struct addr *a,
	    struct addr out[LIMITS_EMBEDDED_MAX]);

#endif
