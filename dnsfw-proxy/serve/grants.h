/*
 * Grants: addresses and ports that are asked of the keeper for a client (G1,
 * G3, G7).  Who asks is told when the kernel has them all, or why not.
 *
 *	grants_known ─► it lives long enough: nothing to ask
 *	grants_ask ─► grants_flush ─► the keeper ─► grants_result ─► granted, done
 *	      └► an equal one is under way: waits for that
 *	grants_open, grants_add ..., grants_close: the same in parts
 *
 * What is under way is counted, in all and for each client (share.h, D22), and
 * so is what those who wait keep meanwhile.  When all of it is in use the largest
 * holder's oldest answer goes.
 */
#ifndef SERVE_GRANTS_H
#define SERVE_GRANTS_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../acl/decide.h"
#include "../dns/name.h"
#include "addr.h"
#include "msg.h"
#include "stock.h"

/* Each is a client's share; there are four of them in all. */
#define GRANTS_SHARE	4096	/* grants under way */
#define GRANTS_WAITS	16384	/* of these that somebody waits for, each */
#define GRANTS_OCTETS	(8U << 20)	/* that are kept meanwhile */
#define GRANTS_SHARES	4

/* Why an answer fails that there is no room for. */
#define GRANTS_TOO_MANY	"too many grants under way"

/* One address and port that a client wants, or that its host is to have. */
struct grants_want {
	struct addr	client;		/* who is to connect: see recipients.h */
	struct addr	dst;
	struct acl_port	port;
	uint32_t	ttl;		/* of the address record, seconds */
	const struct dns_name *label;	/* the name whose rule gives it */
	/* Set by grants_known(): */
	uint32_t	lifetime;	/* seconds, without the grace */
	uint64_t	hash;
};

/* One that is waited for. */
struct grants_wait {
	LIST_ENTRY(grants_wait) link;
	struct slot	*slot;		/* NULL: there is a result */
	struct grants	*of;
	struct addr	client, dst;
	struct acl_port	port;
	uint32_t	lifetime;	/* seconds, without the grace */
	bool		joined;		/* it was under way already */
	bool		forbidden;	/* never granted, says the keeper (G8) */
};
LIST_HEAD(grants_waits, grants_wait);

/* What one answer needs: all of it, or the answer does not leave. */
struct grants {
	/* Of who asks: */
	struct addr	client;
	size_t		octets;		/* that it keeps while it waits */
	uint64_t	expiry;		/* ns; first that of those known, then */
					/* that of the one which ends first */
	struct grants_wait *waits;	/* places for what is asked for */
	/* Told: */
	size_t		n;		/* of these in use */
	size_t		pending;	/* without a result */
	bool		open;		/* more may be asked for */
	/*
	 * The first that is neither OK nor FORBIDDEN.  STALE: what was known or
	 * granted may be gone, or is shorter than it should be: ask again.
	 */
	enum msg_result_code code;
	/* Of grants.c: */
	TAILQ_ENTRY(grants) link;	/* nothing is pending: its turn */
	uint64_t	epoch;
	struct holder	*holder;
	struct stock_item waits_stock, octets_stock;
};

/* What becomes of them. */
struct grants_events {
	/* The kernel has one of them. */
	void	(*granted)(const struct grants *, const struct grants_wait *);
	/* There are all results; it belongs to the called from then on. */
	void	(*done)(struct grants *);
	/* Others need the room: it waits for nothing any more, as above. */
	void	(*abandoned)(struct grants *);
};

/* Before the first query; events must stay. */
void	grants_init(const struct grants_events *events);

/*
 * When it ends (ns), if it is known to be live for the lifetime that it is to
 * have, else 0 (G7).  Sets the last part of want.
 */
uint64_t grants_known(struct grants_want *want);

/*
 * Ask for n, at least one, which have been through grants_known() in this turn.
 * Returns false if that would be more than the client's share.  If it is more than
 * there is, the oldest of those who have most are abandoned, in the call; if that
 * is not enough it returns false, too.  All of that is logged.  done() comes later,
 * never in the call.
 */
bool	grants_ask(struct grants *, const struct grants_want *want, size_t n);

/*
 * The same in parts, which may be of several turns.  First room is taken for what is
 * kept, and for at most so many (at least one) that are to be waited for; then each
 * part is asked for as above, of the share of who was the client when it began.  done()
 * comes after the last one is closed.  If grants_add() returns false, those that were
 * asked for are still to be left.
 */
bool	grants_open(struct grants *, size_t max);
bool	grants_add(struct grants *, const struct grants_want *want, size_t n);
void	grants_close(struct grants *);

/* Wait no longer. */
void	grants_leave(struct grants *);

/*
 * What became of a grant.  It may come when nobody waits for it any more; one
 * that was never asked for ends the program.
 */
void	grants_result(const struct msg_result *);

/*
 * What was granted may be gone from the kernel, or be about to: nothing is
 * known any more, and who waits will have to ask again.
 */
void	grants_forget(void);

/*
 * At a turn's end: tell of those of which there are all results, as long as there is
 * time, and send what was asked for to the keeper.  Clients take turns.
 */
void	grants_flush(void);

#endif
