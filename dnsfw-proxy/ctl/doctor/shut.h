/* The command that keeps clients from a program of this host. */
#ifndef DOCTOR_SHUT_H
#define DOCTOR_SHUT_H

#include "command.h"
#include "guard.h"
#include "judge.h"

#define SHUT_ADDRESSES_MAX	MODEL_OWN_MAX

/* What clients reach, of one family. */
struct shut {
	struct judge_packet by;		/* one that does: where it comes from */
	struct addr	at[SHUT_ADDRESSES_MAX];
	size_t		n;
};

/*
 * Add what drops packets as that one to any of the addresses, before all other
 * rules for what comes to this host.
 */
void	shut_add(struct command *, const struct model *, const struct guard *,
	    const struct shut *);

#endif
