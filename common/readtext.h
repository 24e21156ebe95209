/* A whole file in memory. */
#ifndef COMMON_READTEXT_H
#define COMMON_READTEXT_H

#include <stddef.h>

#define READTEXT_MAX	(1UL << 30)	/* octets */

/*
 * What can be read from fd, in memory that the caller frees with free(3); NULL
 * with *why it is not.
 */
char	*readtext(int fd, size_t *len, const char **why);

#endif
