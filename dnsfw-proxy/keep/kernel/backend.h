/*
 * What programs the kernel's firewall, as the keeper sees it: ipset with an
 * iptables chain (F1), or nftables (F2).  The helper writes, and this reads.
 *
 * "UNKNOWN" is an answer of its own here: the kernel may have done it or not
 * (G13).  Nothing is concluded from it; what it was about is compared later.
 */
#ifndef KEEP_BACKEND_H
#define KEEP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask.h"
#include "list.h"
#include "msg.h"
#include "place.h"
#include "reach.h"

#define BACKEND_BATCH_MAX ORDER_BATCH_MAX	/* grants in one transaction */

enum backend_code {
	BACKEND_OK = 0,		/* the kernel has it; remove: has it no more */
	BACKEND_FULL,		/* the set is full: it does not have it */
	BACKEND_FAILED,		/* it does not have it; of remove: it has it */
	BACKEND_REFUSED,	/* the helper refused: refused says why */
	BACKEND_GONE,		/* of test only: it does not have it */
	BACKEND_UNKNOWN		/* it has it or not */
};

/* One grant for the kernel; grant has passed msg_grant_decode but for remove. */
struct backend_add {
	const struct msg_grant *grant;
	uint64_t	left;		/* ns until it ends; of add: never 0 */
	bool		is_new;		/* in: likely not in the kernel (F2) */
	bool		spare;		/* in: see PREPARE_FILL (F1) */
	enum backend_code code;		/* out */
	enum order_code	refused;	/* out, with BACKEND_REFUSED */
};

struct backend_batch {
	struct backend_add adds[BACKEND_BATCH_MAX];
	size_t		n;
};

/*
 * The kinds of grants, each of which has a set of its own: IPv4, IPv4 of this
 * host, IPv6, IPv6 of this host; as in stamps.h.
 */
#define BACKEND_KINDS	4

static inline size_t
backend_kind(const struct msg_grant *g)
{
	return ((g->family == ADDR_V4 ? 0U : 2U) + g->local);
}

/* The MSG_FAMILY_* bit that a kind is of. */
static inline uint8_t
backend_bit(size_t kind)
{
	return (kind < 2 ? MSG_FAMILY_V4 : MSG_FAMILY_V6);
}

/*
 * One entry of a set.  g has type, family, proto, local, port, client, dst and
 * the label as they are in the kernel, which need not be a grant that
 * msg_grant_decode takes.  ms: what is left of its time, 0 for ever; some
 * kernels' interfaces tell it rounded down to a second.
 */
typedef void backend_found(void *arg, const struct msg_grant *g, uint64_t ms);

struct backend_config {
	const char	*chain;
	const char	*table;		/* nftables: name of the table */
	uint8_t		 table_family;	/* nftables: NFPROTO_INET, _IPV4, _IPV6 */
	uint32_t	 max_grants;	/* size of each set */
};

/* A preparation, from all zero but for families: see prepare. */
struct backend_prepare {
	uint8_t		families;	/* in: MSG_FAMILY_* */
	uint8_t		step;		/* all others: the backend's */
	uint8_t		kind;		/* with PREPARE_FILL: which */
	uint8_t		rules;		/* kinds, a bit each */
	uint64_t	before;
};

enum backend_step {
	PREPARE_MORE = 0,	/* call it again */
	PREPARE_FILL,		/* call it again when the kind is filled */
	PREPARE_DONE,
	PREPARE_FAILED,		/* logged; not all of it is there */
	PREPARE_UNKNOWN		/* so much is not even known */
};

/*
 * What effect finds, from all zero but for families.  It is large: not for the
 * stack.
 */
struct backend_effect {
	uint8_t		families;	/* in: MSG_FAMILY_* */
	uint8_t		reached;	/* out: a hook leads to their chain */
	uint8_t		blocked;	/* out: a rule ends it before ours */
	uint8_t		chain;		/* effect.c's, as all that follows */
	uint8_t		step;
	size_t		map;
	struct list	list;
	struct reach	reach;
	struct place	place;
};

struct backend {
	/* Names, and events of the kernel.  config and its texts must stay. */
	void	(*open)(const struct backend_config *config);

	/*
	 * Look whether everything is there and usable: the chain (and table),
	 * no set of ours with another type.  Logs what is wrong, with what would
	 * be right, and returns -1; or returns 0 and *families: MSG_FAMILY_* bits
	 * of what can be granted.  A family whose chain is missing is left out
	 * with a warning; both missing is -1.  Waits for the kernel.
	 */
	int	(*check)(uint8_t *families);

	/* Is there no chain for any family, and is that all that is wrong? */
	bool	(*is_missing)(void);

	/*
	 * The MSG_FAMILY_* bits of the families that have their chain now.
	 * Returns 0, or -1 if the kernel did not tell.
	 */
	int	(*chains)(uint8_t *there);

	/*
	 * The next step of making sets and rules of the families, after check.
	 * Entries stay.  PREPARE_FILL: the set of the kind has to be replaced, and
	 * the new one is to get all live grants of it, by add with spare set,
	 * before the next call, which puts it into its place: none may be
	 * added to the old one meanwhile.  After PREPARE_FAILED and _UNKNOWN it
	 * is begun again, all zero.
	 */
	enum backend_step (*prepare)(struct backend_prepare *);

	/*
	 * What the rules of the families' chains can do there: to whose chain a
	 * hook leads, and for which a rule that ends it stands before ours.
	 * LIST_MORE: to be called again in the next turn.  LIST_CHANGED: from
	 * the beginning, all zero.  LIST_NONE does not come.
	 */
	enum list_step (*effect)(struct backend_effect *,
		    unsigned int datagrams);
	void	(*effect_drop)(struct backend_effect *);

	/*
	 * Every entry of the set of a kind, some perhaps twice: the listing is
	 * begun as with list_begin, and goes on in steps, as list_step: of
	 * the answer, found gets each.  LIST_NONE: there is no such set.
	 */
	int	(*entries)(size_t kind, struct list *);
	enum list_step (*entries_step)(size_t kind, struct list *,
		    unsigned int datagrams, backend_found *found, void *arg);

	/*
	 * Are the sets of the families still those that prepare left?  1, 0, or
	 * -1 if the kernel did not tell.  NULL where events say so.
	 */
	int	(*intact)(uint8_t families);

	/*
	 * Add or refresh grants in one transaction (F5).  An element that is there
	 * already gets the new timeout and comment, with no gap.  Failures are
	 * logged, rate-limited; one bad element does not take the others
	 * with it.
	 */
	void	(*add)(struct backend_batch *);

	/* Take grants out of the kernel, there or not: OK then. */
	void	(*remove)(struct backend_batch *);

	/* Are they there?  OK, GONE (no set is as good), FAILED or UNKNOWN. */
	void	(*test)(struct backend_batch *);
};

extern const struct backend backend_ipset;	/* --firewall iptables */
extern const struct backend backend_nftables;

/* For the backends.  The order for a grant: ADD, DEL or TEST. */
void	backend_order(const struct backend_add *, enum order_type,
	    struct order_grant *);

/*
 * What the result means for a grant that was to be added, or, if remove, to go;
 * set is for the log, once a minute.
 */
void	backend_judge(struct backend_add *, bool remove, const char *set,
	    const struct ask_result *);

/* The same of a test: error is what the kernel says if it is not there. */
void	backend_judge_test(struct backend_add *, int error,
	    const struct ask_result *);

#endif
