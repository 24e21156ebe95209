/*
 * All that is read at the start: options, users, this host's interfaces and
 * addresses.  It is for a child without any power.
 */
#ifndef OPTIONS_READER_H
#define OPTIONS_READER_H

#include "options.h"

/*
 * Fill *o, which is zero, whole but for what only root knows: the ACL's name,
 * process ids, and whether this is root.  What is wrong is said, and ends the
 * process, and so do --help and --version (0, and ->keep.version is 0).
 */
void	reader_read(struct options *o, int argc, char **argv,
	    const struct options_file *, bool root);

#endif
