/*
 * The worker's own list of addresses that are never granted (G8).  Pure.
 *
 * dnsfw-priv has another list, in other code, of what it never grants: before
 * a name's owner can open the way to the inside, both must fail.  This host's
 * own addresses are what the keeper has told (serve/own.c).
 */
#ifndef DNS_VET_H
#define DNS_VET_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"

/* What is to be looked at besides the reserved networks. */
struct dns_vet {
	const struct addr_net	*deny;		/* --deny-answer */
	size_t			 ndeny;
	const struct addr_net	*allow;		/* --allow-answer */
	size_t			 nallow;
	const struct addr	*own;		/* sorted: dns_vet_order() */
	size_t			 nown;
};

/*
 * True if a is never to be granted.  In this order:
 * - an address in one of the allow nets (--allow-answer) is granted, whatever
 *   else it is in; the length of the prefixes does not matter;
 * - an address in one of the deny nets (--deny-answer) is not, nor is one of
 *   own, or one in 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4,
 *   240.0.0.0/4, ::, ::1, fe80::/10, or ff00::/8;
 * - an IPv6 address is not granted if the IPv4 address that it embeds would
 *   not be by these two steps.
 * An address of neither family is never granted.
 *
 * Embedded IPv4 addresses are those of
 * - ::a.b.c.d and ::ffff:a.b.c.d (RFC 4291 2.5.5);
 * - 64:ff9b::a.b.c.d (RFC 6052 2.1);
 * - 2002:a.b.c.d::/48 (RFC 3056);
 * - Teredo, 2001::/32: of the server and of the client (RFC 4380 4);
 * - 64:ff9b:1::/48, of which a network translates any part with a prefix of
 *   48, 56, 64 or 96 bits (RFC 8215; RFC 6052 2.2).  Nothing in the address
 *   tells which, so that it is read in all four ways, and one is enough.  But
 *   the wrong ways meet bits of the prefix and padding, which mostly read as
 *   0.0.0.0/8 or 240.0.0.0/4, where no packet can go: these two count only if
 *   all four ways lead there (or if a deny net has them).
 */
bool	dns_vet_forbidden(const struct addr *a, const struct dns_vet *v);

/* The order of own, for qsort() and its like. */
int	dns_vet_order(const void *a, const void *b);

#endif
