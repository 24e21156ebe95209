/*
 * The connections that grants opened, as the kernel tracks them
 * (nf_conntrack_netlink).  A walk goes over all connections of a family, once
 * for however many grants, in steps.
 */
#ifndef KEEP_CONNTRACK_H
#define KEEP_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "list.h"
#include "msg.h"
#include "order.h"

struct conntrack;

/*
 * Room for a walk that asks about max grants.  is_own: is it an address of this
 * host?  Of a grant for this host are the connections from there.  fatal()
 * without memory.
 */
struct conntrack *conntrack_new(size_t max,
	    bool (*is_own)(const struct addr *));
void	conntrack_free(struct conntrack *);

/*
 * End the program if the kernel does not list connections as asked.  Waits for
 * it.
 */
void	conntrack_check(struct conntrack *);

/* Forget all grants, of which the next walk would ask, and a walk. */
void	conntrack_clear(struct conntrack *);

/*
 * Ask about a grant, too, before the first step of a walk.  kill: make the kernel
 * forget its connections, whose next packet then counts as one that would open a
 * connection; it has to be out of the sets by then.  Of one grant asked for
 * twice, kill wins.  Returns 0, or -1: there is no room.
 */
int	conntrack_ask(struct conntrack *, const struct msg_grant *, bool kill);

/*
 * Give each connection that had an answer to fn, of both families; own: it comes
 * from this host.  Until conntrack_clear().
 */
typedef void conntrack_each(const struct order_flow *, bool own);
void	conntrack_watch(struct conntrack *, conntrack_each *fn);

/*
 * The next step of the walk, which begins by itself: of slice ns, and of one
 * datagram and its connections at least.  LIST_BROKEN: nothing is known of those
 * that were not seen (is_live says true then); the next step would begin a new
 * walk.  LIST_CHANGED and LIST_NONE do not come.
 */
enum list_step conntrack_step(struct conntrack *, uint64_t slice);

/* The descriptor to poll while a walk is under way, or -1. */
int	conntrack_fd(const struct conntrack *);

/*
 * After the walk: did traffic of the grant's client to its destination and port go
 * both ways?  That is an established TCP connection, or UDP that the kernel has
 * seen go on for longer than a question and its answer.  True, too, if it was
 * not asked for.
 */
bool	conntrack_is_live(const struct conntrack *, const struct msg_grant *);

/*
 * So many connections has the kernel forgotten on this walk as we asked (A9);
 * and so many it did not, or did not say so.
 */
uint64_t conntrack_killed(const struct conntrack *);
uint64_t conntrack_failed(const struct conntrack *);

#endif
