/* The options, as each of the others is told them. */
#ifndef START_CONF_H
#define START_CONF_H

#include "options.h"
#include "stamps.h"

/*
 * What is not read into ->keep and ->worker, but follows from it; all but the
 * process ids.  acl: the file's name in o->acl_file.
 */
void	conf_complete(struct options *o, const char *acl);

/* The helper's share, with its stamps. */
void	conf_helper(const struct options *o, struct stamps *);

#endif
