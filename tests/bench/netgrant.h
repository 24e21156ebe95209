/*
 * The bare grant: an element of a set of ipset or nftables that exists, added
 * over netlink with a timeout, in batches, and waited for.
 */
#ifndef BENCH_NETGRANT_H
#define BENCH_NETGRANT_H

#include <stddef.h>
#include <stdint.h>

#define NETGRANT_BATCH	64

/* Network byte order.  TCP port 443 is what is granted. */
struct netgrant {
	uint32_t	client;
	uint32_t	dst;
};

/*
 * kind is "ipset", for a set "bench" of hash:ip,port,ip; or "nftables", for a
 * set "bench" of ipv4_addr . inet_proto . inet_service . ipv4_addr in the
 * table inet filter.  Ends the program on error, as do the others.
 */
void	netgrant_open(const char *kind);

/* Add n elements, 1..NETGRANT_BATCH; returns after the kernel's answer. */
void	netgrant_add(const struct netgrant *, size_t n);

#endif
