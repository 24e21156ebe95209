/* Subnets, sets and patterns of an image under construction. */
#ifndef ACL_PATTERNS_H
#define ACL_PATTERNS_H

#include <stdbool.h>
#include <stdint.h>

#include "build.h"
#include "parse.h"

/*
 * All of these but the last end the build if there is no memory: they return NULL or
 * false then.
 */

/* The subnet, which is made if it is new. */
struct subnet	*patterns_subnet(struct build *, const struct addr_net *);

/* A new set, as index + 1, in *set, unless it has one. */
bool		patterns_set(struct build *, uint32_t *set);

/* Keep the name; *at: its offset in build.names. */
bool		patterns_name(struct build *, const struct dns_name *,
		    uint32_t *at);

/*
 * The pattern for that name, which is in build.names; made, with line 0, if it is
 * new.
 */
struct pattern	*patterns_get(struct build *, uint32_t set, bool wildcard,
		    uint32_t name, uint8_t name_len);

/* Put what the rule of that line says of its name into the set; also of this one. */
bool		patterns_add(struct build *, uint32_t set, uint32_t line,
		    const struct parse_rule *);
bool		patterns_add_item(struct build *, uint32_t set, uint32_t line,
		    const struct parse_rule *, const struct item *);

/* Put what the pattern at that index says into another set. */
bool		patterns_merge(struct build *, uint32_t set, uint32_t pattern);

/* Groups have made one more pattern; false: these are too many. */
bool		patterns_count(struct build *);

#endif
