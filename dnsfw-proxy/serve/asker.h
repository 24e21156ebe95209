/* Who asks, and how to answer. */
#ifndef SERVE_ASKER_H
#define SERVE_ASKER_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct tcp_conn;

/* Where an answer goes. */
struct asker {
	bool		 tcp;
	/* TCP: */
	struct tcp_conn	*conn;		/* NULL: the client has left */
	LIST_ENTRY(asker) of_conn;	/* those that it owes an answer */
	/* UDP: */
	unsigned int	 listener;	/* number of the --bind */
	socklen_t	 peer_len;
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	} peer;
	uint8_t		 local_family;	/* what was asked (D1): ADDR_V4, */
	union {				/* ADDR_V6, or 0: need not be said */
		struct in_pktinfo	in;
		struct in6_pktinfo	in6;
	} local;
};
LIST_HEAD(askers, asker);

/*
 * What the fronts call with a message from addr, an IPv4-mapped address already
 * IPv4.  msg is only read; the asker is to be copied.
 */
typedef void asker_receive(const uint8_t *msg, size_t len,
	    const struct addr *addr, const struct asker *);

#endif
