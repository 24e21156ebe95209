/* A line of a file, shown to a reader. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <stddef.h>
#include <stdio.h>

/*
 * Print the line of len octets and, below the octet at column (from 1), a caret.
 * Of a long line there is what fits around it.  What is no printable character
 * becomes "?", so that no text can do anything to a terminal.
 */
void	show_line(FILE *to, const char *line, size_t len, size_t column);

/* The whole text, made as harmless. */
void	show_text(FILE *to, const char *text, size_t len);

#endif
