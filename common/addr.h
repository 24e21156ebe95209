/*
 * IP addresses and subnets as plain bytes.  Pure: no system call, no
 * allocation, no global.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_V4		4	/* our own family constants: they cross */
#define ADDR_V6		6	/* process borders, AF_* never does */

/*
 * One address.  bytes is in network order; an IPv4 address is in the first
 * four and the rest is zero, so that two addresses are equal exactly when all
 * bytes of the struct are.  family 0 means "no address".
 */
struct addr {
	uint8_t	family;
	uint8_t	bytes[16];
};

/* A subnet: base is masked to prefix bits (0-32 or 0-128). */
struct addr_net {
	struct addr	base;
	uint8_t		prefix;
};

/* The length of an address of that family in bytes: 4, 16, or 0. */
size_t	addr_len(uint8_t family);

/* Clear all bits after the first prefix ones. */
void	addr_mask(struct addr *a, unsigned int prefix);

/* True if a is of the net's family and inside it. */
bool	addr_in_net(const struct addr *a, const struct addr_net *net);

bool	addr_equal(const struct addr *a, const struct addr *b);

#endif
