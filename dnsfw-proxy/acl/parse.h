/* One line of the ACL as a rule (A1 to A3).  Pure. */
#ifndef ACL_PARSE_H
#define ACL_PARSE_H

#include <stdbool.h>

#include "lex.h"
#include "parse_error.h"
#include "parse_rule.h"

enum parse_result { PARSE_EMPTY, PARSE_RULE, PARSE_ERROR,
	PARSE_GROUP,		/* @group = [host] ITEMS, for parse_next_item() */
	PARSE_MORE,		/* @group += ITEMS */
	PARSE_INCLUDE		/* include PATH: from pattern_at to names_end */
};

/*
 * Parse a line from its first token on.  rule is complete only after
 * PARSE_RULE, error is set only after PARSE_ERROR.
 */
enum parse_result parse_line(struct lex_line *line, struct parse_rule *rule,
	    struct parse_error *error);

/*
 * The next item of a group, as the client or the pattern, at pattern_at; *kind is
 * what the group has, or what it has from now on.  Returns PARSE_EMPTY behind the last one.
 */
enum parse_result parse_next_item(const struct lex_line *line,
	    struct parse_rule *rule, enum parse_kind *kind,
	    struct parse_error *error);

/* Is the port among the rule's? */
bool	parse_has_port(const struct parse_rule *rule, unsigned int port);

/* Go on to the next pattern of a rule of that line; false: there is none. */
bool	parse_next_name(const struct lex_line *line, struct parse_rule *rule);

#endif
