/*
 * The ledger and the kernel's firewall say the same: what was in the kernel
 * before we started is taken over (G9), and what others take away is put back
 * (G10).
 */
#ifndef PRIV_FIREWALL_H
#define PRIV_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "ledger.h"

/*
 * Take the entries of the kernel's sets over into a new ledger, and make sets
 * and rules.  Entries that never end, or that are no grants, are removed.
 * Ends the program if the firewall cannot be used.
 */
void	firewall_start(const struct backend *b, uint32_t max_grants);

/* Of all grants in the kernel. */
struct ledger *firewall_ledger(void);

/* MSG_FAMILY_* bits: those that can be granted, and those of them that work. */
uint8_t	firewall_families(void);
uint8_t	firewall_ready(void);

/* Which family is not there, as " of IPv6", if the other one is; else "". */
const char *firewall_lacking(uint8_t there);

/* Put grants into the kernel; the ledger is the caller's affair. */
void	firewall_add(struct backend_add *adds, size_t n);

/*
 * Take n <= BACKEND_BATCH_MAX grants out of kernel and ledger.  They must not
 * be the ledger's own copies.
 */
void	firewall_revoke(const struct msg_grant *grants, size_t n);

/* A descriptor to poll, or -1; and the ms until firewall_look is due, or -1. */
int	firewall_fd(void);
int	firewall_wait(void);

/*
 * See what others have done, and put back what is missing if the chain is
 * there: at once when something was added, too, which is a reload; otherwise
 * when it has been quiet for a moment, so that who deletes rules, then the
 * chain, then sets, can.  Returns true if what a worker knows of its grants may
 * be wrong.
 */
bool	firewall_look(void);

/* True if something of ours is gone, which the next firewall_look repairs. */
bool	firewall_lost(void);

/* For the statistics. */
struct firewall_counts {
	uint64_t	transactions;
	uint64_t	repairs;
	uint64_t	revoked;
	uint64_t	taken_over;
};
extern struct firewall_counts firewall_counts;

#endif
