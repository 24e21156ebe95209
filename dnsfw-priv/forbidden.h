/*
 * Destinations that are never granted (G8).  Written independently of what
 * the proxy does with answers: two different pieces of code must fail before
 * a name's owner can open the way to the inside.
 */
#ifndef PRIV_FORBIDDEN_H
#define PRIV_FORBIDDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"

/*
 * Networks that --deny-answer adds, and those that --allow-answer excepts from
 * everything else; both arrays must stay.
 */
void	forbidden_networks(const struct addr_net *deny, size_t ndeny,
	    const struct addr_net *allow, size_t nallow);

/*
 * True for loopback, unspecified, link-local, multicast, reserved, this host's
 * own addresses and its networks' broadcast addresses, what root denied, and
 * for IPv6 forms that carry such an IPv4 address inside: mapped, compatible
 * (RFC 4291 2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo
 * (RFC 4380).
 */
bool	forbidden_destination(const struct addr *dst);

#endif
