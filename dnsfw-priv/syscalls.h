/* The system calls of dnsfw-priv after its start. */
#ifndef PRIV_SYSCALLS_H
#define PRIV_SYSCALLS_H

#include <fcntl.h>

#include "sandbox.h"

/*
 * Descriptors that the table below tells from the others, which are all
 * smaller than the first of these.
 */
#define FD_OWN		60	/* netlink, route (own.h) */
#define FD_ACL_DIR	61	/* the directory of the ACL */
#define FD_NOTIFY	62	/* the service manager (notify.h) */

#define ACL_OPEN_FLAGS	(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

extern const struct sandbox_rule priv_rules[];
extern const size_t priv_nrules;

#endif
