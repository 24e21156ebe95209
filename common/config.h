/*
 * The file of --config: KEY=value lines, as systemd's EnvironmentFile has them.
 *
 * A '#' or ';' at the start of a line makes it a comment.  A value is what
 * stands behind the '=' without the blanks around it; in it a backslash makes
 * the next octet an ordinary one, and joins lines at their end.  Or it is in
 * quotes: '...' as it stands, "..." with \" \\ \` and \$.  What systemd would
 * skip or join silently (a line without a '=', something behind the closing
 * quote, a quote that ends in another line) is an error here.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <fcntl.h>
#include <stdbool.h>

/* How it is opened: a FIFO must not hold the start up. */
#define CONFIG_FLAGS	(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define CONFIG_SIZE_MAX	65536	/* bytes of the file */

/* Where we are in the text; line starts as 1. */
struct config {
	char		*at;
	unsigned int	 line;
};

struct config_item {
	unsigned int	 line;		/* where it begins, from 1 */
	char		*key;		/* NULL: the line is wrong */
	char		*value;
	const char	*wrong;		/* what was expected there */
};

/*
 * The whole file as a string that lives for ever, of one file at most.  It must
 * be a regular one.  Returns NULL with what is wrong in *why.
 */
char	*config_load(const char *path, const char **why);

/* The same, of one that is open, and stays so; -1: errno says why it is not. */
char	*config_read(int fd, const char **why);

/*
 * The next assignment, or the next line that is none; false at the end.  The
 * strings are inside of the text, which is changed for them.
 */
bool	config_next(struct config *c, struct config_item *item);

#endif
