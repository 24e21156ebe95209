/*
 * What becomes of a question, by the code by which a worker decides, and which
 * rules made that (U4).
 */
#ifndef CTL_OUTCOME_H
#define CTL_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "../acl/hosts.h"
#include "../dns/name.h"
#include "../serve/decision.h"
#include "addr.h"
#include "clients.h"
#include "list.h"

#define OUTCOME_RULES_MAX	1024	/* that are told of */

enum outcome_kind {
	OUTCOME_REFUSE = 0,
	OUTCOME_RESOLVE,
	OUTCOME_GRANT,
	OUTCOME_STATIC		/* -| NAME = ADDRESS */
};

struct outcome_question {
	struct addr	client;
	struct dns_name	name;
	uint16_t	type;
};

struct outcome_rule {
	const struct list_rule *rule;
	bool		blocks;
	bool		decides;	/* it blocks, and nothing was allowed */
	bool		hidden;		/* behind a block: it does not count */
};

/* An address, or a network, of the client's host (U11): what it is granted, too. */
struct outcome_other {
	struct addr_net	net;
	uint16_t	nports;
	struct acl_port	ports[ACL_PORTS_MAX];
};

struct outcome {
	enum outcome_kind kind;
	struct decision	d;
	const char	*why;		/* more than the rules say, or NULL */
	bool		empty;		/* OUTCOME_STATIC: the type gets no record */
	size_t		 nrules;	/* in the order of A4 */
	bool		 more;		/* than there is room for match */
	struct outcome_rule rules[OUTCOME_RULES_MAX];
	unsigned int	 nothers;	/* OUTCOME_GRANT: that the type is for */
	struct outcome_other others[ACL_HOST_MAX];
};

/*
 * What becomes of the question by that list, which is policy.image from now on, if
 * clients of these nets get answers.  Rules behind the first OUTCOME_RULES_MAX are
 * left out.
 */
void	outcome_find(const struct list *, const struct clients_nets *,
	    const struct outcome_question *, struct outcome *out);

#endif
