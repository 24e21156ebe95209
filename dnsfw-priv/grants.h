/*
 * What a worker may ask, and what comes of it; and the second look at live
 * grants when the policy has changed (A9) or addresses have become forbidden.
 */
#ifndef PRIV_GRANTS_H
#define PRIV_GRANTS_H

#include "launch.h"
#include "options.h"

/* Needs firewall_start and policy_start. */
void	grants_start(const struct options *o);

/*
 * Serve what a worker has to say now, at most one batch of it: check, one
 * transaction with the kernel, results.
 */
void	grants_serve(struct child *worker);

/* True if a transaction with the kernel may be made now (P7). */
bool	grants_may_serve(void);

/*
 * Look at all live grants again, step by step: by root's limits and the
 * policy's bounds, and if the policy has changed by the compiler.
 */
void	grants_review(bool new_policy);

/*
 * One step, to be called in every turn of the loop: ask the compiler about the
 * next batch, or act on its answers.  Returns true if grants were revoked.
 */
bool	grants_step(struct child *compiler);

/* True if grants_step has something to do already. */
bool	grants_step_due(void);

/* An answer of the compiler. */
void	grants_checked(struct child *compiler, const struct msg_checked *);

/*
 * Lengthen grants that are about to end while their connections live
 * (--hold-live).  Returns the ms until it wants to be called again, or -1.
 */
int	grants_hold(void);

/* A summary for the log (P6). */
void	grants_log(void);

#endif
