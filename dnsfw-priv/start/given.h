/* What the keeper inherits as descriptors. */
#ifndef START_GIVEN_H
#define START_GIVEN_H

#include <stddef.h>
#include <stdint.h>

#include "keepconf.h"

/*
 * The directory of the ACL, by name only; ->acl_name is set.  Exits with 2 for
 * an ACL that cannot be opened later.
 */
int	given_acl(struct keepconf *);

/*
 * A socket to the service manager, which $NOTIFY_SOCKET names, or -1.  One that
 * cannot be used is a warning.
 */
int	given_notify(void);

/* A socket to netfilter; groups: bits of those that it is to hear. */
int	given_netlink(uint32_t groups);

/* Memory that holds len bytes and that nobody can change. */
int	given_memory(const char *name, const void *bytes, size_t len);

#endif
