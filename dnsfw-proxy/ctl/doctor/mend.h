/* Rules as they are told, and the commands that mend a firewall. */
#ifndef DOCTOR_MEND_H
#define DOCTOR_MEND_H

#include "command.h"
#include "guard.h"
#include "model.h"
#include "ways.h"

#define MEND_MAX	COMMAND_MAX

/* The rule in words, and as the operator wrote it; needs root for nftables. */
void	mend_rule_text(const struct model *, uint32_t rule,
	    char out[MEND_MAX]);

#define MEND_DOCKER	"DOCKER-USER"	/* its chain for rules of others */

/*
 * Take out what accepts: the rule, or without one the chain's policy.  Answers are
 * accepted still.  As with all of these, the command is empty if it cannot be said
 * to sh.
 */
void	mend_acceptance(const struct model *, const struct guard *,
	    const struct ways_world *, uint8_t family, uint32_t rule,
	    uint32_t chain, char out[MEND_MAX]);

/* Let a chain with a hook lead to dnsfw's. */
void	mend_jump(const struct model *, const struct guard *,
	    const struct ways_world *, uint8_t family, char out[MEND_MAX]);

/* Let the chain with a hook accept answers. */
void	mend_replies(const struct model *, uint32_t chain,
	    char out[MEND_MAX]);

/* Let the chain with a hook accept what goes where the packet does. */
void	mend_opening(const struct model *, uint32_t chain,
	    const struct judge_packet *, char out[MEND_MAX]);

#endif
