/* The names that an answer leads to: alias targets (D14, D19). */
#ifndef SERVE_FOLLOW_H
#define SERVE_FOLLOW_H

#include "../acl/decide.h"
#include "answer.h"
#include "request.h"

enum follow {
	FOLLOW_PASS,
	FOLLOW_BLOCKED,		/* --block-aliases: a rule blocks one of the names */
	FOLLOW_TOO_MANY		/* --block-aliases: not all could be looked at */
};

/*
 * Remember for the client what the answer leads it to, before it leaves.  msg,
 * the client's copy of it, may be changed: with --max-rule-time, or a rule's own
 * bounds, no TTL outlives what is remembered.
 * After FOLLOW_BLOCKED *d is what the list says of the name.
 */
enum follow follow_answer(const struct request *, struct answer *,
	    uint8_t *msg, struct acl_decision *d);

#endif
