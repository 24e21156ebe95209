/* The lines of a file or pipe, as they come. */
#ifndef CTL_LINES_H
#define CTL_LINES_H

#include <stddef.h>

#define LINES_LENGTH_MAX	8192	/* octets; more of a line is passed over */

/* A line, without its end. */
typedef void lines_fn(void *arg, const char *line, size_t len);

/*
 * Give each line of fd to fn, up to the end; standard output is flushed before
 * each wait.  Returns 0, or -1 with errno.
 */
int	lines_read(int fd, lines_fn *fn, void *arg);

/*
 * Give each line to fn that comes to the file of that path from now on, whether it
 * grows, is cut to nothing, or another file gets its name.  Returns -1 with errno.
 */
int	lines_follow(const char *path, lines_fn *fn, void *arg);

#endif
