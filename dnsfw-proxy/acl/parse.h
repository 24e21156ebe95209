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

/* Of one rule: eight addresses with them are what one answer may grant. */
#define PARSE_PORTS_MAX	128

enum parse_action { PARSE_GRANT, PARSE_RESOLVE, PARSE_BLOCK };

enum parse_kind { PARSE_UNKNOWN, PARSE_CLIENTS, PARSE_NAMES };

/* A rule, or what a group has. */
struct parse_rule {
	enum parse_action action;
	/* The client is a group, or the group's own name; len 0: it is none. */
	struct dns_name	group;		/* folded */
	size_t		client_at;	/* offset of either in its line */
	struct addr_net	client;		/* masked */
	/* The first of its patterns, then that of parse_next_name(). */
	bool		named;		/* name is a group's */
	bool		wildcard;	/* *.name, or * if name is the root */
	struct dns_name	name;		/* folded; without the asterisk */
	size_t		pattern_at;	/* offset of the pattern in its line */
	size_t		next_at;	/* of what follows it and its comma */
	size_t		names_end;	/* less than next_at: it is the last */
	struct addr	local;		/* PARSE_BLOCK: family 0 is none */
	/* PARSE_GRANT: distinct, in the order of the line. */
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t	nports;		/* 1..PARSE_PORTS_MAX */
	uint16_t	ports[PARSE_PORTS_MAX];	/* host order, not 0 */
};

enum parse_result { PARSE_EMPTY, PARSE_RULE, PARSE_ERROR,
	PARSE_GROUP,		/* @group = ITEMS, for parse_next_item() */
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
 * The next item of a group, as the client or the pattern; *kind is what the group
 * has, or what it has from now on.  Returns PARSE_EMPTY behind the last one.
 */
enum parse_result parse_next_item(const struct lex_line *line,
	    struct parse_rule *rule, enum parse_kind *kind,
	    struct parse_error *error);

/* Is the port among the rule's? */
bool	parse_has_port(const struct parse_rule *rule, unsigned int port);

/* Go on to the next pattern of a rule of that line; false: there is none. */
bool	parse_next_name(const struct lex_line *line, struct parse_rule *rule);

#endif
