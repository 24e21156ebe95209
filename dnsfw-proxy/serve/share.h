/* Who is one client where each has a share (D22).  Pure. */
#ifndef SERVE_SHARE_H
#define SERVE_SHARE_H

#include "addr.h"

/* An IPv4 client is its address; an IPv6 one, which has many, its /64. */
struct addr share_of(const struct addr *client);

#endif
