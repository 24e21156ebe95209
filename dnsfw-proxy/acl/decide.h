/*
 * The decision (A4, A5).  Pure; its cost depends on the number of labels and
 * of distinct prefix lengths, not on the number of rules (A8).
 */
#ifndef ACL_DECIDE_H
#define ACL_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "../dns/name.h"
#include "addr.h"

struct acl_image;

/* The most protocol:port pairs that one decision can hold. */
#define ACL_PORTS_MAX	256
#define ACL_LINES_MAX	16	/* that one decision tells of */

enum acl_verdict {
	ACL_NOMATCH = 0,	/* no rule: refuse */
	ACL_BLOCK,		/* -| */
	ACL_LOCAL,		/* -| = address */
	ACL_ALLOW		/* -> or ~> or both */
};

struct acl_port {
	uint8_t		proto;	/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t		times;	/* for acl_image_ttl() */
	uint16_t	port;	/* host order */
};

struct acl_decision {
	enum acl_verdict verdict;
	uint32_t	line;		/* of the first deciding rule; 0: none */
	bool		resolve;	/* some ~> : any type of class IN */
	bool		any;		/* ~> * is among them: any class, too */
	bool		overflow;	/* more ports than ACL_PORTS_MAX: refuse */
	/* The most specific rule is a ~>, and not also a ->. */
	bool		resolve_first;
	/* Labels of the longest pattern that counts; 0: only "*" does. */
	uint8_t		depth;
	bool		hides;		/* a -| that is not for "*" ended the walk */
	uint16_t	nports;		/* distinct, in rule order */
	uint8_t		nlines;
	struct addr	local;		/* ACL_LOCAL */
	struct acl_port	ports[ACL_PORTS_MAX];	/* nports of them are set */
	uint32_t	lines[ACL_LINES_MAX];	/* of all that matched, once */
};

/*
 * Decide for client (IPv4-mapped already unmapped) and name (any case).  name
 * NULL stands for a message without one, which only patterns "*" match (other
 * opcodes).
 */
void	acl_decide(const struct acl_image *image, const struct addr *client,
	    const struct dns_name *name, struct acl_decision *out);

/*
 * Is something below name allowed for the client?  It may ask for the keys of
 * name then (D17), whatever the list says of name itself.  A rule that a block
 * of a longer prefix hides counts, too: it is not for nothing in the list.
 * Costs what a decision does.
 */
bool	acl_is_ancestor(const struct acl_image *image,
	    const struct addr *client, const struct dns_name *name);

#endif
