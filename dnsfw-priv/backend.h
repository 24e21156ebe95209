/*
 * What programs the kernel's firewall: ipset with an iptables chain (F1),
 * nftables (F2), or nothing (F3).
 *
 * Everything here runs as an ordinary user with CAP_NET_ADMIN, sends netlink
 * messages only, and never allocates in proportion to what a child sent.
 */
#ifndef PRIV_BACKEND_H
#define PRIV_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define BACKEND_BATCH_MAX 256	/* grants in one transaction */

/* One grant for the kernel; grant has passed msg_grant_decode. */
struct backend_add {
	const struct msg_grant *grant;
	uint64_t	left;		/* ns until it ends, never 0 */
	bool		is_new;		/* in: likely not in the kernel (F2) */
	uint8_t		code;		/* out: enum msg_result_code */
};

/*
 * The kinds of grants, each of which has a set of its own: IPv4, IPv4 of this
 * host, IPv6, IPv6 of this host.
 */
#define BACKEND_KINDS	4

static inline size_t
backend_kind(const struct msg_grant *g)
{
	return ((g->family == ADDR_V4 ? 0U : 2U) + g->local);
}

/*
 * One entry of a set.  g has type, family, proto, local, port, client, dst and
 * the label as they are in the kernel, which need not be a grant that
 * msg_grant_decode takes.  ms: what is left of its time, 0 for ever; some
 * kernels' interfaces tell it rounded down to a second.
 */
typedef void backend_found(void *arg, const struct msg_grant *g, uint64_t ms);

/* Add all live grants of these kinds, of which each is a bit. */
typedef void backend_refill(unsigned int kinds);

/* So that the names of the sets fit into 31. */
#define BACKEND_IPTABLES_CHAIN_MAX 14

struct backend_config {
	const char	*chain;
	const char	*table;		/* nftables: name of the table */
	uint8_t		 table_family;	/* nftables: NFPROTO_INET, _IPV4, _IPV6 */
	uint32_t	 max_grants;	/* size of each set */
};

struct backend {
	/*
	 * Open netlink sockets, before privileges are dropped.  Does not
	 * change anything.  fatal() on error.
	 */
	void	(*open)(const struct backend_config *config);

	/*
	 * Look whether everything is there and usable, read-only: the chain
	 * (and table), no set of ours with another type, permission.  Logs what is
	 * wrong, with what would be right, and returns -1; or returns 0 and
	 * *families: MSG_FAMILY_* bits of what can be granted.  A family whose
	 * chain is missing is left out with a warning; both missing is -1.
	 */
	int	(*check)(uint8_t *families);

	/*
	 * Is there no chain for any family, and is that all that is wrong?
	 * Asks the kernel and logs nothing.  NULL: none is needed.
	 */
	bool	(*is_missing)(void);

	/*
	 * Make sets and rules of the families.  After check.  Entries stay; a
	 * set that must be replaced by a new one is filled by refill before it
	 * comes into use.  Returns 0, or -1 after logging why; then the
	 * operator's rules are untouched.
	 */
	int	(*prepare)(uint8_t families, backend_refill *refill);

	/* The MSG_FAMILY_* bits of the families that have their chain now. */
	uint8_t	(*chains)(void);

	/*
	 * What the rules of the families' chains can do there: those to whose
	 * chain a hook leads, and those for which a rule that ends it stands
	 * before ours.  Returns 0, or -1 if the kernel did not tell it all.
	 */
	int	(*effect)(uint8_t families, uint8_t *reached,
		    uint8_t *blocked);

	/*
	 * Every entry of our sets that exist in these families, some perhaps
	 * twice; found must not use the backend.  Returns 0, or -1 after
	 * logging why.
	 */
	int	(*list)(uint8_t families, backend_found *found, void *arg);

	/*
	 * Are the sets of the families those that prepare left, with all of
	 * these n <= BACKEND_BATCH_MAX grants in them?  Of the latter, only the
	 * grants are used.  NULL where events tell.
	 */
	bool	(*intact)(uint8_t families, const struct backend_add *samples,
		    size_t n);

	/*
	 * Add or refresh n <= BACKEND_BATCH_MAX grants in one transaction and
	 * wait for the kernel's acknowledgement (F5).  An element that is there
	 * already gets the new timeout and comment, with no gap.  Each code
	 * becomes RESULT_OK, RESULT_FULL or RESULT_FAILED (logged,
	 * rate-limited); one bad element does not take the others with it.
	 */
	void	(*add)(struct backend_add *adds, size_t n);

	/*
	 * Take n <= BACKEND_BATCH_MAX grants out of the kernel, there or not, in
	 * one transaction.
	 */
	void	(*remove)(struct backend_add *removals, size_t n);
};

extern const struct backend backend_ipset;	/* --firewall iptables */
extern const struct backend backend_nftables;
extern const struct backend backend_none;

#endif
