/* A line of a list, shown to a reader. */
#include "show.h"

#include <ctype.h>
#include <stdbool.h>

#include "utf8.h"

#define SHOWN_MAX	70	/* octets of a line */
#define SHOWN_BEFORE	40	/* of them before the column, if it is longer */

/* U+0080 to U+009F: a terminal may take them for orders, as it does ESC. */
static bool
is_control(const char *at, size_t length)
{
	return (length == 2 && (unsigned char)at[0] == 0xc2 &&
	    (unsigned char)at[1] < 0xa0);
}

/* Where to begin, so that the column can be seen; not within a character. */
static size_t
first_shown(const char *line, size_t len, size_t column)
{
	size_t at;

	if (len <= SHOWN_MAX || column <= SHOWN_BEFORE)
		return (0);
	for (at = column - SHOWN_BEFORE; at < len &&
	    ((unsigned char)line[at] & 0xc0) == 0x80; at++)
		;
	return (at);
}

void
show_line(FILE *to, const char *line, size_t len, size_t column)
{
	size_t at = first_shown(line, len, column), n, end, before = 0;

	end = len - at > SHOWN_MAX ? at + SHOWN_MAX : len;
	fputs("    ", to);
	for (; at < end; at += n) {
		before += at + 1 < column;
		n = utf8_length(line + at, len - at);
		if (n > 1 && !is_control(line + at, n))
			fwrite(line + at, 1, n, to);
		else
			fputc(line[at] == '\t' ? ' ' : n == 1 &&
			    isprint((unsigned char)line[at]) ? line[at] : '?',
			    to);
		if (n == 0)
			n = 1;
	}
	fprintf(to, "\n    %*s^\n", (int)before, "");
}
