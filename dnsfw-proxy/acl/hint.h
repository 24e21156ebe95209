/* What the writer of a wrong rule most likely meant (A10).  Pure. */
#ifndef ACL_HINT_H
#define ACL_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "lex.h"
#include "parse_error.h"

/*
 * Each takes len octets at offset at of the line, which are wrong, and sets
 * error if it knows better than the caller what should be there.  Returns
 * whether it did.
 */
bool	hint_client(const struct lex_line *line, size_t at, size_t len,
	    struct parse_error *error);
bool	hint_target(const struct lex_line *line, size_t at, size_t len,
	    struct parse_error *error);
bool	hint_port(const struct lex_line *line, size_t at, size_t len,
	    struct parse_error *error);

#endif
