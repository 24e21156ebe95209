/*
 * Which addresses are one machine, a host, as the list says (U11).  Pure, safe
 * with any image.
 */
#ifndef ACL_HOSTS_H
#define ACL_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "msg.h"

struct acl_image;

#define ACL_HOST_MAX	16	/* addresses and networks of a host */
#define HOST_NET	MSG_HOST_NET

/* The host of that address, in *host; false: of none. */
bool	acl_host_of(const struct acl_image *, const struct addr *,
	    uint32_t *host);

/* What it is made of; returns how many. */
unsigned int acl_host_list(const struct acl_image *, uint32_t host,
	    struct addr_net out[ACL_HOST_MAX]);

/*
 * Make the client's address that which stands for all of its host: its first one,
 * or the first of its first network.  False: it has none.
 */
bool	acl_host_first(const struct acl_image *, struct addr *client);

/*
 * What hosts are made of, in strictly ascending order of family, base and prefix;
 * *host is as above, and less than IMAGE_MEMBERS_MAX.  False: there is no i-th.
 */
bool	acl_hosts_at(const struct acl_image *, uint32_t i, struct addr_net *out,
	    uint32_t *host);

#endif
