/* Packets of clients, as far as the host and the list tell who they are. */
#ifndef DOCTOR_WAYS_H
#define DOCTOR_WAYS_H

#include <stddef.h>

#include "judge.h"

#define WAYS_NETS_MAX	256
#define WAYS_IFS_MAX	64
#define WAYS_PORT_ANY	40001	/* which no rule is meant for */

/* What is known of clients. */
struct ways_world {
	char		iifs[WAYS_IFS_MAX][IFNAMSIZ];	/* where they are */
	char		oifs[WAYS_IFS_MAX][IFNAMSIZ];	/* the way out */
	size_t		niifs, noifs;
	size_t		nall;		/* and other interfaces behind them */
	struct ways_net {
		struct addr_net	net;
		uint8_t		iif;	/* in iifs; of a routed one, 0 */
		bool		here;	/* it is that interface's own */
	} nets[WAYS_NETS_MAX];				/* theirs */
	size_t		nnets;
	unsigned int	port;		/* of dnsfw */
	bool		wanted[2];	/* the list grants to IPv4, to IPv6 */
	struct addr	client[2];	/* one of each family, the same */
	struct addr	stranger[2];	/* in the internet, the same */
};

/* A packet from the client to the stranger. */
void	ways_any(const struct ways_world *, uint8_t family, uint8_t proto,
	    uint16_t port, struct judge_packet *out);

/* One that is hardly another machine's than a client's. */
struct addr ways_address(const struct addr_net *);

/*
 * The i-th packet from some client to anywhere: the first one as from any, then one
 * from each interface and each net, and to each way out.  False: there is none.
 */
bool	ways_packet(const struct ways_world *, size_t i, uint8_t family,
	    uint8_t proto, uint16_t port, struct judge_packet *out);

#endif
