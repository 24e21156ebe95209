/*
 * The path of a file that a list includes, relative to the list's directory.
 * Whoever names one, it stays below that directory, and nothing of it could be
 * taken for another line, or column, of a log.  Pure.
 */
#ifndef COMMON_ACLPATH_H
#define COMMON_ACLPATH_H

#include <stdbool.h>
#include <stddef.h>

#define ACLPATH_SIZE	128	/* with NUL */
#define ACLPATH_END	".acl"	/* of each file's name */

/*
 * Names of letters, digits and "._+@-", of which none begins with a dot, with a
 * slash between two; shorter than ACLPATH_SIZE.
 */
bool	aclpath_is_good(const char *path, size_t len);

/* Does it end as a file's name must? */
bool	aclpath_is_file(const char *path, size_t len);

#endif
