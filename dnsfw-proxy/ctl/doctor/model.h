/*
 * A firewall as doctor looks at it: chains of rules, each with what a packet must
 * be for it, and what becomes of the packet then.  It is the same for what nft and
 * what iptables-save tell.
 */
#ifndef DOCTOR_MODEL_H
#define DOCTOR_MODEL_H

#include <net/if.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define MODEL_RULES_MAX		100000
#define MODEL_VALUES_MAX	1000000
#define MODEL_MATCHES_MAX	64	/* of a rule */
#define MODEL_OWN_MAX		256
#define MODEL_NONE		UINT32_MAX

/* Of what a match is.  The first ones have values. */
enum model_what {
	MODEL_IIF, MODEL_OIF,		/* names; "eth*" is all that begin so */
	MODEL_SADDR, MODEL_DADDR,
	MODEL_FAMILY,			/* ADDR_V4, ADDR_V6 */
	MODEL_PROTO, MODEL_DPORT,
	MODEL_STATE,			/* of the connection: MODEL_NEW ... */
	MODEL_SENT,			/* it goes elsewhere than it was to */
	MODEL_ALWAYS,			/* a new packet of a client is so */
	MODEL_SOME,			/* some are, or can be if they want */
	MODEL_GRANTS,			/* it is in a set of dnsfw */
	MODEL_UNKNOWN
};

enum { MODEL_NEW = 1, MODEL_ESTABLISHED, MODEL_OTHER_STATE, MODEL_UNTRACKED,
    MODEL_IS_SENT };

/* From low to high: addresses in from and to, all else numbers or a name. */
struct model_value {
	uint32_t	low, high;
	struct addr	from, to;
	char		name[IFNAMSIZ];
};

/* One of its values; if it is negated, none of them. */
struct model_match {
	enum model_what	what;
	bool		negated;
	uint32_t	first, n;	/* in model.values */
};

enum model_verdict {
	MODEL_CONTINUE, MODEL_ACCEPT, MODEL_DROP, MODEL_RETURN,
	MODEL_JUMP, MODEL_GOTO,
	MODEL_TAKE,			/* it becomes one to this host */
	MODEL_SEND,			/* it becomes one to elsewhere */
	MODEL_UNTRACK			/* it is of no connection */
};

struct model_rule {
	uint32_t	next;		/* of its chain, or MODEL_NONE */
	uint32_t	chain;
	uint32_t	first, n;	/* in model.matches */
	enum model_verdict verdict;
	uint32_t	target;		/* a chain, of MODEL_JUMP, MODEL_GOTO */
	/* Of MODEL_SEND, MODEL_TAKE; without a family, or 0: not known. */
	struct addr	to;
	uint16_t	port;
	uint64_t	handle;		/* nftables' */
	char		*text;		/* iptables', from -A on; or NULL */
};

enum model_hook { MODEL_NO_HOOK, MODEL_PREROUTING, MODEL_INPUT, MODEL_FORWARD,
    MODEL_POSTROUTING };

struct model_chain {
	char		*table;		/* "inet filter", "iptables filter" */
	char		*name;
	uint8_t		families;	/* MODEL_V4, MODEL_V6 */
	enum model_hook	hook;
	bool		drops;		/* what comes to its end: the policy */
	long		priority;
	uint32_t	first, last;	/* rules */
	bool		grants;		/* it is the one of dnsfw */
};

enum { MODEL_V4 = 1, MODEL_V6 = 2 };

struct model {
	struct model_chain *chains;
	struct model_rule *rules;
	struct model_match *matches;
	struct model_value *values;
	uint32_t	nchains, nrules, nmatches, nvalues;
	uint32_t	chains_room, rules_room, matches_room, values_room;
	struct addr	own[MODEL_OWN_MAX];	/* this host's */
	size_t		nown;
	bool		sends, untracks;	/* some rule does so */
	bool		full;		/* there was more */
	/* A table of iptables has what only nft makes, and tells of. */
	bool		mixed;
};

void	model_free(struct model *);

/* MODEL_V4 or MODEL_V6. */
uint8_t	model_family(uint8_t family);

/* The chain, which is made if it is not there. */
uint32_t model_chain(struct model *, const char *table, const char *name,
	    uint8_t families);

/* The chain, or MODEL_NONE. */
uint32_t model_find(const struct model *, const char *table,
	    const char *name);

/*
 * Can dnsfw's chain be reached from the chain, whatever the packet is?  depth is how
 * many chains in chains there may be, *steps how many rules may be looked at.
 */
bool	model_leads(const struct model *, uint32_t chain, unsigned int depth,
	    uint64_t *steps);

/* Add a value to the match, whose values are the last ones of all. */
void	model_value(struct model *, struct model_match *,
	    const struct model_value *);

/* At the end of the chain; what is not given is 0. */
struct model_rule *model_rule(struct model *, uint32_t chain,
	    const struct model_match *matches, size_t n,
	    enum model_verdict verdict);

/* "inet filter forward", "iptables filter FORWARD". */
const char *model_chain_text(const struct model *, uint32_t chain);

#endif
