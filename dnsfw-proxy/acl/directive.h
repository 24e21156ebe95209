/* Lines of the ACL that are no rules: "include PATH".  Pure. */
#ifndef ACL_DIRECTIVE_H
#define ACL_DIRECTIVE_H

#include <stdbool.h>

#include "lex.h"
#include "parse_error.h"

/* Does the line begin with "include"? */
bool	directive_is(const struct lex_line *line);

/* Take such a line apart: path is its word.  Returns -1 with error. */
int	directive_parse(struct lex_line *line, struct lex_token *path,
	    struct parse_error *error);

#endif
