/* What the helper is told of the options. */
#ifndef START_CONF_H
#define START_CONF_H

#include "options/options.h"
#include "stamps.h"

/* The helper's share, with its stamps. */
void	conf_helper(const struct options *o, struct stamps *);

#endif
