/* One line of the ACL as a rule (A1 to A3).  Pure. */
#ifndef ACL_PARSE_H
#define ACL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"
#include "addr.h"
#include "lex.h"
#include "parse_error.h"

enum parse_action { PARSE_GRANT, PARSE_RESOLVE, PARSE_BLOCK };

struct parse_rule {
	enum parse_action action;
	struct addr_net	client;		/* masked */
	bool		wildcard;	/* *.name, or * if name is the root */
	struct dns_name	name;		/* folded; without the asterisk */
	size_t		pattern_at;	/* offset of the pattern in its line */
	uint8_t		proto;		/* PARSE_GRANT: IPPROTO_TCP or _UDP */
	uint16_t	port;		/* PARSE_GRANT: host order, not 0 */
	struct addr	local;		/* PARSE_BLOCK: family 0 is none */
};

enum parse_result { PARSE_EMPTY, PARSE_RULE, PARSE_ERROR };

/*
 * Parse a line from its first token on.  rule is complete only after
 * PARSE_RULE, error is set only after PARSE_ERROR.
 */
enum parse_result parse_line(struct lex_line *line, struct parse_rule *rule,
	    struct parse_error *error);

#endif
