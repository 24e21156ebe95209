/*
 * How the rules of a list stand to each other, for who explains or looks over one
 * (U3, U4).  No input or output but memory.
 */
#ifndef ACL_RELATE_H
#define ACL_RELATE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "compile.h"
#include "parse.h"

struct acl_image;

/*
 * Call visit for each record that matches client and name, in the order in which
 * acl_decide() takes them (A4), also for those behind the -| that ends its way;
 * until visit returns true.
 */
typedef bool relate_visit(void *arg, acl_record, bool blocks);
void	relate_decision(const struct acl_image *, const struct addr *client,
	    const struct dns_name *name, relate_visit *visit, void *arg);

/* The first record that counts for all of these clients and names; 0: none. */
acl_record relate_first(const struct acl_image *, const struct addr_net *client,
	    const struct dns_name *name, bool wildcard);

/* Which subnets are around which, and which have the same rules. */
struct relate {
	const struct acl_image *image;
	uint32_t	*wider;		/* of a subnet: the nearest, + 1; 0: none */
	uint32_t	*subnets;	/* by set; of those alike one */
	uint32_t	*first;		/* of each set in subnets, and the end */
};

/* False: there is no memory.  In any case relate_free() is to be called. */
bool	relate_init(struct relate *, const struct acl_image *);
void	relate_free(struct relate *);

/* The subnet of a rule for just that client, or RELATE_NONE. */
#define RELATE_NONE	UINT32_MAX
uint32_t relate_subnet(const struct relate *, const struct addr_net *client);

/*
 * The subnets that the record is for: one of those for which all of the record's
 * rules stand alike to others, so that hundreds of a group are mostly one.
 */
size_t	relate_subnets(const struct relate *, acl_record,
	    const uint32_t **subnets);

/* Make the rule one of the record's name: what is left of a group's are its parts. */
void	relate_pattern(const struct relate *, acl_record, struct parse_rule *);

/*
 * The record that says the same as the rule for all that it matches, and comes
 * next after its own: without the rule nothing would change there.  0: there is
 * none.  The rule is taken for one of that subnet and its name, here and below.
 */
acl_record relate_again(const struct relate *, uint32_t subnet,
	    const struct parse_rule *);

/* Is anything allowed behind the rule, a block, that it keeps from counting? */
bool	relate_hides(const struct relate *, uint32_t subnet,
	    const struct parse_rule *);

#endif
