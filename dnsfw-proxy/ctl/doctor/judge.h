/*
 * What becomes of a packet: the one place where a firewall's rules are weighed.
 * It is careful: what it does not understand never closes anything.
 */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

#define JUDGE_DEPTH_MAX	16	/* chains in chains, as the kernel's */

enum judge_kind {
	JUDGE_NEW,	/* the first packet of a connection that a client opens */
	JUDGE_GRANTED,	/* the same, and a grant lives for it */
	JUDGE_REPLY	/* one that comes back, of a connection that is open */
};

enum judge_so { JUDGE_NOT, JUDGE_SO, JUDGE_PERHAPS };

struct judge_packet {
	const char	*iif, *oif;	/* empty: nobody knows */
	struct addr	saddr, daddr;	/* of one family */
	uint8_t		proto;
	uint16_t	dport;
	enum judge_kind	kind;
	enum judge_so	sent, untracked;	/* by rules before */
};

enum judge_end { JUDGE_DROPPED, JUDGE_ACCEPTED, JUDGE_TAKEN };

struct judgement {
	enum judge_end	end;
	bool		reached;	/* it came to dnsfw's chain */
	bool		maybe_reached;
	uint32_t	rule;		/* that accepted it, or MODEL_NONE: */
	uint32_t	chain;		/* whose end did; MODEL_NONE: none */
	/* One that is not understood, and may accept it; or MODEL_NONE. */
	uint32_t	unsure;
	/* If it is not accepted: in which chain with a hook that was. */
	uint32_t	base;
	/* The rules that led there, and the last that did it; 0: the policy. */
	uint32_t	path[JUDGE_DEPTH_MAX + 2];
	size_t		npath;
	struct addr	daddr;		/* to where it went in the end */
};

/*
 * Judge a packet.  *steps is how many rules may still be
 * looked at; at 0 the judgement means nothing.
 */
void	judge(const struct model *, const struct judge_packet *,
	    uint64_t *steps, struct judgement *out);

/* The same of a packet to this host. */
void	judge_local(const struct model *, const struct judge_packet *,
	    uint64_t *steps, struct judgement *out);

/* Is the packet as the match wants it?  What nobody knows is so. */
bool	judge_may_match(const struct model *, const struct model_match *,
	    const struct judge_packet *);

/* Does the value, of a match of that kind, have it? */
bool	judge_has_address(const struct model_value *, const struct addr *);
bool	judge_has_name(const struct model_value *, const char *name);

#endif
