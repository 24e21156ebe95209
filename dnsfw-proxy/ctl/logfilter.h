/* Which lines of the access log are wanted. */
#ifndef CTL_LOGFILTER_H
#define CTL_LOGFILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "logline.h"

struct logfilter {
	unsigned int	kinds;		/* bits 1 << enum logline_kind; 0: all */
	struct addr_net	client;		/* family 0: all */
	const char	*name;		/* or *.NAME; NULL: all */
};

/* Add "KIND,...".  Returns -1 if there is no such kind. */
int	logfilter_add_kinds(struct logfilter *, const char *text);

/*
 * Is the line wanted?  To be asked for each line, in their order: by a name are
 * wanted, too, the lines without one that belong to its questions.
 */
bool	logfilter_wants(const struct logfilter *, const struct logline *);

#endif
