/* What may follow the target of a rule.  Pure. */
#ifndef ACL_PARSE_TAIL_H
#define ACL_PARSE_TAIL_H

#include "lex.h"
#include "parse_error.h"
#include "parse_rule.h"

#define PARSE_COMMENT_MAX	60	/* octets; so that dnsfwctl why shows it */

/*
 * "= ADDRESS" after "-|", "ttl MIN..MAX" after "->", and a comment in quotes; or
 * nothing of these.  Returns -1 with error.
 */
int	parse_tail(struct lex_line *line, struct parse_rule *rule,
	    struct parse_error *error);

#endif
