/*
 * The policy: the compiler's work, and what it allows at all.  dnsfw-priv
 * opens the ACL's file but never reads it; start and reload (A9) are one path.
 */
#ifndef PRIV_POLICY_H
#define PRIV_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "launch.h"

/*
 * The first policy: READY, the ACL, its bounds, the sealed image.  name is of
 * the ACL's file in the directory FD_ACL_DIR, path is for the log.  Ends the
 * program if the compiler does not accept the ACL (it has said why).
 */
void	policy_start(struct child *compiler, const char *path,
	    const char *name);

/*
 * Ask the compiler for a new policy.  An error is logged, and the old one
 * stays.
 */
void	policy_reload(void);

/* True from a reload that was asked for to its end, good or bad. */
bool	policy_reloading(void);

/* What of a compiler's message is the caller's affair. */
enum policy_event {
	POLICY_NOTHING = 0,
	POLICY_NEW,		/* another generation is in force */
	POLICY_CHECKED		/* an answer to a CHECK is in *checked */
};

/* One record of the compiler, if there is one. */
enum policy_event policy_receive(bool *more, struct msg_checked *checked);

/* Give a worker the image that is in force, with its generation. */
void	policy_send(struct child *worker, uint8_t families);

/* What is in force. */
const struct bounds *policy_bounds(void);
uint16_t policy_generation(void);
uint32_t policy_rules(void);

#endif
