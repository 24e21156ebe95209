/* The options, as each of the others is told them. */
#ifndef START_CONF_H
#define START_CONF_H

#include "keepconf.h"
#include "privs.h"
#include "stamps.h"

/* The worker's share: its first message. */
void	conf_worker(const struct options *o, struct msg_config *);

/*
 * The keeper's share, all but the process ids.  acl: the file's name in
 * o->acl_file.
 */
void	conf_keeper(const struct options *o, const struct users *,
	    const char *acl, struct keepconf *);

/* The helper's share, with its stamps. */
void	conf_helper(const struct options *o, struct user, struct stamps *);

#endif
