/* A rule of the ACL, as its line has it. */
#ifndef ACL_PARSE_RULE_H
#define ACL_PARSE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/name.h"
#include "addr.h"

/* Of one rule: eight addresses with them are what one answer may grant. */
#define PARSE_PORTS_MAX	128

enum parse_action { PARSE_GRANT, PARSE_RESOLVE, PARSE_BLOCK };

enum parse_kind { PARSE_UNKNOWN, PARSE_CLIENTS, PARSE_NAMES };

/* Bounds of a grant's lifetime, seconds; max 0: none. */
struct parse_times {
	uint32_t	min, max;
};

/* A rule, or what a group has. */
struct parse_rule {
	enum parse_action action;
	bool		host;		/* the group is one */
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
	struct parse_times times;	/* PARSE_GRANT */
	size_t		text_at;	/* of the comment, inside of its quotes */
	size_t		text_len;	/* 0: none */
	/* PARSE_GRANT: distinct, in the order of the line. */
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t	nports;		/* 1..PARSE_PORTS_MAX */
	uint16_t	ports[PARSE_PORTS_MAX];	/* host order, not 0 */
};

#endif
