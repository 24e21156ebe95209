/* The groups of a list under construction (U11). */
#ifndef ACL_GROUPS_H
#define ACL_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "build.h"
#include "lex.h"
#include "parse.h"

/*
 * Take a line that makes a group, or adds to one; what is wrong is reported.  False:
 * the build has ended.
 */
bool		groups_define(struct build *, uint32_t number,
		    const struct lex_line *, struct parse_rule *, bool adds);

/*
 * The group of that name and kind, which the rule of that line uses from now on;
 * NULL, and reported: there is none.
 */
struct group	*groups_use(struct build *, uint32_t line, size_t at,
		    const struct dns_name *, bool clients);

#endif
