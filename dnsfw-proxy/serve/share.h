/* Who is one client where each has a share (D22). */
#ifndef SERVE_SHARE_H
#define SERVE_SHARE_H

#include "addr.h"

struct acl_image;

/*
 * An IPv4 client is its address; an IPv6 one, which has many, its /64; and a host of
 * the list all that it has, which its first address stands for (U11).  A machine of
 * the neighbour table is one of its addresses, and that one's /64 if it has none of
 * IPv4: so nobody has more shares by it.  There may be no list so far.
 */
struct addr share_of(const struct acl_image *, const struct addr *client);

#endif
