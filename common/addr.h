/*
 * IP addresses and subnets as plain bytes.  Pure: no system call, no
 * allocation, no global.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_V4		4	/* our own family constants: they cross */
#define ADDR_V6		6	/* process borders, AF_* never does */

#define ADDR_TEXT_MAX	46	/* longest text of addr_print(), with NUL */

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

/*
 * Parse the textual form (RFC 4291 2.2 for IPv6; dotted quad without
 * leading zeros for IPv4) of exactly len bytes.  No scope, no port.
 * Returns 0, or -1.
 */
int	addr_parse(const char *text, size_t len, struct addr *out);

/*
 * Parse "ADDRESS" or "ADDRESS/PREFIX"; host bits are masked away, and what lies
 * in ::ffff:0:0/96 becomes IPv4 (A1).  Returns 0, or -1; or ADDR_MAPPED for a
 * subnet around that one, which would seem to hold IPv4 addresses: all but ::/0.
 */
#define ADDR_MAPPED	-2
int	addr_net_parse(const char *text, size_t len, struct addr_net *out);

/* An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) becomes IPv4. */
void	addr_unmap(struct addr *a);

/* Write the canonical text (RFC 5952) with its NUL; returns buf. */
const char *addr_print(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* Clear all bits after the first prefix ones. */
void	addr_mask(struct addr *a, unsigned int prefix);

/* True if a is of the net's family and inside it. */
bool	addr_in_net(const struct addr *a, const struct addr_net *net);

bool	addr_equal(const struct addr *a, const struct addr *b);

/* 127.0.0.0/8 and ::1. */
bool	addr_is_loopback(const struct addr *a);

/*
 * Take the address out of a sockaddr_in or sockaddr_in6, unmapped.  port, if
 * not NULL, gets the port in host order.  Returns 0, or -1 for another family.
 */
int	addr_from_sockaddr(const struct sockaddr *sa, struct addr *out,
	    uint16_t *port);

/* fe80::/10: means nothing without an interface. */
bool	addr_is_link_local6(const struct addr *a);

/*
 * Fill ss; port is in host order, scope is the index of an interface for a
 * link-local address, or 0.  Returns the length for bind(2).
 */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, uint32_t scope,
	    struct sockaddr_storage *ss);

#endif
