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

/* One character; returns its octets. */
static size_t
show_character(FILE *to, const char *at, size_t left)
{
	size_t n = utf8_length(at, left);

	if (n > 1 && !is_control(at, n))
		fwrite(at, 1, n, to);
	else
		fputc(*at == '\t' ? ' ' : n == 1 &&
		    isprint((unsigned char)*at) ? *at : '?', to);
	return (n == 0 ? 1 : n);
}

void
show_line(FILE *to, const char *line, size_t len, size_t column)
{
	size_t at = first_shown(line, len, column), end, before = 0;

	end = len - at > SHOWN_MAX ? at + SHOWN_MAX : len;
	fputs("    ", to);
	while (at < end) {
		before += at + 1 < column;
		at += show_character(to, line + at, len - at);
	}
	fprintf(to, "\n    %*s^\n", (int)before, "");
}

void
show_text(FILE *to, const char *text, size_t len)
{
	size_t at;

	for (at = 0; at < len;)
		at += show_character(to, text + at, len - at);
}
