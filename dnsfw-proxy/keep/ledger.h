/*
 * The ledger: every grant that the kernel is to have, with its end and the names
 * that give it.  It is the wish and the kernel its copy (G13): only expiry and
 * revocation take a grant out.  So lifetimes never shrink (G2), live grants have a
 * cap (P7), and what somebody took away is put back (G10), although a worker may
 * lie.  Its memory is reserved once and touched as it is needed.
 *
 * A grant is "sure" if the kernel was seen to have it since the last doubt; what
 * is not sure is neither promised nor taken for missing: it is compared.
 */
#ifndef KEEP_LEDGER_H
#define KEEP_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"
#include "others.h"

/* So many grants a client may have whatever the others have (G11). */
#define LEDGER_CLIENT_MIN 16

#define LEDGER_NOBODY	MSG_WORKERS_MAX	/* no worker asked for it */

struct ledger_entry {
	struct msg_grant grant;		/* label: the name that ends last; what */
					/* is no part of the key is 0 */
	uint64_t	expiry;		/* ns; of that name; 0: not in use */
	uint64_t	since;		/* ns: when it was asked for last */
	uint32_t	sure;		/* see ledger_is_sure() */
	uint32_t	heap;		/* place in the heap */
	uint32_t	next_free;
	uint8_t		owner;		/* worker, or LEDGER_NOBODY */
	uint8_t		pad[3];
	uint32_t	mark;		/* the user's; 0 in a new one */
	uint32_t	counter;	/* whose it was when it came */
};

struct ledger;

/*
 * A ledger in which at most max grants may be granted, and with room for what
 * is in the kernel already if that is more.  fatal() without memory.
 */
struct ledger *ledger_new(uint32_t max, uint32_t room, unsigned int workers);
void	ledger_free(struct ledger *);

/*
 * The grant with these addresses, protocol and port, or NULL.  An entry stays
 * where it is until it is taken out.
 */
struct ledger_entry *ledger_find(const struct ledger *,
	    const struct msg_grant *);

/*
 * May the worker enter a grant that is not in the ledger?  Not if the ledger is
 * full; nor if the client has LEDGER_CLIENT_MIN and at least as many as there is
 * room left: one client alone can take a half, two a third each, and there is
 * always room for the next.  IPv6 clients of one /64 are one client, and so are
 * the addresses of a host.  Nor if what is left is reserved: half of an equal part
 * of all is there for each worker, whatever the others do.
 */
bool	ledger_admits(const struct ledger *, const struct msg_grant *,
	    unsigned int worker);

/*
 * Enter a grant with its label, whose answer gives it until end; or let that name
 * give it, too, or for longer.  It ends with the name that ends last; of more
 * names than LEDGER_NAMES the one that ends first goes.  since, if not 0, is when
 * it was asked for.  A new one is not sure.  NULL: the ledger has no room.
 */
struct ledger_entry *ledger_put(struct ledger *, const struct msg_grant *,
	    uint64_t end, uint64_t since, unsigned int worker);

/* The names that still count, that which ends last first; returns how many. */
size_t	ledger_names(const struct ledger *, const struct ledger_entry *,
	    uint64_t now, struct ledger_name out[LEDGER_NAMES]);

/* A name does not give it any more; what is left of it is not sure then. */
enum ledger_left {
	LEDGER_AS_IT_WAS = 0,	/* another name gives it, for as long */
	LEDGER_SHORTER,		/* another one gives it, and not for so long */
	LEDGER_NOTHING		/* no other name: it is as it was, and has to go */
};
enum ledger_left ledger_forbid(struct ledger *, struct ledger_entry *,
	    const char *label, uint64_t now);

/* It ends then, if not sooner: no longer is allowed by now. */
void	ledger_shorten(struct ledger *, struct ledger_entry *, uint64_t end);

/* Take it out before its time. */
void	ledger_remove(struct ledger *, struct ledger_entry *);

/* Forget what has ended by now (ns). */
void	ledger_expire(struct ledger *, uint64_t now);

/* Is it known that the kernel has it as it is here? */
bool	ledger_is_sure(const struct ledger *, const struct ledger_entry *);
void	ledger_set_sure(struct ledger *, struct ledger_entry *, bool);

/* From now on no grant is sure.  Returns the doubt, for ledger_was_sure(). */
uint32_t ledger_doubt(struct ledger *);

/* Has it been sure since that doubt, even if others came later? */
bool	ledger_was_sure(const struct ledger_entry *, uint32_t doubt);

/*
 * Grants one after the other: *cursor is 0 first, and stays good whatever
 * changes.  NULL ends it.  Places are from 0 to ledger_places() - 1, and what was
 * entered meanwhile may be at any.
 */
struct ledger_entry *ledger_next(const struct ledger *, uint32_t *cursor);
uint32_t ledger_places(const struct ledger *);

/* The grant at that place, or NULL: there is none. */
struct ledger_entry *ledger_place(const struct ledger *, uint32_t place);

/*
 * The one at that place of the heap, from 0 to ledger_count() - 1, or NULL.
 * Whenever the ledger changes they change places; so this is for a look at them
 * all that may miss some, and costs no more than there are.
 */
struct ledger_entry *ledger_at(const struct ledger *, uint32_t place);

/*
 * One of a kind (0-3) that does not end before after (not 0), or NULL.  The one of
 * the last time as long as it will do: where a kind is rare, to find another
 * may be a look through all.
 */
struct ledger_entry *ledger_sample(struct ledger *, size_t kind,
	    uint64_t after);

/* Up to max grants that end before until, in no order.  Returns their number. */
size_t	ledger_ending(const struct ledger *, uint64_t until,
	    struct ledger_entry **out, size_t max);

/* Live grants, and how many there may be. */
uint32_t ledger_count(const struct ledger *);
uint32_t ledger_max(const struct ledger *);

#endif
