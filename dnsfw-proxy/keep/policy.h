/*
 * The policy: the compiler's work.  The keeper opens the ACL's file but never
 * reads it; start and reload (A9) are one path.
 */
#ifndef KEEP_POLICY_H
#define KEEP_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "children.h"

/*
 * The first policy: READY, the ACL, the sealed image.  Ends the program if the
 * compiler does not accept the ACL (it has said why).
 */
void	policy_start(void);

/* Remember that a new policy is wanted. */
void	policy_reload(void);

/*
 * Ask the compiler for the policy that is wanted, if it makes none already.  May
 * be put off by who is not done with the last one (A9).  An error is logged,
 * and the old one stays.
 */
void	policy_ask(void);

/* Would policy_ask() ask now? */
bool	policy_due(void);

/* True from a reload that was asked for to its end, good or bad. */
bool	policy_reloading(void);

/* Could the last list that was asked for be opened, and did it come into force? */
bool	policy_was_read(void);
bool	policy_was_taken(void);

/* What of a compiler's message is the caller's affair. */
enum policy_event {
	POLICY_NOTHING = 0,	/* no more records */
	POLICY_SEEN_TO,		/* a record that was the policy's affair */
	POLICY_NEW,		/* another generation is in force */
	POLICY_CHECKED		/* answers to CHECKs are in checked */
};

struct policy_checked {
	struct msg_checked at[MSG_BATCH_MAX];
	size_t		n;
};

/* One record of the compiler, if there is one. */
enum policy_event policy_receive(struct policy_checked *checked);

/* Give a worker the image that is in force, with its generation. */
void	policy_send(struct child *worker, uint8_t families);

/* What is in force. */
uint16_t policy_generation(void);
uint32_t policy_rules(void);

/* msg_sealed's, of the text of the list in force. */
uint32_t policy_sum(void);

#endif
