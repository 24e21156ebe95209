/*
 * The files that a list includes: opened, and found in a directory, for the
 * keeper and for dnsfwctl alike.
 */
#ifndef COMMON_ACLFILE_H
#define COMMON_ACLFILE_H

#include <fcntl.h>

#include "aclpath.h"

/* Exactly these: the keeper's filter looks at them. */
#define ACLFILE_FLAGS	(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define ACLFILE_DIRECTORY (ACLFILE_FLAGS | O_DIRECTORY)

#define ACLFILE_ENTRIES_MAX 1024	/* of a directory */

/* Why there is no file, or no further one. */
enum aclfile_trouble {
	ACLFILE_OK = 0,
	ACLFILE_END,		/* the directory has no further one */
	ACLFILE_MISSING,
	ACLFILE_DENIED,
	ACLFILE_KIND,		/* not a regular file */
	ACLFILE_NODIR,
	ACLFILE_NAME,		/* one there has a name that is not good */
	ACLFILE_MANY,		/* more than ACLFILE_ENTRIES_MAX */
	ACLFILE_OTHER,
	ACLFILE_TROUBLES
};

const char *aclfile_text(enum aclfile_trouble);

/* Open a regular file below dir; returns -1 with *why. */
int	aclfile_open(int dir, const char *path, enum aclfile_trouble *why);

/*
 * The first name in the directory at path, below dir, that is behind after ("":
 * of all), ends in ".acl", and does not begin with a dot; in the order of octets.
 */
enum aclfile_trouble aclfile_next(int dir, const char *path, const char *after,
	    char name[ACLPATH_SIZE]);

#endif
