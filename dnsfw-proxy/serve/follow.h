/* The names that an answer leads to: alias targets (D14, D19). */
#ifndef SERVE_FOLLOW_H
#define SERVE_FOLLOW_H

#include "../acl/decide.h"
#include "query.h"

/*
 * Remember for q's client what the answer msg, parsed as r, leads it to; before
 * the answer leaves.  msg may be changed: with --max-rule-time no TTL outlives
 * what is remembered.
 * Returns false with --block-aliases if a rule blocks one of the names: then
 * *d is what the list says of that.
 */
bool	follow_answer(const struct query *q, uint8_t *msg, size_t len,
	    const struct dns_response *r, struct acl_decision *d);

#endif
