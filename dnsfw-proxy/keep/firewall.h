/*
 * What is known of the kernel's firewall: one struct, which repair.c keeps, and
 * everybody reads.
 */
#ifndef KEEP_FIREWALL_H
#define KEEP_FIREWALL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/backend.h"
#include "ledger.h"

struct firewall {
	const struct backend *backend;	/* NULL: none, and no family */
	struct ledger	*ledger;	/* of all grants; never NULL later */
	uint8_t		families;	/* MSG_FAMILY_*: that can be granted, */
	uint8_t		ready;		/* and those of them that work now */
	/* For the statistics: */
	uint64_t	transactions;
	struct histogram kernel;	/* how long they took */
	uint64_t	repairs;
	uint64_t	revoked;
	uint64_t	taken_over;
};
extern struct firewall firewall;

/* Which family is not there, as " of IPv6", if the other one is; else "". */
const char *firewall_lacking(uint8_t there);

/* Is the grant's family one that works now? */
bool	firewall_works(const struct msg_grant *);

/* The backend's add and remove of batches, counted. */
void	firewall_add(struct backend_batch *);
void	firewall_remove(struct backend_batch *);

/*
 * An entry that has to be put into the kernel anew: what was taken over may have
 * more left than the helper lets through by now (G9, P7); then it gets less.
 */
void	firewall_limit(struct ledger_entry *, uint64_t now);

/* One more in the batch, which must have room. */
struct backend_add *firewall_batch(struct backend_batch *,
	    const struct msg_grant *, uint64_t left);

#endif
