/* Addresses from text and sockaddrs, and back; what they are.  Pure. */
#ifndef COMMON_ADDRTEXT_H
#define COMMON_ADDRTEXT_H

#include <sys/socket.h>

#include "addr.h"

#define ADDR_TEXT_MAX	46	/* longest text of addr_print(), with NUL */

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

/*
 * Take the address out of a sockaddr_in or sockaddr_in6, unmapped.  port, if
 * not NULL, gets the port in host order.  Returns 0, or -1 for another family.
 */
int	addr_from_sockaddr(const struct sockaddr *sa, struct addr *out,
	    uint16_t *port);

/* 127.0.0.0/8 and ::1. */
bool	addr_is_loopback(const struct addr *a);

/* fe80::/10: means nothing without an interface. */
bool	addr_is_link_local6(const struct addr *a);

/*
 * Fill ss; port is in host order, scope is the index of an interface for a
 * link-local address, or 0.  Returns the length for bind(2).
 */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, uint32_t scope,
	    struct sockaddr_storage *ss);

#endif
