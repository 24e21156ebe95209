/* What the keeper inherits as descriptors. */
#ifndef START_GIVEN_H
#define START_GIVEN_H

#include <stddef.h>
#include <stdint.h>

/*
 * The directory of the ACL, by name only, in *dir.  Returns the file's name in
 * it.  Exits with 2 for one that cannot be opened later.
 */
const char *given_acl(const char *path, int *dir);

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
