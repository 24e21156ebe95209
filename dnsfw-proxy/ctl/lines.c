/* The lines of a file or pipe. */
#include "lines.h"

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MSEC	200	/* between looks at a file that is followed */

struct reader {
	lines_fn	*fn;
	void		*arg;
	size_t		 used;		/* of a line that has no end yet */
	bool		 passing;	/* over the rest of a long one */
	char		 buf[2 * LINES_LENGTH_MAX];
};

/* A line has come, or as much of it as there is room for. */
static void
give_line(struct reader *r, const char *line, size_t len)
{
	if (!r->passing)
		r->fn(r->arg, line, len);
}

/* Take out the lines that are complete. */
static void
take_lines(struct reader *r)
{
	char *line = r->buf, *end;
	size_t left = r->used;

	while ((end = memchr(line, '\n', left)) != NULL) {
		give_line(r, line, end - line > LINES_LENGTH_MAX ?
		    LINES_LENGTH_MAX : (size_t)(end - line));
		r->passing = false;
		left -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	if (left >= LINES_LENGTH_MAX) {
		give_line(r, line, LINES_LENGTH_MAX);
		r->passing = true;
		left = 0;
	}
	memmove(r->buf, line, left);
	r->used = left;
}

/* The last line may have no end. */
static void
end_lines(struct reader *r)
{
	if (r->used > 0)
		give_line(r, r->buf, r->used);
	r->used = 0;
	r->passing = false;
}

/* What is there: returns 0 at the end, or -1 with errno. */
static int
read_lines(struct reader *r, int fd)
{
	ssize_t n;

	for (;;) {
		n = read(fd, r->buf + r->used, sizeof(r->buf) - r->used);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return ((int)n);
		r->used += (size_t)n;
		take_lines(r);
		if (fflush(stdout) == EOF)
			err(1, "cannot write to standard output");
	}
}

int
lines_read(int fd, lines_fn *fn, void *arg)
{
	struct reader r = { .fn = fn, .arg = arg };

	if (read_lines(&r, fd) == -1)
		return (-1);
	end_lines(&r);
	return (0);
}

/* The file of that path if it is another one than fd; or -1. */
static int
open_newer(const char *path, int fd)
{
	struct stat old, new;

	if (fstat(fd, &old) == -1 || stat(path, &new) == -1 ||
	    (old.st_dev == new.st_dev && old.st_ino == new.st_ino))
		return (-1);
	return (open(path, O_RDONLY | O_CLOEXEC));
}

static bool
is_directory(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
}

static bool
was_cut(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size < lseek(fd, 0, SEEK_CUR));
}

int
lines_follow(const char *path, lines_fn *fn, void *arg)
{
	struct reader r = { .fn = fn, .arg = arg };
	int fd = open(path, O_RDONLY | O_CLOEXEC), newer;

	if (fd == -1)
		return (-1);
	/* It has no end to go to, and would be read from nowhere. */
	if (is_directory(fd)) {
		errno = EISDIR;
		return (-1);
	}
	(void)lseek(fd, 0, SEEK_END);
	while (read_lines(&r, fd) == 0) {
		if ((newer = open_newer(path, fd)) != -1) {
			/* What came meanwhile. */
			if (read_lines(&r, fd) == -1)
				break;
			end_lines(&r);
			close(fd);
			fd = newer;
		} else if (was_cut(fd)) {
			r.used = 0;
			r.passing = false;
			(void)lseek(fd, 0, SEEK_SET);
		} else
			(void)poll(NULL, 0, LOOK_MSEC);
	}
	return (-1);
}
