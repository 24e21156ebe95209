/*
 * Where a packet goes around dnsfw.  Each rule that accepts something is tried with
 * a packet made for it, so that none is overlooked which is for few.
 */
#ifndef DOCTOR_WAYS_H
#define DOCTOR_WAYS_H

#include <stddef.h>

#include "judge.h"

#define WAYS_NETS_MAX	256
#define WAYS_IFS_MAX	64
#define WAYS_STEPS_MAX	200000000ULL	/* rules that are looked at */

/* What is known of clients. */
struct ways_world {
	char		iifs[WAYS_IFS_MAX][IFNAMSIZ];	/* where they are */
	char		oifs[WAYS_IFS_MAX][IFNAMSIZ];	/* the way out */
	size_t		niifs, noifs;
	struct ways_net {
		struct addr_net	net;
		uint8_t		iif;	/* in iifs; of a routed one, 0 */
	} nets[WAYS_NETS_MAX];				/* theirs */
	size_t		nnets;
	bool		wanted[2];	/* the list grants to IPv4, to IPv6 */
	struct addr	client[2];	/* one of each family, the same */
	struct addr	stranger[2];	/* in the internet, the same */
};

/* What is found: a packet, and what becomes of it. */
typedef void ways_fn(void *arg, const struct judge_packet *,
    const struct judgement *);

/*
 * The i-th packet from some client to anywhere: the first one as from any, then one
 * from each interface and each net, and to each way out.  False: there is none.
 */
bool	ways_packet(const struct ways_world *, size_t i, uint8_t family,
	    uint8_t proto, uint16_t port, struct judge_packet *out);

/*
 * Tell of a packet of each rule that accepts one of that family, and what becomes
 * of it.  Returns -1 if the steps did not last.
 */
int	ways_each(const struct model *, const struct ways_world *,
	    uint8_t family, uint64_t *steps, ways_fn *fn, void *arg);

#endif
