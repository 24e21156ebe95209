/*
 * How the rules of a list stand to each other, for who explains or looks over one
 * (U3, U4).  Pure.
 */
#ifndef ACL_RELATE_H
#define ACL_RELATE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "compile.h"
#include "parse.h"

struct acl_image;

/* Do the rules of the record block? */
bool	relate_blocks(const struct acl_image *, acl_record);

/*
 * Call visit for each record that matches client and name, in the order in which
 * acl_decide() takes them (A4), also for those behind the -| that ends its way;
 * until visit returns true.
 */
typedef bool relate_visit(void *arg, acl_record, bool blocks);
void	relate_decision(const struct acl_image *, const struct addr *client,
	    const struct dns_name *name, relate_visit *visit, void *arg);

/*
 * The record that says the same as the rule for all that it matches, and comes
 * next after its own: without the rule nothing would change.  0: there is none.
 * own is that of the rule, which has no group, here and below.
 */
acl_record relate_again(const struct acl_image *, acl_record own,
	    const struct parse_rule *);

/* The first record that counts for all of these clients and names; 0: none. */
acl_record relate_first(const struct acl_image *, const struct addr_net *client,
	    const struct dns_name *name, bool wildcard);

/* Is anything allowed behind the rule, a block, that it keeps from counting? */
bool	relate_hides(const struct acl_image *, acl_record own,
	    const struct parse_rule *);

#endif
