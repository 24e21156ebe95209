/*
 * The ledger: every grant that the kernel has, with its expiry and its name.
 * It is what makes lifetimes that never shrink (G2), a cap on live grants (P7),
 * and putting back what somebody took away (G10) possible although a proxy may
 * lie.  Its memory is reserved once and touched as it is needed.
 */
#ifndef PRIV_LEDGER_H
#define PRIV_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

/* So many grants a client may have whatever the others have (G11). */
#define LEDGER_CLIENT_MIN 16

struct ledger;

/*
 * A ledger in which at most max grants may be granted, and with room for what
 * is in the kernel already if that is more.  fatal() without memory.
 */
struct ledger *ledger_new(uint32_t max, uint32_t room);
void	ledger_free(struct ledger *);

/* When the grant with these addresses, protocol and port ends, or 0. */
uint64_t ledger_expiry(const struct ledger *, const struct msg_grant *);

/* The grant as it is in the ledger, valid until it changes; or NULL. */
const struct msg_grant *ledger_find(const struct ledger *,
	    const struct msg_grant *);

/*
 * May a grant that is not in the ledger be entered?  Not if the ledger is full;
 * nor if the client has LEDGER_CLIENT_MIN and at least as many as there is room
 * left.  So one client alone can take a half, two a third each, and there is
 * always room for the next.  IPv6 clients of one /64 are one client.
 */
bool	ledger_admits(const struct ledger *, const struct msg_grant *);

/*
 * Enter a grant with its label, or lengthen it; expiry is in ns of clock_now()
 * and never shortened.  since, if not 0, is when it was asked for last.
 * Returns 0, or -1 if the ledger has no room.
 */
int	ledger_put(struct ledger *, const struct msg_grant *, uint64_t expiry,
	    uint64_t since);

/* When a grant that is in the ledger was asked for last. */
uint64_t ledger_since(const struct ledger *, const struct msg_grant *);

/*
 * Take the latest ledger_put back, as the kernel refused it: was is a copy of
 * what ledger_find said before, expiry of what ledger_expiry said (0: none), and
 * since of what ledger_since said.
 */
void	ledger_restore(struct ledger *, const struct msg_grant *was,
	    uint64_t expiry, uint64_t since);

/* Take a grant out before its time, if it is there. */
void	ledger_remove(struct ledger *, const struct msg_grant *);

/* Forget what has ended by now (ns). */
void	ledger_expire(struct ledger *, uint64_t now);

/*
 * The grants one after the other, in an order that does not change: *cursor is
 * 0 first.  The result is valid until the ledger changes; NULL ends it.
 */
const struct msg_grant *ledger_next(const struct ledger *, uint32_t *cursor);

/*
 * The one at that place, from 0 to ledger_count() - 1, or NULL.  Whenever the
 * ledger changes they change places; so this is for a look at them all that
 * may miss some, and costs no more than there are.
 */
const struct msg_grant *ledger_at(const struct ledger *, uint32_t place);

/*
 * One of a kind (backend.h) that does not end before after (not 0), or NULL.
 * The one of the last time as long as it will do: where a kind is rare, to find
 * another may be a look through all.
 */
const struct msg_grant *ledger_sample(struct ledger *, size_t kind,
	    uint64_t after);

/*
 * Up to max grants that end before until, in no order.  Returns their number;
 * they are valid as long as the ledger only grows.
 */
size_t	ledger_ending(const struct ledger *, uint64_t until,
	    const struct msg_grant **out, size_t max);

/* Live grants, and how many there may be. */
uint32_t ledger_count(const struct ledger *);
uint32_t ledger_max(const struct ledger *);

#endif
