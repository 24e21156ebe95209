/*
 * An attempt: one message to one upstream, and what becomes of it.  The ways to
 * the upstreams (back_udp, back_tcp) know no more of a question than this, and
 * tell who began it (tries.h) what has happened.
 */
#ifndef SERVE_ATTEMPT_H
#define SERVE_ATTEMPT_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stock.h"

struct exchange;

/* Part of what the way keeps for it. */
struct attempt {
	LIST_ENTRY(attempt) link;	/* of its exchange's */
	struct exchange	*exchange;	/* NULL: not in use */
	uint8_t		 upstream;	/* number in the options */
	bool		 tcp;
	bool		 extra;		/* beside another one; then it has */
	struct stock_item stock;	/* a part of these: see extra.h */
	uint16_t	 id;
};
LIST_HEAD(attempts, attempt);

/* What the way of an attempt was good for before it broke. */
enum way {
	WAY_UNSENT,	/* this host could not send it: that may pass */
	WAY_NONE,	/* nothing was sent, or it is UDP */
	WAY_SENT,	/* it took questions */
	WAY_LEFT,	/* it was left already (left) */
	WAY_ANSWERED	/* others on it had answers: a turn had only not come */
};

/* What an exchange is told. */
struct attempt_events {
	/*
	 * Something came where the answer is to come.  False: it is not the
	 * answer (D11).  True: it is, and the attempt has ended.
	 */
	bool	(*arrived)(struct attempt *, const uint8_t *msg, size_t len);
	/* The way is broken; the attempt has ended. */
	void	(*failed)(struct attempt *, enum way);
	/* Nothing comes on its way any more: it goes on, beside another one. */
	void	(*left)(struct attempt *);
	/*
	 * UDP: somebody who knows its port says that the way is broken.  That may
	 * be anybody, so it goes on.
	 */
	void	(*doubted)(struct attempt *);
};

/* Before the first attempt; events must stay. */
void	attempt_init(const struct attempt_events *events);

bool	attempt_arrived(struct attempt *, const uint8_t *msg, size_t len);
void	attempt_failed(struct attempt *, enum way);
void	attempt_left(struct attempt *);
void	attempt_doubted(struct attempt *);

/*
 * Does an error of a socket say more of this host, or of a router, at the moment
 * than of the upstream?  A firewall is loaded anew, an address renewed.
 */
bool	attempt_may_pass(int error);

#endif
